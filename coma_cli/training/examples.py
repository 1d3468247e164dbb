"""Reads the rows to train on: finished runs, JSONL of our own records, and alpaca rows as JSON or JSONL.

A row that can't be used is skipped and counted with its reason; a file without a single usable row is an error.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coma_cli.errors import MissingInputError, UsageError
from coma_cli.jsonl import CorruptLine, open_bytes, read_rows
from coma_cli.words import count_of
from coma_cli.workspace import Artifact, Input, Workspace

TRAIN_FILE = "train.jsonl"
_NAMED_LINES = 5
DATA_STAGES = ("build-data", "gen-instructions")


@dataclass(frozen=True)
class TrainingRow:
    """One instruction with its answer; `id` is unique among all rows of a run."""

    id: str
    source: str
    instruction: str
    input: str
    output: str


@dataclass(frozen=True)
class TrainingFile:
    """One file to train on, and the input that it counts as."""

    input: Input
    path: Path


@dataclass
class ReadReport:
    """What was found while reading: rows a file, rows left out by reason, broken lines."""

    rows: Counter[str] = field(default_factory=Counter)
    unusable: Counter[str] = field(default_factory=Counter)
    corrupt: list[CorruptLine] = field(default_factory=list)

    @property
    def skipped(self) -> Counter[str]:
        """Everything that was not used, by its reason."""
        return self.unusable + Counter({"broken line": len(self.corrupt)})

    def warnings(self) -> list[str]:
        """The first broken lines by file and number, and how many more there are."""
        more = len(self.corrupt) - _NAMED_LINES
        named = [f"Warning: {line}; left out" for line in self.corrupt[:_NAMED_LINES]]
        return [*named, f"Warning: {more} more broken lines left out"] if more > 0 else named


def choose_data(workspace: Workspace, paths: list[Path] | None) -> tuple[TrainingFile, ...]:
    """The files named by `--data`, else those of the latest finished build-data and gen-instructions.

    Raises:
        MissingInputError: a path does not exist or is in an unfinished run; nothing is named and no run is finished.
        UsageError: a path is neither a file nor a finished run, or is named twice.
    """
    if paths:
        files = tuple(_named(workspace, path, number) for number, path in enumerate(paths))
        if len({file.path.resolve() for file in files}) < len(files):
            raise UsageError("The same data is named twice.", "Name each --data once; train longer with --epochs.")
        return files
    newest = [artifact for stage in DATA_STAGES if (artifact := workspace.newest(stage)) is not None]
    if not newest:
        workspace.require_newest(DATA_STAGES[0])
    return tuple(_of_artifact(artifact, artifact.command) for artifact in newest)


def _named(workspace: Workspace, path: Path, number: int) -> TrainingFile:
    name = f"data-{number}"
    if not path.exists():
        raise MissingInputError(f"There is no {path}.", "Check --data.")
    artifact = workspace.artifact_at(path)
    if artifact is not None and (path.is_dir() or path.name == TRAIN_FILE):
        return _of_artifact(artifact, name)
    if path.is_dir():
        raise UsageError(f"{path} is a folder, but not a finished run.", "Name a file of rows, or a run's folder.")
    return TrainingFile(Input.of_path(name, path), path)


def _of_artifact(artifact: Artifact, name: str) -> TrainingFile:
    if artifact.command not in DATA_STAGES:
        raise UsageError(
            f"{artifact.path} is a {artifact.command} run.", f"Name a run of {' or '.join(DATA_STAGES)}, or a file."
        )
    return TrainingFile(artifact.as_input(name), artifact.intact(TRAIN_FILE, "--data"))


def read_examples(files: tuple[TrainingFile, ...], report: ReadReport) -> Iterator[TrainingRow]:
    """All usable rows, file by file; `report` is filled on the way.

    Raises:
        MissingInputError: a file has no usable row.
    """
    for number, file in enumerate(files):
        for position, row in enumerate(_raw_rows(file.path, report)):
            fitted = _fit(row, f"{number}/{row.get('id', position)}", file)
            if isinstance(fitted, str):
                report.unusable[fitted] += 1
            else:
                report.rows[file.input.name] += 1
                yield fitted
        if not report.rows[file.input.name]:
            raise _nothing_usable(file, report)


def _nothing_usable(file: TrainingFile, report: ReadReport) -> MissingInputError:
    reasons = ", ".join(f"{count} {reason}" for reason, count in report.unusable.most_common(4))
    lines = report.corrupt
    broken = f"{count_of(len(lines), 'broken line')}, the first: {lines[0].reason}" if lines else ""
    found = f" ({reasons or broken})" if reasons or broken else ""
    return MissingInputError(
        f"{file.path} has 0 rows to train on{found}.",
        "A row is a JSON object with instruction, output and, if any, input.",
    )


def _raw_rows(path: Path, report: ReadReport) -> Iterator[dict[str, Any]]:
    """The objects in a JSON list or in JSON lines."""
    if not _is_json_list(path):
        yield from read_rows(path, report.corrupt.append)
        return
    with open_bytes(path) as handle:
        try:
            rows = json.load(handle)
        except (ValueError, RecursionError) as error:
            raise MissingInputError(f"{path} is not valid JSON: {error}.", "Fetch or export it again.") from None
    for row in rows:
        if isinstance(row, dict):
            yield row
        else:
            report.unusable["no object"] += 1


def _is_json_list(path: Path) -> bool:
    with open_bytes(path) as handle:
        while block := handle.read(4096):
            if text := block.lstrip():
                return text.startswith(b"[")
    return False


def _fit(row: dict[str, Any], row_id: str, file: TrainingFile) -> TrainingRow | str:
    """A row to train on, or why there is none."""
    instruction, output, given = row.get("instruction"), row.get("output"), row.get("input") or ""
    if not isinstance(instruction, str) or not isinstance(output, str) or not isinstance(given, str):
        return "no instruction or output"
    if not output.strip():
        return "empty answer"
    if not instruction.strip() and not given.strip():
        return "empty instruction"
    if not _is_text(instruction + given + output):
        return "broken characters"
    return TrainingRow(row_id, str(row.get("source") or file.path.stem), instruction, given, output)


def _is_text(value: str) -> bool:
    """Whether a string is free of halves of surrogate pairs, which JSON can hold and no tokenizer takes."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
