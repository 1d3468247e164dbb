"""Reads what is trained on: finished runs, and files of our own records or of alpaca rows in any form.

A row that can't be used is skipped and counted with its reason; a file without a single usable row is an error.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from coma_cli.errors import MissingInputError, UsageError
from coma_cli.formats.files import one_file
from coma_cli.formats.forms import Form, form_of
from coma_cli.formats.row_files import BadRow, good_rows
from coma_cli.formats.text import optional_text
from coma_cli.jsonl import JsonRow
from coma_cli.words import count_of
from coma_cli.workspace import Artifact, Input, Workspace

TRAIN_FILE = "train.jsonl"
_NAMED_LINES = 5
DATA_STAGES = ("build-data", "gen-instructions")


@dataclass(frozen=True)
class TrainingRow:
    """One instruction with its answer; `id` is unique among all rows of a run.

    `number` counts the rows of its file from 1; `states_source` says that the row itself names its source.
    """

    id: str
    source: str
    instruction: str
    input: str
    output: str
    number: int = 0
    states_source: bool = False


@dataclass(frozen=True)
class TrainingFile:
    """One file to train on, the input that it counts as, and the finished run that it is of, if any."""

    input: Input
    path: Path
    artifact: Artifact | None = None


@dataclass
class ReadReport:
    """What was found while reading: rows per file, rows skipped by reason, broken rows, and the form of each file."""

    rows: Counter[str] = field(default_factory=Counter)
    unusable: Counter[str] = field(default_factory=Counter)
    corrupt: list[BadRow] = field(default_factory=list)
    forms: dict[str, Form] = field(default_factory=dict)

    @property
    def skipped(self) -> Counter[str]:
        """Everything that was not used, by its reason."""
        return self.unusable + Counter({"broken row": len(self.corrupt)})

    def named(self, file: TrainingFile) -> str:
        """A file's path, with its form where that is not the usual one."""
        form = self.forms[str(file.path)]
        return str(file.path) if form.is_plain else f"{file.path} ({form})"

    def warnings(self) -> list[str]:
        """The first broken rows by file and number, and how many more there are."""
        more = len(self.corrupt) - _NAMED_LINES
        named = [f"Warning: {bad}; skipped" for bad in self.corrupt[:_NAMED_LINES]]
        return [*named, f"Warning: {more} more broken rows skipped"] if more > 0 else named


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
    path = workspace.place_of(path, *DATA_STAGES)
    if not path.exists():
        raise MissingInputError(f"There is no file or finished run {path}.", "Check --data.")
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
    return TrainingFile(artifact.as_input(name), artifact.intact(TRAIN_FILE, "--data"), artifact)


def read_examples(files: tuple[TrainingFile, ...], report: ReadReport) -> Iterator[TrainingRow]:
    """All usable rows, file by file; `report` is filled on the way.

    Raises:
        MissingInputError: a file has no usable row.
    """
    for number, file in enumerate(files):
        rows = one_file(file.path)
        report.forms[str(file.path)] = form = form_of(rows)
        for position, (row_number, row) in enumerate(good_rows(rows, report.corrupt.append, form)):
            row_id = f"{number}/{position if row.get('id') is None else row['id']}"
            fitted = _fit(row, row_id, row_number, file)
            if isinstance(fitted, str):
                report.unusable[fitted] += 1
            else:
                report.rows[file.input.name] += 1
                yield fitted
        if not report.rows[file.input.name]:
            raise _nothing_usable(file, report)


def _nothing_usable(file: TrainingFile, report: ReadReport) -> MissingInputError:
    reasons = ", ".join(f"{count} {reason}" for reason, count in report.unusable.most_common(4))
    bad = [entry for entry in report.corrupt if entry.file.path == file.path]
    broken = f"{count_of(len(bad), 'broken row')}, the first: {bad[0]}" if bad else ""
    found = f" ({'; '.join(filter(None, (reasons, broken)))})" if reasons or broken else ""
    return MissingInputError(
        f"{file.path} has 0 rows to train on, read as {report.forms[str(file.path)]}{found}.",
        "A row is a JSON object with instruction, output and, if any, input.",
    )


def _fit(row: JsonRow, row_id: str, number: int, file: TrainingFile) -> TrainingRow | str:
    """A row to train on, or why there is none."""
    instruction, output, given = row.get("instruction"), row.get("output"), optional_text(row.get("input"))
    if not isinstance(instruction, str) or not isinstance(output, str) or given is None:
        return "no instruction or output"
    if not output.strip():
        return "empty answer"
    if not instruction.strip() and not given.strip():
        return "empty instruction"
    if not _is_text(instruction + given + output):
        return "broken characters"
    source = optional_text(row.get("source"))
    return TrainingRow(row_id, source or file.path.stem, instruction, given, output, number, bool(source))


def _is_text(value: str) -> bool:
    """Whether a string is free of halves of surrogate pairs, which JSON can hold and no tokenizer takes."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
