"""Scored runs of one benchmark side by side, with an interval of the difference between the first and the last.

Two intervals that overlap say little: both models answered the same rows. What is resampled here are rows with the
answers of both.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from coma_cli import console
from coma_cli.evaluation.measuring.groups import MEASUREMENTS, Measurement
from coma_cli.evaluation.measuring.paired import MetricDifference, differences
from coma_cli.evaluation.measuring.summary import title_of
from coma_cli.evaluation.pass_at_k import bootstrap_interval, estimate
from coma_cli.evaluation.scoring.score_run import VERDICTS
from coma_cli.jsonl import read_rows
from coma_cli.records import Problem, Verdict
from coma_cli.words import count_of
from coma_cli.workbench.step_report import StepReport
from coma_cli.workspace.artifact import MANIFEST, read_artifact

_SEED = 0
_TaskMetric = tuple[str, int, str]  # task, number of rows, metric
_HOW = "In percent, with 95 % intervals"
_PAIRED = "; that of the difference resamples {} with the answers of both models"


def show_measures(reports: Sequence[StepReport]) -> None:
    """Print the task metrics of held-out rows: of each run, and the difference between the first and the last."""
    names = _short_names(reports)
    found: dict[tuple[str, str], MetricDifference] = {(one.task, one.metric): one for one in _differences(reports)}
    summary = reports[0].summary
    title = f"{summary['bench']}, {count_of(summary['rows'], 'held-out row')}"
    rows = list(_measure_rows([_metrics(report.summary) for report in reports], found))
    console.print_table(title, ("task, rows", *names, *_heading(names, found)), rows)
    console.print_line(f"{_HOW}{_PAIRED.format('rows') if found else ''}.")


def _measure_rows(
    figures: Sequence[Mapping[_TaskMetric, Mapping[str, Any]]], found: Mapping[tuple[str, str], MetricDifference]
) -> Iterator[list[str]]:
    """A line for each task, and one for each of its metrics, in few columns: terminals are narrow."""
    before = ""
    for task, count, metric in figures[0]:
        if task != before:
            yield [f"{task} {count}", *([""] * (len(figures) + bool(found)))]
        before = task
        cells = [_figure(of.get((task, count, metric))) for of in figures]
        yield [f"  {title_of(metric)}", *cells, *([_signed(found.get((task, metric)))] if found else [])]


def show_pass_at_k(reports: Sequence[StepReport]) -> None:
    """Print pass@k of each run, and the difference between the first and the last."""
    names = _short_names(reports)
    ks = sorted({int(k) for report in reports for k in report.summary["pass_at_k"]})
    found = {k: interval for k in ks if (interval := _pass_difference(reports, k))}
    rows = [
        [
            f"pass@{k}",
            *(_figure(report.summary["pass_at_k"].get(str(k))) for report in reports),
            *([_shown(*found[k]) if k in found else ""] if found else []),
        ]
        for k in ks
    ]
    summary = reports[0].summary
    title = f"{summary['bench']}, {count_of(summary['problems'], 'problem')}"
    console.print_table(title, ("", *names, *_heading(names, found)), rows)
    console.print_line(f"{_HOW}{_PAIRED.format('problems') if found else ''}.")
    if line := _subset_line(summary):
        console.print_line(line)


def _subset_line(summary: Mapping[str, Any]) -> str | None:
    """That some problems are not a score of their benchmark; None if all were scored."""
    if not summary.get("partial"):
        return None
    problems, whole, bench = summary["problems"], summary["bench_problems"], summary["bench"]
    part = f"{count_of(problems, 'problem')} of the {whole} of {bench}"
    return f"{part} are a subset, chosen once: this is not a {bench} score."


def _short_names(reports: Sequence[StepReport]) -> list[str]:
    """The runs' names without the last words that all of them share: base and tuned for base-x and tuned-x."""
    words = [report.name.split("-") for report in reports]
    while len(words) > 1 and all(len(name) > 1 for name in words) and len({name[-1] for name in words}) == 1:
        words = [name[:-1] for name in words]
    return ["-".join(name) for name in words]


def _heading(names: Sequence[str], found: Mapping[Any, Any]) -> list[str]:
    return [f"{names[-1]} - {names[0]}"] if found else []


def _metrics(summary: Mapping[str, Any]) -> dict[_TaskMetric, Mapping[str, Any]]:
    """The metrics of all rows of each task, by task, number of rows and metric."""
    return {
        (result["task"], result["rows"], metric["metric"]): metric
        for result in summary["results"]
        if result["language"] is None
        for metric in result["metrics"]
        if metric["value"] is not None
    }


def _differences(reports: Sequence[StepReport]) -> list[MetricDifference]:
    """Between the first and the last run; none where there is one run, or its sample run is gone."""
    first, last = reports[0].folder, reports[-1].folder
    problems = _problems(first) if first is not None else None
    if len(reports) < 2 or first is None or last is None or problems is None:
        return []
    return differences(problems, _measurements(first), _measurements(last), _SEED)


def _problems(folder: Path) -> list[Problem] | None:
    """The rows that a score run is of, which are beside the samples."""
    artifact = read_artifact(folder / MANIFEST)
    samples = next((given.path for given in artifact.inputs if given.name == "sample"), None) if artifact else None
    path = Path(samples or "", "problems.jsonl")
    if samples is None or not path.is_file():
        return None
    return [Problem.from_row(row, str(path)) for row in read_rows(path)]


def _measurements(folder: Path) -> Iterator[Measurement]:
    path = folder / MEASUREMENTS
    return (Measurement.from_row(row, str(path)) for row in read_rows(path))


def _pass_difference(reports: Sequence[StepReport], k: int) -> tuple[float, tuple[float, float]] | None:
    """The difference in pass@k of the problems that both have k samples of, and its interval."""
    first, last = reports[0].folder, reports[-1].folder
    if len(reports) < 2 or first is None or last is None:
        return None
    tallies = [
        _tallies(folder, report.summary["protocol"]) for folder, report in ((first, reports[0]), (last, reports[-1]))
    ]
    found: list[float] = []
    for task_id in sorted(tallies[0].keys() & tallies[1].keys()):
        ours, theirs = (estimate(*tally[task_id], k) for tally in tallies)
        if ours is None or theirs is None:
            return None
        found.append(theirs - ours)
    if not found:
        return None
    return sum(found) / len(found), bootstrap_interval(found, _SEED)


def _tallies(folder: Path, protocol: str) -> dict[str, tuple[int, int]]:
    """Samples and correct ones of each problem, by the last verdict of each sample."""
    path = folder / VERDICTS
    rows = (Verdict.from_row(row, str(path)) for row in read_rows(path))
    verdicts = {row.key: row for row in rows if row.protocol == protocol}
    samples = Counter(row.task_id for row in verdicts.values())
    correct = Counter(row.task_id for row in verdicts.values() if row.verdict == "pass")
    return {task_id: (count, correct[task_id]) for task_id, count in samples.items()}


def _figure(entry: Mapping[str, Any] | None) -> str:
    """A value with its interval in percent."""
    if entry is None or entry.get("value") is None:
        return "not defined"
    low, high = entry["ci95"]
    return f"{100 * entry['value']:.1f} [{100 * low:.0f}, {100 * high:.0f}]"


def _signed(one: MetricDifference | None) -> str:
    return "" if one is None else _shown(one.value, one.interval)


def _shown(value: float, interval: tuple[float, float]) -> str:
    """A difference in percentage points, with a plus or a minus."""
    low, high = interval
    return f"{100 * value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
