"""Files of rows to decontaminate against, in any form of a file of rows and with any of the usual columns.

A row is read by its columns: what is asked (`instruction` with `input`, `prompt`, `question`, `text`, `problem`), and
what is answered (`output`, `completion`, `response`, `answer`, `code`, `canonical_solution`, `solution`); or by its
turns (`messages`, `conversations`). HumanEval's and MBPP's published rows are of these forms, and so are coma's own.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from coma_cli.errors import MissingInputError
from coma_cli.formats.files import one_file
from coma_cli.formats.row_files import whole_rows
from coma_cli.formats.text import optional_text
from coma_cli.jsonl import JsonRow, sha256_of
from coma_cli.records import Example, Origin, Problem

_ASKED = ("instruction", "prompt", "question", "text", "problem", "title")
_ANSWERED = ("output", "completion", "response", "answer", "code", "canonical_solution", "solution")
_IDS = ("id", "task_id", "problem_id", "key")
_TURNS = ("messages", "conversations")
_USER, _ASSISTANT = ("user", "human"), ("assistant", "gpt")
_NO_TASK = ""


class FileRow(NamedTuple):
    """One row: its id in the file (or its number, from 1 on), what is asked and answered."""

    id: str
    asked: str
    input: str
    answered: str
    entry_point: str


def read_file(path: Path) -> Iterator[FileRow]:
    """The rows of a file.

    Raises:
        MissingInputError: the file is missing, broken, empty, or a row has no known column.
    """
    number = 0
    for number, row in whole_rows(one_file(path)):
        yield _row(row, number, path)
    if not number:
        raise MissingInputError(f"{path} holds no rows.", "Give a file with rows, or none.")


def _row(row: JsonRow, number: int, path: Path) -> FileRow:
    name = next((str(row[key]) for key in _IDS if row.get(key) is not None), str(number))
    turns = next((row[key] for key in _TURNS if isinstance(row.get(key), list)), None)
    if turns is not None:
        return FileRow(name, _said_by(_USER, turns), "", _said_by(_ASSISTANT, turns), "")
    asked, answered = _text(row, _ASKED), _text(row, _ANSWERED)
    if not (asked or answered):
        columns = ", ".join(sorted(map(str, row))) or "none"
        known = ", ".join((*_ASKED, *_ANSWERED, *_TURNS))
        raise MissingInputError(f"{path}, row {number}: no known column (it has {columns}).", f"Known: {known}")
    given = optional_text(row.get("input")) or ""
    return FileRow(name, asked, given, answered, str(row.get("entry_point") or ""))


def _text(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((row[name] for name in names if isinstance(row.get(name), str) and row[name].strip()), "")


def _said_by(roles: tuple[str, ...], turns: list[Any]) -> str:
    """What was said first by one of the two."""
    for turn in turns:
        if isinstance(turn, Mapping) and turn.get("role", turn.get("from")) in roles:
            return str(turn.get("content", turn.get("value", "")))
    return ""


def reference_rows(path: Path) -> Iterator[Example]:
    """The rows of a file as rows of no task, by which duplicates of theirs are found (see `dedup`).

    A row with an input gives two: the question as a whole, and the input alone, since a task's instruction may be a
    mere wording of it.
    """
    for row in read_file(path):
        yield _reference(path, row, row.asked, row.input, row.answered)
        if row.input.strip():
            yield _reference(path, row, row.input, "", "")


def _reference(path: Path, row: FileRow, instruction: str, given: str, output: str) -> Example:
    return Example(
        id=sha256_of([path.name, row.id, instruction, given])[:20],
        task=_NO_TASK,
        source=path.name,
        language="",
        instruction=instruction,
        input=given,
        output=output,
        licence="",
        origin=Origin(path=path.name, row=row.id),
    )


def file_problems(path: Path) -> Iterator[Problem]:
    """The rows of a file as problems of a benchmark that has the file's name."""
    for row in read_file(path):
        continues = bool(row.entry_point) and "def " in row.asked
        prompt = f"{row.asked}\n{row.input}".strip("\n") if row.input else row.asked
        yield Problem(
            task_id=row.id,
            bench=path.name,
            prompt=prompt,
            instruction=prompt,
            prompt_code=prompt if continues else "",
            entry_point=row.entry_point,
            tests="",
            reference=prompt + row.answered if continues else row.answered,
            cpu_limit_s=1.0,
        )
