"""Reads what is trained on: finished runs, and files of rows in any form and any of the usual layouts.

Each row is read by its own columns. One that can't be used is skipped and counted with its reason; a file without a
single usable row is an error.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coma_cli.errors import MissingInputError, UsageError
from coma_cli.formats.files import one_file
from coma_cli.formats.forms import Form, form_of
from coma_cli.formats.row_files import BadRow, good_rows
from coma_cli.formats.text import optional_text
from coma_cli.jsonl import JsonRow
from coma_cli.training.hub_data import hub_data
from coma_cli.training.layouts import PAIRS, PARTS, UNKNOWN, FittedRow, Turn, UnusableRow, columns_of, fit_row
from coma_cli.words import count_of, shortened
from coma_cli.workspace import Artifact, Input, Workspace

TRAIN_FILE = "train.jsonl"
_NAMED_LINES = 5
_NAMED_LAYOUTS = 3
DATA_STAGES = ("build-data", "gen-instructions")


@dataclass(frozen=True)
class TrainingRow:
    """One instruction with its answer; `id` is unique among all rows of a run.

    `number` counts the rows of its file from 1; `states_source` says that the row itself names its source. A
    conversation has its `earlier` turns, whose answers are trained too, and maybe a `system` text before all of them.
    """

    id: str
    source: str
    instruction: str
    input: str
    output: str
    number: int = 0
    states_source: bool = False
    task: str = ""
    system: str = ""
    earlier: tuple[Turn, ...] = ()

    @property
    def asked(self) -> str:
        """All that is not an answer, but for the input."""
        return "\n\n".join(filter(None, (self.system, *(turn.question for turn in self.earlier), self.instruction)))

    @property
    def answered(self) -> str:
        """All answers."""
        return "\n\n".join((*(turn.answer for turn in self.earlier), self.output))


@dataclass(frozen=True)
class TrainingFile:
    """One file to train on, the input that it counts as, and the finished run that it is of, if any.

    `source` is that of rows that do not name one.
    """

    input: Input
    path: Path
    artifact: Artifact | None = None
    source: str = ""


@dataclass
class ReadReport:
    """What was found while reading: rows per file, rows skipped by reason, broken rows, and the form of each file.

    `layouts` counts the usable rows of each file (by its path) by their columns, and `unknown` the rows of each by
    columns that coma does not know. `skipped_of` has the reasons of each file.
    """

    rows: Counter[str] = field(default_factory=Counter)
    unusable: Counter[str] = field(default_factory=Counter)
    corrupt: list[BadRow] = field(default_factory=list)
    forms: dict[str, Form] = field(default_factory=dict)
    layouts: dict[str, Counter[str]] = field(default_factory=dict)
    unknown: dict[str, Counter[str]] = field(default_factory=dict)
    skipped_of: dict[str, Counter[str]] = field(default_factory=dict)
    conversations: Counter[str] = field(default_factory=Counter)

    @property
    def skipped(self) -> Counter[str]:
        """Everything that was not used, by its reason."""
        return self.unusable + Counter({"broken row": len(self.corrupt)})

    def named(self, file: TrainingFile) -> str:
        """A file's path, with its form where that is not the usual one."""
        form = self.forms[str(file.path)]
        return str(file.path) if form.is_plain else f"{file.path} ({form})"

    def columns(self) -> list[str]:
        """By which columns the rows of each file were read, and how many rows by each."""
        return [f"Columns of {Path(path).name}: {self._layouts(path)}" for path in self.layouts if self.layouts[path]]

    def _layouts(self, path: str) -> str:
        found = self.layouts[path].most_common()
        total = sum(count for _, count in found)
        counted = "; ".join(name if count == total else f"{name} ({count_of(count, 'row')})" for name, count in found)
        several = self.conversations[path]
        return f"{counted}; {count_of(several, 'row')} with several turns" if several else counted

    def warnings(self) -> list[str]:
        """The first broken rows by file and number, how many more there are, and why other rows were skipped."""
        more = len(self.corrupt) - _NAMED_LINES
        named = [f"Warning: {bad}; skipped" for bad in self.corrupt[:_NAMED_LINES]]
        named += [f"Warning: {more} more broken rows skipped"] if more > 0 else []
        for path, reasons in self.skipped_of.items():
            counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
            named.append(f"Warning: {count_of(reasons.total(), 'row')} of {Path(path).name} skipped: {counts}")
            named += [f"  {line}" for line in self.unknown_layouts(path)]
        return named

    def unknown_layouts(self, path: str) -> list[str]:
        """The columns of rows that no layout fits."""
        found = self.unknown.get(path, Counter[str]())
        lines = [f"{count_of(count, 'row')} with columns {names}" for names, count in found.most_common(_NAMED_LAYOUTS)]
        return [*lines, f"and {len(found) - len(lines)} other layouts"] if len(found) > len(lines) else lines


def choose_data(workspace: Workspace, paths: list[Path] | None) -> tuple[TrainingFile, ...]:
    """The files named by `--data`, else those of the latest finished build-data and gen-instructions.

    Those on the Hub are fetched.

    Raises:
        MissingInputError: a path does not exist or is in an unfinished run; nothing is named and no run is finished.
        UsageError: a path is neither a file nor a finished run, or is named twice.
    """
    if paths:
        files = tuple(file for number, path in enumerate(paths) for file in _named(workspace, path, number))
        if len({file.path.resolve() for file in files}) < len(files):
            raise UsageError("The same data is named twice.", "Name each --data once; train longer with --epochs.")
        return files
    newest = [artifact for stage in DATA_STAGES if (artifact := workspace.newest(stage, TRAIN_FILE)) is not None]
    if not newest:
        workspace.require_newest(DATA_STAGES[0])
    return tuple(_of_artifact(artifact, artifact.command) for artifact in newest)


