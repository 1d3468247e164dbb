"""What `coma score` says at the end: pass@k with intervals, verdict counts, and how the programs were run."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel, ConfigDict

from coma_cli.corpus.decontamination.training_check import ContaminationStatus, sentence_of
from coma_cli.evaluation import best_temperature
from coma_cli.evaluation.best_temperature import BestTemperature
from coma_cli.evaluation.estimates import Estimate, cells
from coma_cli.evaluation.explaining import explanation
from coma_cli.evaluation.explaining.explanation import Explanation
from coma_cli.evaluation.results import BaseResult, Result, table_name, temperature_text
from coma_cli.evaluation.scoring.failures import FailuresSummary
from coma_cli.evaluation.scoring.sample_choice import SampleSource
from coma_cli.words import count_of

_LISTED = 5  # problems that are named one by one


class ReferenceSummary(BaseModel):
    """How the benchmark's own solutions fared on this machine."""

    model_config = ConfigDict(frozen=True)

    checked: int
    passed: int
    failed: list[str]


class BenchmarkSummary(BaseModel):
    """Which problems were scored: where they come from, and how many differ from the published benchmark's."""

    model_config = ConfigDict(frozen=True)

    source: str
    sha256: str
    as_published: bool
    missing: int
    added: int
    changed: int
    compared: int


def benchmark_summary(source: SampleSource) -> BenchmarkSummary:
    """Where the problems come from, and how they differ from the published ones."""
    of = source.benchmark
    return BenchmarkSummary(
        source=of.name,
        sha256=of.sha256,
        as_published=not of.difference,
        missing=of.difference.missing,
        added=of.difference.added,
        changed=of.difference.changed,
        compared=of.difference.compared,
    )


class ScoreSummary(BaseModel):
    """The summary of a score run; the fields of the first of `results` are repeated at the top."""

    model_config = ConfigDict(frozen=True)

    bench: str
    benchmark: BenchmarkSummary
    samples_from: str
    protocol: str | None
    problems: int
    bench_problems: int
    partial: bool
    excluded: dict[str, str]  # problems whose reference fails here, and how
    samples: int
    n_min: int
    n_max: int
    pass_at_k: dict[str, Estimate]
    verdicts: dict[str, int]
    base: BaseResult | None
    results: list[Result]
    references: ReferenceSummary
    isolation: str
    isolation_lost: list[str]
    mode: str
    inproc_problems: list[str]
    inproc_reasons: dict[str, str]
    unique_programs: int
    programs_run: int
    programs_per_s: float | None
    skipped: dict[str, int]
    notes: dict[str, str]  # on problems of which a right verdict may differ from a published one
    prompts_cut_by_length: int
    failures: FailuresSummary | None = None
    explanation: Explanation | None = None
    plot: str | None = None
    training_data: ContaminationStatus | None = None  # None without samples
    best_temperature: list[BestTemperature] = []
    unverified: list[str] = []  # problems without a reference


def show(summary: Mapping[str, Any]) -> None:
    """Print a summary for a person: one table, and the lines that say what it rests on."""
    from coma_cli import console

    if summary["results"]:
        console.print_table(_title(summary), ("pass@k", "value", "95 % interval", "from sampling"), _rows(summary))
    for line in _lines(summary):
        console.print_line(line)
    if summary.get("explanation"):
        explanation.show(summary["explanation"])
    if summary.get("failures") and summary["failures"]["failed"]:
        kept, failed, file = (summary["failures"][name] for name in ("kept", "failed", "file"))
        part = "" if kept == failed else f" of {failed}"
        console.print_line(f"Failed programs: {kept}{part}, with test and values, by `sample` in {file} of the run")


def _title(summary: Mapping[str, Any]) -> str:
    n = str(summary["n_min"]) if summary["n_min"] == summary["n_max"] else f"{summary['n_min']} to {summary['n_max']}"
    part = f" of {summary['bench_problems']}" if summary["partial"] else ""
    problems = f"{summary['problems']}{part} problems" if part else count_of(summary["problems"], "problem")
    excluded = f" ({len(summary['excluded'])} excluded)" if summary["excluded"] else ""
    name = bench_name(summary["bench"], summary["benchmark"])
    return f"{name}: {problems}{excluded}, n = {n}, samples {summary['samples_from']}"


def bench_name(bench: str, source: Mapping[str, Any]) -> str:
    """The benchmark's name if its problems are as published, else the file's too."""
    if source["as_published"]:
        return bench
    return f"{bench} of {PurePath(source['source']).name} (sha256 {source['sha256'][:12]})"


