"""Runs `coma score` in a workspace of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coma_cli.cli import main
from coma_cli.jsonl import JsonRow, read_rows
from coma_cli.workspace import Workspace


class Coma:
    """Runs `coma score --json` in a workspace of its own; gives the summary, or what was said if it exits otherwise."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.workspace = Workspace(folder / "workspace")
        self._folder = folder
        self._capsys = capsys

    def __call__(self, *arguments: object, code: int = 0, process: bool = False) -> Any:
        words = ["score", "-w", str(self.workspace.root), "--json", *map(str, arguments)]
        exit_code, out, said = self._elsewhere(words) if process else self._here(words)
        assert exit_code == code, said
        assert "Traceback" not in said
        return said if code else json.loads(out)

    def _here(self, words: list[str]) -> tuple[object, str, str]:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(words)
        return left.value.code, *self._capsys.readouterr()

    def _elsewhere(self, words: list[str]) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "coma_cli", *words], capture_output=True, text=True, cwd=self._folder
        )
        return done.returncode, done.stdout, done.stderr

    def verdicts(self) -> list[JsonRow]:
        artifact = self.workspace.newest("score")
        assert artifact is not None
        return list(read_rows(artifact.file("verdicts.jsonl")))
