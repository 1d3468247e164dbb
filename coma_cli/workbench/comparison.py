"""Scored runs of one benchmark side by side, with an interval of the difference between the first and the last.

Two intervals that overlap say little: both models answered the same rows. The difference and its interval are those of
`coma compare`, which says more.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from coma_cli import console
from coma_cli.evaluation.comparing.compare import pair_differences
from coma_cli.evaluation.comparing.difference import ComparisonRules, PairedDifference
from coma_cli.evaluation.comparing.report import signed_interval
from coma_cli.evaluation.comparing.scored_run import ScoredRun, paired_conditions
from coma_cli.evaluation.measuring.summary import title_of
from coma_cli.words import count_of
from coma_cli.workbench.step_report import StepReport
from coma_cli.workspace.artifact import MANIFEST, read_artifact

_TaskMetric = tuple[str, int, str]  # task, number of rows, metric
_Found = Mapping[tuple[str | None, str], PairedDifference]  # by task and figure
_HOW = "In percent, with 95 % intervals"
_PAIRED = "; that of the difference is for {} with the answers of both models (coma compare says more)"


def show_measures(reports: Sequence[StepReport]) -> None:
    """Print the task metrics of held-out rows: of each run, and the difference between the first and the last."""
    names, found = _short_names(reports), _differences(reports, ())
    summary = reports[0].summary
    title = f"{summary['bench']}, {count_of(summary['rows'], 'held-out row')}"
    rows = list(_measure_rows([_metrics(report.summary) for report in reports], found))
    console.print_table(title, ("task, rows", *names, *_heading(names, found)), rows)
    console.print_line(f"{_HOW}{_PAIRED.format('rows') if found else ''}.")


def _measure_rows(figures: Sequence[Mapping[_TaskMetric, Mapping[str, Any]]], found: _Found) -> Iterator[list[str]]:
    """A line for each task, and one for each of its metrics, in few columns: terminals are narrow."""
    before = ""
    for task, count, metric in figures[0]:
        if task != before:
            yield [f"{task} {count}", *([""] * (len(figures) + bool(found)))]
        before = task
        cells = [_figure(of.get((task, count, metric))) for of in figures]
        yield [f"  {title_of(metric)}", *cells, *_difference(found, (task, metric))]


def show_pass_at_k(reports: Sequence[StepReport]) -> None:
    """Print pass@k of each run, and the difference between the first and the last."""
    names = _short_names(reports)
    ks = sorted({int(k) for report in reports for k in report.summary["pass_at_k"]})
    found = _differences(reports, ks)
    rows = [
        [
            f"pass@{k}",
            *(_figure(report.summary["pass_at_k"].get(str(k))) for report in reports),
            *_difference(found, (None, f"pass@{k}")),
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


def _heading(names: Sequence[str], found: _Found) -> list[str]:
    return [f"{names[-1]} - {names[0]}"] if found else []


def _difference(found: _Found, figure: tuple[str | None, str]) -> list[str]:
    """The cell of the difference; no cell where there is no such column."""
    if not found:
        return []
    return [signed_interval(found[figure]) if figure in found else ""]


def _metrics(summary: Mapping[str, Any]) -> dict[_TaskMetric, Mapping[str, Any]]:
    """The metrics of all rows of each task, by task, number of rows and metric."""
    return {
        (result["task"], result["rows"], metric["metric"]): metric
        for result in summary["results"]
        if result["language"] is None
        for metric in result["metrics"]
        if metric["value"] is not None
    }


def _differences(reports: Sequence[StepReport], ks: Sequence[int]) -> _Found:
    """Between the first and the last run; none where there is one run, or the rows of one are gone."""
    artifacts = [read_artifact(report.folder / MANIFEST) for report in (reports[0], reports[-1]) if report.folder]
    runs = [ScoredRun(artifact, artifact.name) for artifact in artifacts if artifact is not None]
    if len(reports) < 2 or len(runs) < 2 or not all(run.conditions for run in runs):
        return {}
    if runs[0].is_measured and not any(run.problems for run in runs):
        return {}
    first, second = zip(runs, paired_conditions(runs)[0], strict=True)
    common = first[0].task_ids(first[1]) & second[0].task_ids(second[1])
    found = pair_differences(first, second, common, ks, ComparisonRules()) if common else ()
    return {(one.task, one.measure): one for one in found}


def _figure(entry: Mapping[str, Any] | None) -> str:
    """A value with its interval in percent."""
    if entry is None or entry.get("value") is None:
        return "not defined"
    low, high = entry["ci95"]
    return f"{100 * entry['value']:.1f} [{100 * low:.0f}, {100 * high:.0f}]"
