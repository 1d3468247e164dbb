"""The data card: what is in the data, from where, under which terms, and what was dropped and why.

It is the `README.md` of the run's folder, with a header that the Hugging Face Hub and `datasets` read.
"""

from collections.abc import Collection, Iterable, Mapping

from coma_cli.catalog.licences.kinds import allows, is_known
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.decontamination.shipped import COVERED
from coma_cli.corpus.splitting import COUNTERPART_REASON, CROSSING_REASON
from coma_cli.dataset.card_header import configurations, header
from coma_cli.dataset.plot import PLOT, length_classes
from coma_cli.dataset.summary import BehaviourCounts, BuildDataSummary, SideCounts, SourceFacts
from coma_cli.drop_reasons import DROP_REASONS
from coma_cli.publishing.cards import header_of, table
from coma_cli.records import Example
from coma_cli.words import count_of

_NON_COMMERCIAL = ("-NC-", "-NC")
_COMPUTATIONAL = "C-UDA"  # the Computational Use of Data Agreement, of CodeXGLUE's sets


def card(summary: BuildDataSummary, shown: Mapping[str, Example], files: Collection[str] = ()) -> str:
    """The whole card; `shown` has one example of each task, `files` are the names of the run's files."""
    return "\n".join(
        (
            header_of(header(summary, files)),
            "# Data card",
            "",
            f"{summary.rows.train} training rows (`train.jsonl`, and as CoMIT's `CoMIT.json`), "
            f"{summary.rows.validation} validation rows (`validation.jsonl`). Seed {summary.seed}, "
            f"validation share {summary.validation_share:g}.",
            "",
            *_split(summary),
            *_warnings(summary),
            *_loading(summary, files),
            *_terms(summary),
            *_subsets(summary),
            *_composition(summary),
            *_lengths(summary),
            *_sources(summary),
            *_skipped(summary),
            *_benchmarks(summary),
            *_examples(shown),
            *_made_with(summary),
        )
    )


def _warnings(summary: BuildDataSummary) -> Iterable[str]:
    if summary.warnings:
        yield from ("## Before you use it", "", *(f"* {warning}" for warning in summary.warnings), "")


def _loading(summary: BuildDataSummary, files: Collection[str]) -> Iterable[str]:
    names = ", ".join(f"`{part.name}`" for part in configurations(summary, files))
    yield from (
        "## Loading it",
        "",
        "`datasets.load_dataset(FOLDER_OR_REPOSITORY, NAME)` loads a part of the data by its name; without a name it "
        f"loads whole rows. Names: {names}.",
        "",
    )


def _split(summary: BuildDataSummary) -> Iterable[str]:
    """What it costs that no function is on both sides."""
    crossing, twins = (summary.dropped.get(reason, 0) for reason in (CROSSING_REASON, COUNTERPART_REASON))
    if crossing or twins:
        yield (
            f"All rows of a function or problem are on one side of the split. {count_of(crossing + twins, 'row')} "
            f"{'was' if crossing + twins == 1 else 'were'} dropped for it: {crossing} about functions of both sides, "
            f"{twins} for validation that repeat a function or text of training."
        )
        yield ""


def _terms(summary: BuildDataSummary) -> Iterable[str]:
    yield from ("## Licence", "", licence_line(summary.licences), "")


def licence_line(licences: Mapping[str, SideCounts]) -> str:
    """What the licences of the rows mean together."""
    names = ", ".join(sorted(licences)) or "none"
    restricted = [name for name in sorted(licences) if any(mark in name for mark in _NON_COMMERCIAL)]
    research = [name for name in sorted(licences) if name.startswith(_COMPUTATIONAL)]
    unknown = [name for name in sorted(licences) if name.startswith("unknown")]
    withheld = [name for name in sorted(licences) if is_known(name) and not allows("non-commercial-ok", name)]
    parts = [f"Each row names its own licence; in this data: {names}."]
    if restricted:
        rows = sum(licences[name].total for name in restricted)
        parts.append(f"**Not for commercial use as a whole**: {rows} rows are under {', '.join(restricted)}.")
    if research:
        rows = sum(licences[name].total for name in research)
        parts.append(
            f"**For computational use only** (training and analysis; the data itself may be redistributed only "
            f"under the same terms): {rows} rows are under {', '.join(research)}."
        )
    if withheld:
        rows = sum(licences[name].total for name in withheld)
        parts.append(
            f"**Terms that withhold use**: {rows} rows are under {', '.join(withheld)}; "
            "`--licences non-commercial-ok` drops them."
        )
    if unknown:
        rows = sum(licences[name].total for name in unknown)
        parts.append(
            f"{rows} rows come from code whose licence was not recognised; check it before you redistribute them."
        )
    return " ".join(parts)


def _subsets(summary: BuildDataSummary) -> Iterable[str]:
    yield from (f"## Sub-datasets of {summary.mixture}", "")
    rows = [
        (
            name,
            counts.task,
            str(counts.train),
            str(counts.validation),
            "all" if counts.wanted is None else str(counts.wanted),
            str(counts.requested),
            str(counts.short),
        )
        for name, counts in summary.subsets.items()
    ]
    beside = summary.beside
    if beside.total:
        rows.append(("no sub-dataset", "", str(beside.train), str(beside.validation), "all", "0", "0"))
    columns = ("Sub-dataset", "Task", "Training rows", "Validation rows", "Wanted", "Requested", "Missing")
    yield from table(columns, rows)
    if summary.outside_table:
        over = ", ".join(f"{task} {count}" for task, count in summary.outside_table.items())
        yield from (f"Excluded, since they belong to no sub-dataset: {over}.", "")
    if summary.to_fill:
        yield from ("What is missing, and how to get it:", "", *(f"* {line}" for line in summary.to_fill), "")


