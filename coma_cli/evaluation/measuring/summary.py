"""What `coma score` says about held-out rows: one table, and the lines that say what it rests on."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from coma_cli.evaluation.estimates import Estimate, cells
from coma_cli.evaluation.measuring.groups import GroupResult
from coma_cli.evaluation.results import temperature_text
from coma_cli.words import count_of

_TITLES = {
    "f1": "F1",
    "bleu": "BLEU",
    "sentence-bleu": "BLEU-4, smoothed",
    "chrf": "chrF",
    "codebleu": "CodeBLEU",
    "mrr": "MRR",
}


class TestedSummary(BaseModel):
    """The rows that bring tests: how many, those whose own program fails here, and the estimates by k."""

    __test__ = False  # no test of pytest

    model_config = ConfigDict(frozen=True)

    rows: int
    excluded: dict[str, str]
    isolation: str
    pass_at_k: dict[str, Estimate]
    verdicts: dict[str, int]


class MeasureSummary(BaseModel):
    """A score of held-out rows in numbers; `unranked` search rows have no log-probabilities, so no MRR."""

    model_config = ConfigDict(frozen=True)

    bench: str
    samples_from: str
    rows: int
    samples: int
    resamples: int
    unranked: int
    results: list[GroupResult]
    tested: TestedSummary | None = None


def is_of_measures(summary: Mapping[str, Any]) -> bool:
    """Whether a summary of score is of held-out rows."""
    return "resamples" in summary


def show(summary: Mapping[str, Any]) -> None:
    """Print a summary for a person."""
    from coma_cli import console

    title = f"{summary['bench']}: {count_of(summary['rows'], 'row')}, samples {summary['samples_from']}"
    console.print_table(title, ("task", "rows", "metric", "value", "95 % interval"), list(_rows(summary)))
    for line in _lines(summary):
        console.print_line(line)


def _rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    several = len({result["temperature"] for result in summary["results"]}) > 1
    for result in summary["results"]:
        task = _task(result) + (f", {temperature_text(result['temperature'])}" if several else "")
        for metric in result["metrics"]:
            if metric["value"] is None:
                continue
            low, high = metric["ci95"]
            interval = f"{100 * low:.2f} to {100 * high:.2f}"
            rows = metric["rows"] if metric["metric"] == "mrr" else result["rows"]
            name = f"  {result['language']}" if result["language"] else task
            yield name, str(rows), title_of(metric["metric"]), _percent(metric), interval
    if summary.get("tested"):
        for k, estimate in summary["tested"]["pass_at_k"].items():
            value, interval, _ = cells(estimate)
            rows = summary["tested"]["rows"] - len(summary["tested"]["excluded"])
            yield "rows with tests", str(rows), f"pass@{k}", value.removesuffix(" %"), interval.partition(" %")[0]


def _task(result: Mapping[str, Any]) -> str:
    """A task's name, with what is asked where a task asks for different things."""
    special = {("clone-detection", "choice"): " (search)", ("defect-detection", "word"): " (kind of bug)"}
    return str(result["task"]) + special.get((result["task"], result["measure"]), "")


def title_of(metric: str) -> str:
    """A metric's name for tables."""
    return _TITLES.get(metric, metric.replace("-", " "))


def _percent(metric: Mapping[str, Any]) -> str:
    return f"{100 * metric['value']:.2f}"


def _lines(summary: Mapping[str, Any]) -> Iterator[str]:
    drawn = f"percentile bootstrap over rows ({summary['resamples']} resamples)"
    yield f"In percent; intervals: {drawn}, exact where all rows are alike"
    whole = [result for result in summary["results"] if result["language"] is None]
    for result in whole:
        if result["neither_label"]:
            answers = count_of(result["neither_label"], "answer is", "answers are")
            yield f"{_task(result)}: {answers} neither label, and so wrong"
        for metric in result["metrics"]:
            if metric["metric"] == "codebleu" and metric["rows"] < result["rows"]:
                without = count_of(result["rows"] - metric["rows"], "reference has", "references have")
                yield f"{_task(result)}: {without} no data flow that CodeBLEU defines; its other parts count them"
    if summary["unranked"]:
        rows = count_of(summary["unranked"], "search row")
        yield f"MRR is without {rows}, whose candidates have no log-probabilities"
    tested = summary.get("tested")
    if tested:
        yield "Verdicts: " + ", ".join(f"{count} {verdict}" for verdict, count in tested["verdicts"].items())
        for task_id, how in tested["excluded"].items():
            yield f"Excluded from pass@k: {task_id}, since its own program fails here ({how})"


def headline(summary: Mapping[str, Any]) -> str:
    """The first metric of each task, in one line."""
    whole = [result for result in summary["results"] if result["language"] is None]
    parts = [
        f"{_task(result)} {title_of(metric['metric'])} {_percent(metric)} %"
        for result in whole
        for metric in result["metrics"][:1]
        if metric["value"] is not None
    ]
    return f"{summary['bench']}, {count_of(summary['rows'], 'row')}: {'; '.join(parts)}"