def _rows(summary: Mapping[str, Any]) -> list[tuple[str, ...]]:
    several_protocols = len({r["protocol"] for r in summary["results"]}) > 1
    several_temperatures = len({r["temperature"] for r in summary["results"]}) > 1
    rows: list[tuple[str, ...]] = []
    for result in summary["results"]:
        which = f" {result['protocol']}" if several_protocols else ""
        which += f" {temperature_text(result['temperature'])}" if several_temperatures else ""
        if result.get("base"):
            rows += [(f"pass@{k}{which} base", *cells(e)) for k, e in result["base"]["pass_at_k"].items()]
            which += " base + plus"
        rows += [(f"pass@{k}{which}", *cells(estimate)) for k, estimate in result["pass_at_k"].items()]
    return rows


def _lines(summary: Mapping[str, Any]) -> Iterable[str]:
    yield from _training_data(summary)
    source = summary["benchmark"]
    if not source["as_published"]:
        yield f"Benchmark: {source['source']} {differs(source, summary['bench'])}"
    skipped = [f"{count} {name.replace('_', ' ')}" for name, count in summary["skipped"].items() if count]
    if skipped:
        yield f"Rows not counted: {', '.join(skipped)}"
    stated = [result["temperature"] for result in summary["results"]]
    if stated and all(temperature is None for temperature in stated):
        yield "Temperature: not stated by the samples"
    for result in summary["results"]:
        name = f" ({table_name(result['protocol'], result['temperature'], beside=stated)})" if len(stated) > 1 else ""
        yield f"Verdicts{name}: " + ", ".join(f"{count} {verdict}" for verdict, count in result["verdicts"].items())
    yield from best_temperature.lines(summary.get("best_temperature", ()))
    for task_id, how in summary["excluded"].items():
        yield f"Excluded: {task_id}, since its reference fails here ({how})"
    if summary["notes"]:
        yield f"Verdicts may differ from published ones for {', '.join(summary['notes'])}: see docs/data-sources.md"
    yield from _references(summary["references"], summary.get("unverified", []))
    lost = f", without {', '.join(summary['isolation_lost'])}" if summary["isolation_lost"] else ""
    yield f"Isolation: {summary['isolation']}{lost}; tests: {summary['mode']}"
    reasons = summary.get("inproc_reasons", {}) if summary["mode"] == "split" else {}
    for task_id, reason in list(reasons.items())[:_LISTED]:
        yield f"Warning: {task_id} is tested in the program's own process, which it could deceive: {reason}"
    if len(reasons) > _LISTED:
        yield f"Warning: so are {count_of(len(reasons) - _LISTED, 'further problem')}"
    rate = f", {summary['programs_per_s']:.0f}/s" if summary["programs_per_s"] else ""
    if summary["prompts_cut_by_length"]:
        yield f"capybara-cut removed the prompt by its length in {count_of(summary['prompts_cut_by_length'], 'sample')}"
    yield f"Programs: {summary['unique_programs']} distinct, {summary['programs_run']} run{rate}"


def _references(references: Mapping[str, Any], unverified: Sequence[str]) -> Iterable[str]:
    """How the benchmark's own solutions fared, and which problems have none."""
    failed = f"; failed: {', '.join(references['failed'])}" if references["failed"] else ""
    yield f"References: {references['passed']} of {references['checked']} pass{failed}"
    if unverified:
        named = ", ".join([*unverified[:_LISTED], *(["..."] if len(unverified) > _LISTED else [])])
        without = count_of(len(unverified), "problem has", "problems have")
        yield f"Not verified: {without} no reference, so nobody knows whether their tests can be passed ({named})"


def _training_data(summary: Mapping[str, Any]) -> Iterable[str]:
    """Whether the model may have seen the problems; a run of an earlier version does not say."""
    if summary.get("training_data"):
        yield sentence_of(ContaminationStatus.model_validate(summary["training_data"]), summary["bench"])


def differs(source: Mapping[str, Any], bench: str) -> str:
    """How a benchmark's problems differ from the published ones, as a predicate."""
    parts = [f"{source[name]} {name}" for name in ("missing", "added", "changed") if source[name]]
    return f"is not {bench} as published: of its problems {', '.join(parts)} ({source['compared']} compared)"


def headline(summary: Mapping[str, Any]) -> str:
    """One line on what was made."""
    if not summary["results"]:
        return f"{summary['references']['passed']} of {summary['references']['checked']} references pass"
    parts = [
        f"pass@{k} {cells(e)[0]} ({cells(e)[1]})" for k, e in summary["pass_at_k"].items() if e["value"] is not None
    ]
    name = bench_name(summary["bench"], summary["benchmark"])
    what = f"{name}, {count_of(summary['problems'], 'problem')}"
    return f"{what}: {'; '.join(parts) or 'no pass@k is defined'}"
