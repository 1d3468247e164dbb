"""Runs `coma` as people do, in this process or in one of its own: the only tests beside test_cli that call the cli."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coma_cli.cli import PASSIVE_WAITING, main

__all__ = ["PASSIVE_WAITING", "coma", "run_coma", "start_coma"]


def run_coma(arguments: Sequence[object]) -> int:
    """Run one command in this process; its exit code. What it prints goes where this process prints."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as end:
        code = end.code
    return code if isinstance(code, int) else 1


def coma(
    *arguments: str | bytes | Path, cwd: Path | None = None, timeout: float = 120, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end in a process of its own, with these environment variables beside the present ones."""
    command = [sys.executable, "-m", "coma_cli", *arguments]
    env = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env, timeout=timeout, check=False)


def start_coma(
    arguments: Sequence[str], cwd: Path | None = None, environment: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[str]:
    """Start one command in a process of its own; both streams are pipes of text. `options` are those of `Popen`."""
    return subprocess.Popen(
        [sys.executable, "-m", "coma_cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        **options,
    )
