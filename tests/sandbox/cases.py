"""A folder of hostile cases: what it holds, and which of its cases a test takes. Needs the standard library only."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Case = Mapping[str, Any]
Task = Mapping[str, Any]
# What a case and a task must say; the rest depends on the format.
CASE_FIELDS = {"id", "class", "format", "expected_verdict", "accept", "level", "checks"}
ANSWER_FIELDS = {"humaneval": "completion", "mbpp": "solution", "program": "program"}
TASK_FIELDS = {
    "humaneval": {"prompt", "entry_point", "test", "canonical_solution"},
    "mbpp": {"code", "test_setup_code", "test_list"},
}


class CaseFolderError(Exception):
    """The folder is not of the documented form, or has nothing for a test; the message says where and why."""


@dataclass(frozen=True)
class CaseFolder:
    """The cases of a folder in the order of their file, by id, and the tasks that they answer."""

    path: Path
    cases: Mapping[str, Case]
    tasks: Mapping[str, Task]

    def choose(self, names: Iterable[str] = (), classes: Sequence[str] = (), verdicts: Sequence[str] = ()) -> list[str]:
        """Ids of the named cases that are here; where none is, of the first of each class with one of the verdicts.

        No `classes` or `verdicts` are all of them.

        Raises:
            CaseFolderError: the folder has no such case.
        """
        if found := [name for name in names if name in self.cases]:
            return found
        first: dict[str, str] = {}
        for name, case in self.cases.items():
            if case["expected_verdict"] in (verdicts or (case["expected_verdict"],)):
                first.setdefault(case["class"], name)
        found = [name for kind, name in first.items() if kind in (classes or first)]
        if not found:
            wanted = f" of class {', '.join(classes)}" if classes else ""
            raise CaseFolderError(f"{self.path} has no case{wanted} for this test")
        return found


def read_folder(path: Path) -> CaseFolder:
    """Read `cases.jsonl` and `tasks.jsonl`; the second may be missing where all cases are whole programs.

    Raises:
        CaseFolderError: a file is missing, or a row is not of the documented form.
    """
    tasks: dict[str, Task] = {}
    for place, row in _rows(path / "tasks.jsonl", required=False):
        _require(place, row, {"task_id", "format"} | TASK_FIELDS.get(row.get("format", ""), set()), TASK_FIELDS)
        tasks[row["task_id"]] = row
    cases: dict[str, Case] = {}
    for place, row in _rows(path / "cases.jsonl", required=True):
        _require(place, row, CASE_FIELDS | {ANSWER_FIELDS.get(row.get("format", ""), "format")}, ANSWER_FIELDS)
        if row["id"] in cases:
            raise CaseFolderError(f"{place}: the id {row['id']} is a duplicate")
        if row["format"] != "program" and row.get("task_id") not in tasks:
            raise CaseFolderError(f"{place}: no task {row.get('task_id')} in tasks.jsonl")
        cases[row["id"]] = row
    for name, case in cases.items():
        if case.get("after") and case["after"] not in cases:
            raise CaseFolderError(f"{path}: {name} is to run after {case['after']}, which is not there")
    if not cases:
        raise CaseFolderError(f"{path / 'cases.jsonl'} holds no case")
    return CaseFolder(path, cases, tasks)


def _rows(path: Path, *, required: bool) -> Iterable[tuple[str, Mapping[str, Any]]]:
    if not path.is_file():
        if required:
            raise CaseFolderError(f"there is no {path}")
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise CaseFolderError(f"{path}:{number}: not JSON: {error}") from None
        if not isinstance(row, dict):
            raise CaseFolderError(f"{path}:{number}: not an object")
        yield f"{path}:{number}", row


def _require(place: str, row: Mapping[str, Any], fields: Iterable[str], formats: Iterable[str]) -> None:
    missing = sorted(set(fields) - row.keys())
    if missing:
        raise CaseFolderError(f"{place}: no field {', '.join(missing)}")
    if row["format"] not in formats:
        raise CaseFolderError(f"{place}: unknown format {row['format']}")