def _composition(summary: BuildDataSummary) -> Iterable[str]:
    yield from ("## What is in it", "", f"![Composition]({PLOT})", "")
    for title, counts in (
        ("Task", summary.tasks),
        ("Source", summary.sources),
        ("Programming language", summary.languages),
        ("Text language", summary.text_languages),
        ("Licence", summary.licences),
    ):
        rows = [(name, str(count.train), str(count.validation)) for name, count in counts.items()]
        yield from table((title, "Training rows", "Validation rows"), rows)
    if summary.beyond_balance:
        over = ", ".join(f"{task} {count}" for task, count in summary.beyond_balance.items())
        yield from (f"Good rows beyond an even number of each answer: {over}.", "")
    if summary.beyond_size:
        over = ", ".join(f"{task} {count}" for task, count in summary.beyond_size.items())
        yield from (f"Good rows beyond the requested size: {over}.", "")


def _lengths(summary: BuildDataSummary) -> Iterable[str]:
    yield from ("## Lengths", "", "Rows by length in characters.", "")
    for part, title in (("asked", "Instruction and input"), ("output", "Answer")):
        rows = [(task, *map(str, parts[part])) for task, parts in sorted(summary.lengths.items())]
        yield from table((title, *length_classes()), rows)


def _made_with(summary: BuildDataSummary) -> Iterable[str]:
    yield from ("## Made with", "")
    versions = ", ".join(f"{name} {version}" for name, version in summary.versions.items())
    yield from (f"Seed {summary.seed}; {versions}. The run's `manifest.json` lists the hashes of all inputs.", "")


def _sources(summary: BuildDataSummary) -> Iterable[str]:
    yield from ("## Sources", "")
    rows = [(f.name, str(f.files), f.splits, f.licence, _upstream(f), f.citation) for f in summary.read]
    yield from table(("Source", "Files", "Splits read", "Licence", "Upstream", "Citation"), rows)
    noted = [f"* **{index.name}**: {index.notes}" for index in summary.read if index.notes]
    if noted:
        yield from ("Notes:", "", *noted, "")
    if summary.missing_sources:
        yield from (f"Known sources that were not found: {', '.join(summary.missing_sources)}.", "")


def _upstream(index: SourceFacts) -> str:
    if index.comes_from:
        return f"{index.url} (fetched from {index.comes_from})"
    return f"{index.url} (as of {index.revision})" if index.revision else index.url


def _skipped(summary: BuildDataSummary) -> Iterable[str]:
    yield from (
        "## What was dropped",
        "",
        "The run's `dropped.jsonl`, which is not published, has every dropped row with its reason.",
        "",
    )
    rows = [(reason, str(count), DROP_REASONS.get(reason, "")) for reason, count in summary.dropped.items()]
    yield from table(("Reason", "Rows", "Meaning"), rows)


def _benchmarks(summary: BuildDataSummary) -> Iterable[str]:
    yield from ("## Benchmarks", "")
    if not summary.decontaminated:
        yield from ("Rows were **not** checked against any benchmark.", "")
        return
    rows = [
        (name, str(problems), _levels(summary, name), str(summary.contaminated.get(name, 0)))
        for name, problems in summary.checked_against.items()
    ]
    yield from table(("Benchmark", "Problems", "Levels", "Rows removed"), rows)
    yield from ("Level 1 compares words and tests, level 2 programs without their names.", "")
    alike = [f"{' and '.join(names)} of {bench}" for bench, names in COVERED.items()]
    yield from (f"The following ask the same problems as one of these: {', '.join(alike)}.", "")
    if summary.not_checked_against:
        yield from (
            f"**Not** checked against (data not available): {', '.join(summary.not_checked_against)}.",
            "",
        )
    yield from _behaviour(summary.behaviour)


def _behaviour(found: BehaviourCounts) -> Iterable[str]:
    """Which benchmarks the third level was run against, and what it found."""
    if found.skipped:
        yield from (f"Level 3 (functions run against the benchmarks' tests) did **not** run: {found.skipped}.", "")
        return
    yield from (
        f"Level 3 ran {found.functions} different Python functions of the rows against the benchmarks' tests. A row "
        "that solves a problem need not be a copy: short textbook functions do (see `contamination.jsonl`).",
        "",
    )
    rows = [
        (name, str(problems), str(found.solving.get(name, 0)), str(found.dropped.get(name, 0)))
        for name, problems in found.problems.items()
    ]
    yield from table(("Benchmark", "Problems with tests", "Rows kept that solve one", "Rows removed"), rows)


def _levels(summary: BuildDataSummary, bench: str) -> str:
    return ", ".join(map(str, summary.levels.get(bench, ())))


def _examples(shown: Mapping[str, Example]) -> Iterable[str]:
    yield from ("## One row of each task", "")
    for name in TASKS:
        if name not in shown:
            continue
        example = shown[name]
        yield from (f"### {name}", "", f"{TASKS[name].form[0].upper()}{TASKS[name].form[1:]}.", "")
        yield from (f"From {example.source}, {example.origin.path}, {example.origin.row}; {example.licence}.", "")
        for title, text in (("Instruction", example.instruction), ("Input", example.input), ("Output", example.output)):
            yield from (f"{title}:", "", *(f"    {line}" for line in (text or "(none)").split("\n")), "")
