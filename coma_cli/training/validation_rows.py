"""The rows to validate on: those held out by the data runs, those of a file, or a share of the training rows."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from coma_cli.catalog.benchmarks import SAMPLED, VALIDATION
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.formats.files import one_file
from coma_cli.formats.forms import form_of
from coma_cli.formats.row_files import good_rows
from coma_cli.prompting import PromptTemplate, Tokenizer
from coma_cli.records import HeldOut, row_seed
from coma_cli.training.encoding import RewrittenError, encode_row
from coma_cli.training.examples import DATA_STAGES, ReadReport, TrainingFile, TrainingRow, read_examples
from coma_cli.training.probe_rows import DEFAULT_MEASURE, ProbedRow
from coma_cli.training.settings import NO_VALIDATION, FinetuneSettings, ValidationBlock
from coma_cli.workspace import Input, Workspace

FILE = "validation.jsonl"


@dataclass(frozen=True)
class ValidationRows:
    """Rows that are not trained on, and the files that they are of."""

    rows: tuple[TrainingRow, ...] = ()
    files: tuple[TrainingFile, ...] = ()


NO_ROWS = ValidationRows()


def validation_files(
    settings: FinetuneSettings, workspace: Workspace, data: tuple[TrainingFile, ...]
) -> tuple[TrainingFile, ...]:
    """The files that hold validation rows alone: the one that is named, else those of the data runs.

    Raises:
        MissingInputError: there is no such file, or the run held out no rows. UsageError: it is trained on.
    """
    block = settings.validation
    if block.data == NO_VALIDATION or block.fraction is not None:
        return ()
    if block.path is not None:
        return (_named(block.path, workspace, data),)
    return tuple(found for file in data if (found := _of_run(file, f"validation-{file.input.name}")) is not None)


def _named(path: Path, workspace: Workspace, data: tuple[TrainingFile, ...]) -> TrainingFile:
    path = workspace.place_of(path, *DATA_STAGES)
    if not path.exists():
        raise MissingInputError(f"There is no file or finished run {path}.", "Check --validation.")
    artifact = workspace.artifact_at(path)
    if artifact is not None and (path.is_dir() or path.name == FILE):
        run = TrainingFile(artifact.as_input("validation"), path, artifact)
        if (found := _of_run(run, "validation")) is None:
            raise MissingInputError(f"{artifact.path} held out no rows.", "--validation FILE, or a share such as 0.05")
        return found
    if any(file.path.resolve() == path.resolve() for file in data):
        raise UsageError(f"{path} is trained on, so it can't be validated on.", "--validation 0.05 for a share of it")
    return TrainingFile(Input.of_path("validation", path), path)


def _of_run(file: TrainingFile, name: str) -> TrainingFile | None:
    artifact = file.artifact
    if artifact is None or not artifact.manifest["outputs"].get(FILE, {}).get("rows"):
        return None
    return TrainingFile(artifact.as_input(name), artifact.intact(FILE, "--validation"), artifact)


def held_out(
    settings: FinetuneSettings,
    rows: tuple[TrainingRow, ...],
    data: tuple[TrainingFile, ...],
    files: tuple[TrainingFile, ...],
) -> tuple[tuple[TrainingRow, ...], ValidationRows]:
    """The rows to train on and those to validate on; at most `validation.rows` of the latter, evenly spread.

    Raises:
        MissingInputError: no row is left to train on.
    """
    block = settings.validation
    if block.fraction is None:
        found = tuple(read_examples(files, ReadReport(), settings.rows.columns)) if files else ()
        return rows, ValidationRows(_at_most(found, block), files)
    count = max(1, round(block.fraction * len(rows)))
    if count >= len(rows):
        raise MissingInputError(f"Of {len(rows)} rows, none is left to train on.", "Lower --validation.")
    if block.taken == "last":
        chosen = _last_of_each_source(rows, block.fraction)
    else:
        chosen = {row.id for row in sorted(rows, key=lambda row: row_seed(settings.seed, row.id))[:count]}
    held = tuple(row for row in rows if row.id in chosen)
    return tuple(row for row in rows if row.id not in chosen), ValidationRows(_at_most(held, block), data)


def _last_of_each_source(rows: Sequence[TrainingRow], share: float) -> set[str]:
    """The ids of the last rows of each source; of each at least one, unless it is its only one."""
    by_source: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_source[row.source].append(row.id)
    counts = {source: min(max(1, round(share * len(ids))), len(ids) - 1) for source, ids in by_source.items()}
    return {row_id for source, ids in by_source.items() for row_id in ids[len(ids) - counts[source] :]}


def _at_most(rows: Sequence[TrainingRow], block: ValidationBlock) -> tuple[TrainingRow, ...]:
    if len(rows) <= block.rows:
        return tuple(rows)
    return tuple(rows[place * len(rows) // block.rows] for place in range(block.rows))


def probe_rows(
    rows: Sequence[TrainingRow], files: Sequence[TrainingFile], template: PromptTemplate, tokenizer: Tokenizer
) -> list[ProbedRow]:
    """Rows to answer, with the task that their file names."""
    tasks = _tasks(rows, files)
    found = []
    for row in rows:
        try:
            encoded = encode_row(row, template, tokenizer)
        except RewrittenError:
            continue
        prompt = encoded.ids[: encoded.answer_start]
        task = tasks.get(row.id)
        if task is None or task.measure == "choice":  # a choice is measured by ranking the candidates
            found.append(ProbedRow(prompt, row.output, DEFAULT_MEASURE))
        else:
            found.append(ProbedRow(prompt, row.output, task.measure, task.answer_language, task.labels))
    return found


def _tasks(rows: Sequence[TrainingRow], files: Sequence[TrainingFile]) -> dict[str, HeldOut]:
    """What is known of the rows' tasks, by their ids; nothing of rows whose file names none."""
    wanted: dict[int, dict[int, str]] = defaultdict(dict)
    for row in rows:
        wanted[int(row.id.partition("/")[0])][row.number] = row.id
    return {row_id: task for place, ids in wanted.items() for row_id, task in _of_file(files[place].path, ids)}


def _of_file(path: Path, ids: dict[int, str]) -> Iterable[tuple[str, HeldOut]]:
    rows = one_file(path)
    for number, row in good_rows(rows, lambda bad: None, form_of(rows)):
        if number in ids:
            try:
                problem = SAMPLED[VALIDATION].problem(row)
            except (KeyError, ValueError):  # a row of a known task that lacks what the task's rows have
                continue
            if problem is not None and problem.held_out is not None:
                yield ids[number], problem.held_out
