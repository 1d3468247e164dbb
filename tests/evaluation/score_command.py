"""Runs `coma score` in a workspace of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from coma_cli.jsonl import JsonRow, read_rows
from coma_cli.workspace import Workspace
from tests.support.command import coma, run_coma


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

    def _here(self, words: list[str]) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = run_coma(words)
        return code, *self._capsys.readouterr()

    def _elsewhere(self, words: list[str]) -> tuple[int, str, str]:
        done = coma(*words, cwd=self._folder, timeout=600)
        return done.returncode, done.stdout, done.stderr

    def verdicts(self) -> list[JsonRow]:
        artifact = self.workspace.newest("score")
        assert artifact is not None
        return list(read_rows(artifact.file("verdicts.jsonl")))
