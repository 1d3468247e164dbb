"""Intervals of metrics: a percentile bootstrap over rows, from the sums of their statistics."""

from typing import NamedTuple

import numpy as np

from coma_cli.corpus.metrics.metric import Floats, Metric
from coma_cli.evaluation.pass_at_k import CONFIDENCE, IntervalMethod, exact_interval

RESAMPLES = 2000
_AT_ONCE = 4_000_000  # counts that are drawn in one piece


class Figure(NamedTuple):
    """A metric with its 95 % interval; `value` is None where it is not defined, `rows` are those that count in it."""

    value: float | None
    interval: tuple[float, float] | None
    method: IntervalMethod | None


def figure_of(metric: Metric, statistics: Floats, seed: int) -> Figure:
    """The metric of rows, whose statistics are `(rows, numbers)`, and its interval.

    Rows are drawn with replacement. Where all rows are alike a bootstrap sees no variance, and the interval is the
    exact one of a share (Clopper-Pearson), as for pass@k. Resamples in which the metric is not defined do not count.
    """
    value = float(metric.value(statistics.sum(axis=0)))
    if np.isnan(value):
        return Figure(None, None, None)
    distinct, counts = np.unique(statistics, axis=0, return_counts=True)
    if len(distinct) == 1:
        return Figure(value, exact_interval(value * len(statistics), len(statistics)), "exact")
    found = _resampled(metric, distinct, counts, seed)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.nanpercentile(found, [tail, 100 - tail])
    return Figure(value, (min(float(low), value), max(float(high), value)), "bootstrap")


def _resampled(metric: Metric, distinct: Floats, counts: "np.typing.NDArray[np.int64]", seed: int) -> Floats:
    """The metric of each resample; only how often each distinct row is drawn matters."""
    rows = int(counts.sum())
    random = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // len(distinct))
    sizes = [min(step, RESAMPLES - start) for start in range(0, RESAMPLES, step)]
    draws = (random.multinomial(rows, counts / rows, size=size) for size in sizes)
    return np.concatenate([metric.value(drawn @ distinct) for drawn in draws])
