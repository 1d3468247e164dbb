"""Builds the rows of one file: material, rows, cleaning, decontamination; all that a row needs no other row for.

The result is one part file, moved into place whole, so a part that is there is complete. Its lines hold one row each
with its kind; they are in the order of the source, whoever made them and whenever.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coma_cli.catalog.sources.material import Rejected
from coma_cli.catalog.sources.source import BrokenSourceError
from coma_cli.catalog.tasks import TASKS
from coma_cli.catalog.tasks.task import make_example
from coma_cli.corpus.cleaning import CleaningRules, clean
from coma_cli.corpus.decontaminate import BenchmarkIndex, ContaminatedRow, decontaminate
from coma_cli.dataset.locating import Unit, hash_shard
from coma_cli.errors import MissingInputError
from coma_cli.jsonl import sha256_of, write_rows
from coma_cli.records import DroppedRow, Example, Origin

EXAMPLE, DROPPED, CONTAMINATED = "example", "dropped", "contaminated"
BROKEN_SOURCE = "broken-source"


@dataclass(frozen=True)
class Recipe:
    """What every worker needs to know; `index` is None where rows are not checked against benchmarks."""

    tasks: tuple[str, ...]
    seed: int
    rules: CleaningRules
    index: BenchmarkIndex | None
    parts: Path
    skip_broken: bool
    reads_split: Callable[[str], bool]


def build_part(recipe: Recipe, unit: Unit) -> str:
    """Make the part file of one unit; returns its name.

    Raises:
        BrokenSourceError: the file can't be read to its end (unless broken ones are skipped: then that is its one row).
        MissingInputError: the file is no longer what it was when the run was planned.
    """
    _check_unchanged(unit)
    try:
        rows = list(part_rows(recipe, unit))
    except BrokenSourceError as error:
        if not recipe.skip_broken:
            raise
        reason = error.message.replace(str(unit.shard.path), unit.shard.name)
        rows = [_line(DROPPED, _dropped(unit, Rejected(BROKEN_SOURCE, reason, Origin(path=unit.shard.name))))]
    write_rows(recipe.parts / unit.part_name, rows)
    return unit.part_name


def part_rows(recipe: Recipe, unit: Unit) -> Iterator[dict[str, Any]]:
    """The lines of a part in the order of the source; what is left out stands before the row that follows it."""
    aside: list[dict[str, Any]] = []

    def on_drop(row: DroppedRow) -> None:
        aside.append(_line(DROPPED, row))

    def on_hit(row: ContaminatedRow) -> None:
        aside.append(_line(CONTAMINATED, row))

    def on_reject(entry: Rejected) -> None:
        on_drop(_dropped(unit, entry))

    rows: Iterator[Example] = clean(_examples(recipe, unit, on_reject), recipe.rules, on_drop)
    if recipe.index is not None:
        rows = decontaminate(rows, recipe.index, on_drop, on_hit)
    for example in rows:
        yield from aside
        aside.clear()
        yield _line(EXAMPLE, example)
    yield from aside


def _examples(recipe: Recipe, unit: Unit, on_reject: Callable[[Rejected], None]) -> Iterator[Example]:
    tasks = [TASKS[name] for name in recipe.tasks if name in unit.source.tasks]
    for entry in unit.source.read(unit.shard):
        if isinstance(entry, Rejected):
            on_reject(entry)
            continue
        if not recipe.reads_split(entry.origin.split):
            continue
        for task in tasks:
            example = make_example(task, entry, unit.source.name, recipe.seed)
            if example is not None:
                yield example


def _line(kind: str, row: Example | DroppedRow | ContaminatedRow) -> dict[str, Any]:
    return {"kind": kind, "row": row.to_row()}


def _dropped(unit: Unit, entry: Rejected) -> DroppedRow:
    origin = entry.origin.model_dump(mode="json")
    row_id = sha256_of([unit.source.name, origin, entry.reason])[:20]
    content = {name: value if isinstance(value, str) else repr(value)[:500] for name, value in entry.row.items()}
    return DroppedRow(
        id=row_id, source=unit.source.name, reason=entry.reason, detail=entry.detail, row={"origin": origin, **content}
    )


def _check_unchanged(unit: Unit) -> None:
    try:
        same = hash_shard(unit.shard) == unit.sha256
    except OSError:
        same = False
    if not same:
        raise MissingInputError(
            f"{unit.shard.path} changed or vanished while it was to be read.", "Run the command again."
        )
