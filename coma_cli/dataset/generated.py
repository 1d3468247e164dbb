"""Rows of gen-instructions as a source: finished rows, which are cleaned and filtered like all others."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from coma_cli.catalog.material import Material
from coma_cli.catalog.sources.source import Source
from coma_cli.catalog.tasks import TASKS
from coma_cli.errors import MissingInputError
from coma_cli.formats.data_file import BrokenSourceError, Shard
from coma_cli.formats.files import one_file
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import read_table
from coma_cli.formats.text import optional_text, readable_name
from coma_cli.jsonl import JsonRow, sha256_of
from coma_cli.records import Example, Origin
from coma_cli.workspace import Artifact, Workspace

COMMAND = "gen-instructions"
_FILES = ("train.jsonl", "validation.jsonl")
_COLUMNS = ("instruction", "output")
_ID_DIGITS = 20


def generated_sources(given: Iterable[str], workspace: Workspace) -> Iterator[tuple[Source, Path]]:
    """Each run, folder or file as a source; those of the same name get a number.

    Raises:
        MissingInputError: there is none of that name, or it is unfinished.
    """
    names: set[str] = set()
    for place in given:
        artifact, path = _find(place, workspace)
        stem = path.name if path.is_dir() else path.stem
        name, number = f"generated:{stem}", 2
        while name in names:
            name, number = f"generated:{stem}-{number}", number + 1
        names.add(name)
        model = "" if artifact is None else str(artifact.settings.get("model", ""))
        yield _source(name, model), path


def _find(place: str, workspace: Workspace) -> tuple[Artifact | None, Path]:
    path = Path(place)
    if path.exists():
        artifact = workspace.artifact_at(path)
        return artifact, path
    runs = workspace.finished(COMMAND)
    named = next((run for run in runs if run.name == place), None)
    if named is None:
        there = ", ".join(run.name for run in runs) or "none"
        raise MissingInputError(
            f"There is no {place}, and no finished {COMMAND} run of that name (finished: {there}).",
            "Check --with-generated.",
        )
    return named, named.path


def _source(name: str, model: str) -> Source:
    return Source(
        name=name,
        folder="",
        url="",
        licence="as each row says",
        citation=f"Written by {model}." if model else "",
        splits="none",
        gives=(),
        find=_find_files,
        read=_no_material,
        read_rows=read_rows,
        bytes_per_row=1000,
        reads_pieces=True,
        notes="Rows that a language model wrote; each names the model in `made_by`.",
    )


def _no_material(shard: Shard) -> Iterator[Material | Rejected]:
    """Nothing: such a source has finished rows. A function of the module, since workers get the source by pickle."""
    return iter(())


def _find_files(place: Path) -> list[Shard]:
    """A file as it is; of a run, its files that hold rows, since a small run may have an empty validation file."""
    paths = [place] if place.is_file() else [place / name for name in _FILES if (place / name).is_file()]
    paths = [path for path in paths if path.stat().st_size] or paths
    return [Shard(path, readable_name(path.name), "", split="", member=one_file(path).member) for path in paths]


def read_rows(shard: Shard) -> Iterator[Example | Rejected]:
    """The rows of a file; their ids are hashes of their content, as for all sources.

    Raises:
        BrokenSourceError: see `read_table`.
    """
    for entry in read_table(shard, _COLUMNS):
        if isinstance(entry, Rejected):
            yield entry
            continue
        number, row = entry
        origin = Origin(path=shard.name, row=str(number))
        try:
            example = Example.from_row(_filled(row), shard.name, COMMAND)
        except MissingInputError as error:
            yield Rejected("broken-row", error.message, origin, row)
            continue
        if example.task not in TASKS:
            yield Rejected("broken-row", f"no task {example.task}", origin, row)
            continue
        content = [example.task, example.instruction, example.input, example.output]
        yield example.model_copy(update={"id": sha256_of(content)[:_ID_DIGITS]})


def _filled(row: JsonRow) -> JsonRow:
    """A row without the fields that are null in forms with columns, and its input as text (NaN is none, 0 is one)."""
    filled = {name: value for name, value in row.items() if value is not None}
    given = optional_text(filled.get("input"))
    return filled if given is None else {**filled, "input": given}


def require_rows(source: Source, shard: Shard) -> None:
    """Look at the first row, so that a file of another format stops the command before anything is built.

    Raises:
        BrokenSourceError: its first row is not a row of coma.
    """
    assert source.read_rows is not None
    first = next(source.read_rows(shard), None)
    if isinstance(first, Rejected):
        raise BrokenSourceError(f"{shard.path}: {first.detail}", "--with-generated takes rows of gen-instructions.")
