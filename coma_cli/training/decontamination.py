"""Checks training rows against the benchmarks, whatever file they come from, before the first step.

The rows of a build-data run with the present rules were checked when they were made, and are not checked again. All
other rows are compared with the hashes that are part of this package, as build-data does it (levels 1 and 2).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from coma_cli import console
from coma_cli.corpus.decontamination.decontaminate import LEVELS, REASON, ContaminatedRow, contaminations, index_of
from coma_cli.corpus.decontamination.shipped import OWN_SPLIT, shipped_sha256
from coma_cli.corpus.decontamination.training_check import (
    FileCheck,
    LeakExample,
    TrainingCheck,
    recorded_check,
)
from coma_cli.errors import MissingInputError
from coma_cli.jsonl import read_rows
from coma_cli.models.resolution import ResolvedBase
from coma_cli.parallel.machine import default_workers
from coma_cli.parallel.shards import map_shards, warm_up
from coma_cli.pipeline import row_of
from coma_cli.records import DroppedRow, Example
from coma_cli.training.examples import TrainingFile, TrainingRow
from coma_cli.words import count_of, shortened, shown
from coma_cli.workspace import Artifact, Workspace

CONTAMINATION_FILE = "contamination.jsonl"
EXAMPLES = 3
_SHARD_ROWS = 2048
# With fewer, one process is done before others have started: each needs about two seconds for imports and hashes.
_ROWS_PER_WORKER = 50_000
_SHARED_CHARS = 120

Hits = Mapping[int, ContaminatedRow]


class Leak(NamedTuple):
    """The evidence of a row, and the place of its file in the record."""

    file: int
    hit: ContaminatedRow


@dataclass(frozen=True)
class CheckedRows:
    """The rows to train on, those that were dropped, the record of the check, and what to tell the user.

    `leaks` are the rows to train on that hold part of a benchmark, by their ids.
    """

    rows: tuple[TrainingRow, ...]
    dropped: tuple[DroppedRow, ...]
    check: TrainingCheck
    notes: tuple[str, ...]
    leaks: Mapping[str, Leak]


@dataclass(frozen=True)
class _Shard:
    """Rows from `first` on; rows without a stated source are of no benchmark's own split."""

    first: int
    rows: tuple[TrainingRow, ...]

    def examples(self) -> list[Example]:
        return [
            Example(
                id=row.id,
                task="",
                source=row.source if row.states_source else "",
                language="",
                instruction=row.asked,
                input=row.input,
                output=row.answered,
                licence="",
            )
            for row in self.rows
        ]


def check_rows(
    files: Sequence[TrainingFile],
    rows: Sequence[TrainingRow],
    counts: Mapping[str, int],
    *,
    drop: bool,
    before: Sequence[FileCheck] = (),
    workers: int | None = None,
) -> CheckedRows:
    """Check the rows of some files, which lie one after the other; `counts` are the rows of each by its input's name.

    `before` is the record of what the base was trained on, which the new record begins with. `workers` is the number
    of processes; None: as many as the rows of a file are worth.

    Raises:
        MissingInputError: all rows are dropped. CliError: a worker process died.
    """
    kept: list[TrainingRow] = []
    dropped: list[DroppedRow] = []
    leaks: dict[str, Leak] = {}
    checks: list[FileCheck] = list(before)
    notes: list[str] = []
    start = 0
    for file in files:
        of_file = rows[start : start + counts[file.input.name]]
        start += len(of_file)
        check = None if file.artifact is None else _checked_before(file.artifact, len(of_file))
        hits: Hits = {}
        if check is None:
            hits = _hits(of_file, workers)
            check = _file_check(file, of_file, hits, drop=drop)
        if not drop:
            leaks |= {of_file[number].id: Leak(len(checks), hit) for number, hit in hits.items()}
        checks.append(check)
        notes += _notes(check)
        kept += [row for number, row in enumerate(of_file) if not drop or number not in hits]
        dropped += [_dropped(of_file[number], hit) for number, hit in hits.items()] if drop else []
    if not kept:
        benchmarks = ", ".join(TrainingCheck(files=tuple(checks[len(before) :])).found)
        raise MissingInputError(
            f"No row is left to train on: all {len(rows)} hold problems, solutions or tests of {benchmarks}.",
            "Give other data with --data.",
        )
    return CheckedRows(tuple(kept), tuple(dropped), TrainingCheck(files=tuple(checks)), tuple(notes), leaks)


def check_of_base(base: ResolvedBase, workspace: Workspace) -> tuple[FileCheck, ...]:
    """The record of a base that is the model of a run; nothing for one that coma did not train."""
    artifact = None
    if base.kind == "folder":
        with suppress(MissingInputError):  # in an unfinished run, which says nothing yet
            artifact = workspace.artifact_at(Path(base.path_or_id))
    before = None if artifact is None else recorded_check(artifact.manifest)
    return () if before is None else before.files


def trained_on(check: TrainingCheck, leaks: Mapping[str, Leak], excluded: Collection[str]) -> TrainingCheck:
    """The record once rows are excluded for another reason: leaks among them, by their ids, are not trained on."""
    files = list(check.files)
    for number in {leak.file for leak in leaks.values()}:
        hits = (leak.hit for row_id, leak in leaks.items() if leak.file == number and row_id not in excluded)
        files[number] = files[number].model_copy(update={"kept": _by_problem(hits)})
    return TrainingCheck(files=tuple(files))


