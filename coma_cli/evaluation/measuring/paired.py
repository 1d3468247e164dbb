"""Two models on the same held-out rows: each metric of both, and an interval of the difference.

The difference is that of two answers to the same row, so rows are resampled with both of their answers: rows that are
easy for both models widen the intervals of the figures, but not that of the difference.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from coma_cli.corpus.metrics.measures import MEASURES
from coma_cli.corpus.metrics.metric import Floats, Metric, MetricName
from coma_cli.evaluation.measuring.answers import compared
from coma_cli.evaluation.measuring.groups import Measurement
from coma_cli.evaluation.measuring.intervals import RESAMPLES
from coma_cli.evaluation.pass_at_k import CONFIDENCE
from coma_cli.records import Measure, Problem


class MetricDifference(NamedTuple):
    """A metric of two models on the rows that both answered, and the second minus the first with its 95 % interval."""

    task: str
    metric: MetricName
    rows: int
    first: float
    second: float
    interval: tuple[float, float]

    @property
    def value(self) -> float:
        """The second model's figure minus the first's."""
        return self.second - self.first


_Key = tuple[str, Measure]
_Statistics = Mapping[_Key, Mapping[str, Floats]]  # of each task: by task id, of all metrics side by side


def differences(
    problems: Iterable[Problem], first: Iterable[Measurement], second: Iterable[Measurement], seed: int
) -> list[MetricDifference]:
    """The differences of each task's metrics; those that are not defined for one of the models are omitted."""
    by_id = {problem.task_id: problem for problem in problems}
    ours, theirs = _statistics(by_id, first), _statistics(by_id, second)
    found: list[MetricDifference] = []
    for key in sorted(ours.keys() & theirs.keys()):
        shared = sorted(ours[key].keys() & theirs[key].keys())
        pairs = np.array([(ours[key][name], theirs[key][name]) for name in shared])
        place = 0
        for metric in MEASURES[key[1]] if shared else ():
            width = len(metric.statistics(compared(by_id[shared[0]], "")))
            pair = pairs[:, :, place : place + width]
            place += width
            found += _difference(key[0], metric, pair, seed)
    return found


def _statistics(problems: Mapping[str, Problem], measurements: Iterable[Measurement]) -> _Statistics:
    """The statistics of all metrics of each row; the mean over samples, so that each row counts once."""
    found: dict[_Key, dict[str, list[Floats]]] = defaultdict(lambda: defaultdict(list))
    for one in measurements:
        problem = problems.get(one.task_id)
        if problem is None or problem.held_out is None:
            continue
        answer, measure = compared(problem, one.answer), problem.held_out.measure
        numbers = [number for metric in MEASURES[measure] for number in metric.statistics(answer)]
        found[one.task, measure][one.task_id].append(np.array(numbers, dtype=float))
    return {key: {name: np.mean(rows, axis=0) for name, rows in of.items()} for key, of in found.items()}


def _difference(task: str, metric: Metric, pairs: Floats, seed: int) -> Sequence[MetricDifference]:
    """The difference in one metric; `pairs` is (rows, 2, numbers)."""
    first, second = (float(value) for value in metric.value(pairs.sum(axis=0)))
    if np.isnan(first) or np.isnan(second):
        return []
    rows = len(pairs)
    draws = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=RESAMPLES)
    values = metric.value(np.einsum("sr,rpn->spn", draws, pairs))
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.nanpercentile(values[:, 1] - values[:, 0], [tail, 100 - tail])
    return [MetricDifference(task, metric.name, rows, first, second, (float(low), float(high)))]
