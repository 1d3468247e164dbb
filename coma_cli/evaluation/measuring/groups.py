"""Measures samples row by row and sums them up: for each task, and within it for each programming language."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict

from coma_cli.corpus.extraction.candidate import Candidate
from coma_cli.corpus.metrics.classification import label_of
from coma_cli.corpus.metrics.codebleu.codebleu import CODEBLEU, has_data_flow
from coma_cli.corpus.metrics.measures import MEASURES
from coma_cli.corpus.metrics.metric import Answered, Floats, Metric
from coma_cli.evaluation.measuring.answers import answered
from coma_cli.evaluation.measuring.intervals import figure_of
from coma_cli.evaluation.pass_at_k import IntervalMethod
from coma_cli.evaluation.results import temperature_order
from coma_cli.records import HeldOut, Measure, Problem, Record

MEASUREMENTS = "measurements.jsonl"


class Measurement(Record):
    """One sample's own figures, by metric: of a single row also for metrics that are otherwise of a whole corpus.

    None where a metric is not defined for the row. `neither_label` is for an answer to a yes/no question.
    """

    task_id: str
    temperature: float | None
    index: int
    task: str
    language: str
    answer: str
    metrics: dict[str, float | None]
    neither_label: bool = False


class MetricResult(BaseModel):
    """A metric of a group: value between 0 and 1, 95 % interval, how it was found, and the parts of the value.

    `rows` counts the rows that have what the metric needs.
    """

    model_config = ConfigDict(frozen=True)

    metric: str
    value: float | None
    ci95: tuple[float, float] | None
    method: IntervalMethod | None
    rows: int
    parts: dict[str, float | None] = {}


class GroupResult(BaseModel):
    """The metrics of one task and temperature, of all rows (`language` is None) or those in one language."""

    model_config = ConfigDict(frozen=True)

    task: str
    measure: Measure
    language: str | None
    temperature: float | None
    rows: int
    samples: int
    neither_label: int | None
    metrics: list[MetricResult]


@dataclass
class _Row:
    """The statistics of one problem's samples, by metric, and how many of them are neither label."""

    statistics: list[tuple[Floats, ...]] = field(default_factory=list)
    neither_label: int = 0

    def mean(self, place: int) -> Floats:
        """The mean over samples, so that each problem counts once however often it was sampled."""
        found: Floats = np.mean([one[place] for one in self.statistics], axis=0)
        return found


_Group = dict[str, _Row]  # by task id
_Key = tuple[float | None, str, Measure]


class Measuring:
    """Takes samples one by one; `rankings` are the log-probabilities of candidates by task id."""

    def __init__(self, problems: Iterable[Problem], rankings: Mapping[str, tuple[float, ...]]) -> None:
        self._problems = {problem.task_id: problem for problem in problems}
        self._rankings = rankings
        self._groups: dict[_Key, _Group] = defaultdict(lambda: defaultdict(_Row))

    def take(self, sample: Candidate) -> Measurement:
        """The figures of one sample, which is counted; one without a completion is an empty answer."""
        problem = self._problems[sample.task_id]
        held_out = _held_out(problem)
        row = answered(problem, sample.text, self._rankings.get(sample.task_id, ()))
        metrics = MEASURES[held_out.measure]
        statistics = _statistics(metrics, row)
        neither = held_out.labels is not None and label_of(row.answer, held_out.labels) is None
        counted = self._groups[sample.temperature, held_out.task, held_out.measure][sample.task_id]
        counted.statistics.append(statistics)
        counted.neither_label += neither
        values = (float(metric.value(found)) for metric, found in zip(metrics, statistics, strict=True))
        return Measurement(
            task_id=sample.task_id,
            temperature=sample.temperature,
            index=sample.index,
            task=held_out.task,
            language=language_of(held_out),
            answer=row.answer,
            metrics={m.name: None if np.isnan(v) else v for m, v in zip(metrics, values, strict=True)},
            neither_label=neither,
        )

    def results(self, seed: int) -> list[GroupResult]:
        """By temperature and task, first all rows, then those of each language if there are several."""
        order = sorted(self._groups, key=lambda key: (temperature_order(key[0]), key[1:]))
        return [result for key in order for result in self._of_task(key, self._groups[key], seed)]

    def _of_task(self, key: _Key, group: _Group, seed: int) -> Iterator[GroupResult]:
        by_language: dict[str, _Group] = defaultdict(dict)
        for task_id, row in group.items():
            by_language[language_of(_held_out(self._problems[task_id]))][task_id] = row
        yield _result(key, None, group, seed)
        if len(by_language) > 1:
            yield from (_result(key, language, by_language[language], seed) for language in sorted(by_language))


def language_of(row: HeldOut) -> str:
    """The programming language of a row; for a translation, both."""
    both = row.answer_language and row.answer_language != row.language
    return f"{row.language} to {row.answer_language}" if both else row.language or "unspecified"


def _held_out(problem: Problem) -> HeldOut:
    assert problem.held_out is not None
    return problem.held_out


def _statistics(metrics: Sequence[Metric], row: Answered) -> tuple[Floats, ...]:
    """The statistics for each metric; metrics that share them are counted once."""
    known = {function: np.array(function(row), dtype=float) for function in {m.statistics for m in metrics}}
    return tuple(known[metric.statistics] for metric in metrics)


def _result(key: _Key, language: str | None, group: _Group, seed: int) -> GroupResult:
    temperature, task, measure = key
    rows = list(group.values())
    return GroupResult(
        task=task,
        measure=measure,
        language=language,
        temperature=temperature,
        rows=len(rows),
        samples=sum(len(row.statistics) for row in rows),
        neither_label=sum(row.neither_label for row in rows) if measure == "labels" else None,
        metrics=[
            _metric_result(metric, np.array([row.mean(place) for row in rows]), seed)
            for place, metric in enumerate(MEASURES[measure])
        ],
    )


def _metric_result(metric: Metric, statistics: Floats, seed: int) -> MetricResult:
    figure = figure_of(metric, statistics, seed)
    sums = statistics.sum(axis=0)
    parts = {name: float(part(sums)) for name, part in metric.parts.items()}
    return MetricResult(
        metric=metric.name,
        value=figure.value,
        ci95=figure.interval,
        method=figure.method,
        rows=_rows_counted(metric, statistics),
        parts={name: None if np.isnan(value) else value for name, value in parts.items()},
    )


def _rows_counted(metric: Metric, statistics: Floats) -> int:
    """Rows with a ranking for MRR, with data flow for CodeBLEU; all for other metrics."""
    if metric is CODEBLEU:
        return int(has_data_flow(statistics).sum())
    return int((statistics[:, 1] > 0).sum()) if metric.name == "mrr" else len(statistics)