def _named(workspace: Workspace, path: Path, number: int) -> list[TrainingFile]:
    """The file of a path, or those of a data set on the Hub."""
    name = f"data-{number}"
    path = workspace.place_of(path, *DATA_STAGES)
    if not path.exists():
        on_hub = hub_data(str(path))
        if on_hub is None:
            raise MissingInputError(f"There is no file or finished run {path}.", "Check --data.")
        found = enumerate(on_hub.fetched())
        return [TrainingFile(Input.of_path(f"{name}-{part}", p), p, source=on_hub.name) for part, p in found]
    artifact = workspace.artifact_at(path)
    if artifact is not None and (path.is_dir() or path.name == TRAIN_FILE):
        return [_of_artifact(artifact, name)]
    if path.is_dir():
        raise UsageError(f"{path} is a folder, but not a finished run.", "Name a file of rows, or a run's folder.")
    return [TrainingFile(Input.of_path(name, path), path)]


def _of_artifact(artifact: Artifact, name: str) -> TrainingFile:
    if artifact.command not in DATA_STAGES:
        raise UsageError(
            f"{artifact.path} is a {artifact.command} run.", f"Name a run of {' or '.join(DATA_STAGES)}, or a file."
        )
    return TrainingFile(artifact.as_input(name), artifact.intact(TRAIN_FILE, "--data"), artifact)


def read_examples(
    files: tuple[TrainingFile, ...], report: ReadReport, columns: Mapping[str, str] | None = None
) -> Iterator[TrainingRow]:
    """All usable rows, file by file; `report` is filled on the way. `columns` are as in `fit_row`.

    Raises:
        MissingInputError: a file has no usable row.
    """
    for number, file in enumerate(files):
        rows, path = one_file(file.path), str(file.path)
        report.forms[path] = form = form_of(rows)
        report.layouts[path] = Counter()
        own = {} if file.artifact is not None else columns or {}
        for position, (row_number, row) in enumerate(good_rows(rows, report.corrupt.append, form)):
            row_id = f"{number}/{position if row.get('id') is None else row['id']}"
            fitted = _checked(fit_row(row, own))
            if isinstance(fitted, UnusableRow):
                report.unusable[fitted.reason] += 1
                report.skipped_of.setdefault(path, Counter())[fitted.reason] += 1
                if fitted.reason == UNKNOWN:
                    report.unknown.setdefault(path, Counter())[shortened(columns_of(row), 200)] += 1
            else:
                report.rows[file.input.name] += 1
                report.layouts[path][fitted.layout] += 1
                report.conversations[path] += bool(fitted.earlier)
                yield _training_row(fitted, row, row_id, row_number, file)
        if not report.rows[file.input.name]:
            raise _nothing_usable(file, report, own)


def _nothing_usable(file: TrainingFile, report: ReadReport, columns: Mapping[str, str]) -> MissingInputError:
    path = str(file.path)
    skipped = report.skipped_of.get(path, Counter[str]())
    reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.most_common(4))
    bad = [entry for entry in report.corrupt if entry.file.path == file.path]
    broken = f"{count_of(len(bad), 'broken row')}, the first: {bad[0]}" if bad else ""
    found = "; ".join(filter(None, (reasons, broken, *report.unknown_layouts(path))))
    hint = "A row is a JSON object with instruction, output and, if any, input."
    if path in report.unknown or columns:
        known = ", ".join(f"{asked} and {answered}" for asked, answered in PAIRS)
        hint = (
            f"Map the columns: --columns instruction=NAME,output=NAME (parts: {', '.join(PARTS)}). "
            f"Known without it: {known}, messages, conversations, conversation."
        )
    return MissingInputError(
        f"{file.path} has 0 rows to train on, read as {report.forms[path]}{f' ({found})' if found else ''}.", hint
    )


def _checked(fitted: FittedRow | UnusableRow) -> FittedRow | UnusableRow:
    """A row to train on, or why there is none."""
    if isinstance(fitted, UnusableRow):
        return fitted
    if not fitted.output.strip():
        return UnusableRow("empty answer")
    if not fitted.instruction.strip() and not fitted.input.strip():
        return UnusableRow("empty instruction")
    texts = (
        fitted.instruction,
        fitted.input,
        fitted.output,
        fitted.system,
        *(t for turn in fitted.earlier for t in turn),
    )
    return fitted if all(map(_is_text, texts)) else UnusableRow("broken characters")


def _training_row(fitted: FittedRow, row: JsonRow, row_id: str, number: int, file: TrainingFile) -> TrainingRow:
    source = optional_text(row.get("source"))
    return TrainingRow(
        id=row_id,
        source=source or file.source or file.path.stem,
        instruction=fitted.instruction,
        input=fitted.input,
        output=fitted.output,
        number=number,
        states_source=bool(source),
        task=optional_text(row.get("task")) or "",
        system=fitted.system,
        earlier=fitted.earlier,
    )


def _is_text(value: str) -> bool:
    """Whether a string is free of halves of surrogate pairs, which JSON can hold and no tokenizer takes."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