def _hits(rows: Sequence[TrainingRow], workers: int | None) -> dict[int, ContaminatedRow]:
    """The evidence of the rows with part of a benchmark, by their place."""
    shards = [_Shard(first, tuple(rows[first : first + _SHARD_ROWS])) for first in range(0, len(rows), _SHARD_ROWS)]
    workers = workers or min(default_workers(), max(1, len(rows) // _ROWS_PER_WORKER))
    warm_up(hits_of_shard, shards, workers)
    found: dict[int, ContaminatedRow] = {}
    with console.progress("Checking against benchmarks", len(rows)) as ticker:
        for shard, hits in map_shards(hits_of_shard, None, shards, workers):
            found.update(hits)
            ticker.advance(shard)
    return dict(sorted(found.items()))


def hits_of_shard(context: None, shard: _Shard) -> tuple[int, dict[int, ContaminatedRow]]:
    """The number of rows of a shard, and the evidence of those with part of a benchmark."""
    hits = contaminations(shard.examples(), index_of([]))
    return len(hits), {shard.first + number: hit for number, hit in enumerate(hits) if hit is not None}


def _file_check(file: TrainingFile, rows: Sequence[TrainingRow], hits: Hits, *, drop: bool) -> FileCheck:
    benchmarks = index_of([]).problems
    found = _by_problem(hits.values())
    own = Counter(OWN_SPLIT[row.source] for row in rows if row.states_source and row.source in OWN_SPLIT)
    return FileCheck(
        file=file.path.name,
        rows=len(rows),
        by="hashes",
        hashes=shipped_sha256(),
        levels=dict.fromkeys(benchmarks, LEVELS),
        found=found,
        found_by_level=_by_level(hits.values()),
        kept={} if drop else found,
        own_split=dict(own),
        examples=tuple(_examples(file, rows, hits)),
    )


def _by_problem(hits: Iterable[ContaminatedRow]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for hit in hits:
        found.setdefault(hit.bench, Counter())[hit.problem] += 1
    return {bench: dict(problems) for bench, problems in sorted(found.items())}


def _by_level(hits: Iterable[ContaminatedRow]) -> dict[str, dict[int, int]]:
    found: dict[str, Counter[int]] = {}
    for hit in hits:
        found.setdefault(hit.bench, Counter())[hit.level] += 1
    return {bench: dict(sorted(levels.items())) for bench, levels in sorted(found.items())}


def _examples(file: TrainingFile, rows: Sequence[TrainingRow], hits: Hits) -> Iterator[LeakExample]:
    """The first rows that hold different problems."""
    by_problem = {hit.problem: number for number, hit in reversed(list(hits.items()))}
    for number in sorted(by_problem.values())[:EXAMPLES]:
        hit = hits[number]
        yield LeakExample(
            row=f"{file.path.name}, row {rows[number].number}",
            bench=hit.bench,
            problem=hit.problem,
            part=hit.part,
            where=hit.where,
            level=hit.level,
            shared=shortened(" ".join(hit.shared.split()), _SHARED_CHARS),
        )


def _dropped(row: TrainingRow, hit: ContaminatedRow) -> DroppedRow:
    return DroppedRow(id=row.id, source=row.source, reason=REASON, detail=f"{hit.problem} ({hit.part})")


def _checked_before(artifact: Artifact, rows: int) -> FileCheck | None:
    """What the run that made the rows found; None if it made no such check, or made it by other rules than now."""
    stage = row_of("build-data")
    if artifact.command != stage.command or artifact.manifest.get("version") != stage.version:
        return None
    summary = artifact.summary
    if not summary.get("decontaminated"):
        return None
    behaviour: Mapping[str, Any] = summary["behaviour"]
    hits = [hit for hit in _evidence(artifact) if hit.kind == "copy" or behaviour["setting"] == "drop"]
    sources: Mapping[str, Mapping[str, int]] = summary["sources"]
    return FileCheck(
        file=f"{artifact.command}/{artifact.name}",
        rows=rows,
        by="build-data",
        levels={bench: _levels(levels, bench, behaviour) for bench, levels in summary["levels"].items()},
        found=_by_problem(hits),
        found_by_level=_by_level(hits),
        own_split={OWN_SPLIT[name]: counts["train"] for name, counts in sources.items() if name in OWN_SPLIT},
    )


def _levels(levels: Iterable[int], bench: str, behaviour: Mapping[str, Any]) -> tuple[int, ...]:
    """The levels that a build-data run checked a benchmark at; the third one is recorded by itself."""
    return (*levels, 3) if bench in behaviour["problems"] else tuple(levels)


def _evidence(artifact: Artifact) -> Iterator[ContaminatedRow]:
    path = artifact.intact(CONTAMINATION_FILE, "--data")
    for number, row in enumerate(read_rows(path), start=1):
        yield ContaminatedRow.from_row(row, f"{path}:{number}")


def _notes(check: FileCheck) -> Iterator[str]:
    """What to tell of the check of a file: loud if its rows are trained on though they hold problems."""
    against = f"against {', '.join(check.covers())}"
    if check.by == "build-data":
        yield f"{check.file} was checked {against} when it was made"
        return
    counts = ", ".join(f"{bench} {count}" for bench, count in check.found_by_benchmark.items())
    if not check.found:
        yield f"{check.file}: {count_of(check.rows, 'row')} checked {against}: none holds a problem"
        return
    action = " and are trained on" if check.kept else ": dropped"
    yield (
        f"Warning: {check.found_rows} of {count_of(check.rows, 'row')} of {check.file} hold problems, solutions or "
        f"tests of benchmarks ({counts}){action}"
    )
    yield from (
        f"  {shown(one.row)}: {one.part} of {one.problem} in the {one.where} (level {one.level}): {one.shared}"
        for one in check.examples
    )
    if check.kept:
        yield "  A score on these benchmarks would not show what the model can do. --decontaminate drops the rows."
