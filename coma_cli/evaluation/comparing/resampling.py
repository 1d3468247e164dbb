"""Two models on the same rows, whatever the figure: a paired bootstrap of the difference, and a test by swapping.

A figure depends on the rows through sums of statistics alone (`corpus.metrics.metric`), so a resample is a sum over
rows, weighted by how often each was drawn. Rows that are alike are drawn together: only their number matters.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from coma_cli.corpus.metrics.metric import Floats
from coma_cli.evaluation.beta_quantile import beta_quantile
from coma_cli.evaluation.comparing.proportions import score_interval
from coma_cli.evaluation.pass_at_k import AGREEMENT

Value = Callable[[Floats], Floats]
AT_ONCE = 4_000_000  # counts that are drawn in one piece
_SWAPS = 1  # the second stream of a seed: the test must not reuse the draws of the interval


@dataclass(frozen=True)
class PairedRows:
    """The distinct rows as (rows, 2, numbers), the first model's statistics before the second's; and their counts."""

    distinct: Floats
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, pairs: Floats) -> "PairedRows":
        """Rows as (rows, 2, numbers), in any order."""
        distinct, counts = np.unique(pairs, axis=0, return_counts=True)
        return cls(distinct, counts)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.counts.sum())

    @property
    def sums(self) -> Floats:
        """The sums of both models, as (2, numbers)."""
        sums: Floats = _weighted(self.counts[None, :], self.distinct)[0]
        return sums

    def resampled(self, seed: int, resamples: int) -> Floats:
        """The sums of each resample of rows with the answers of both models, as (resamples, 2, numbers)."""
        random, rows = np.random.default_rng(seed), self.rows
        sizes = self._pieces(resamples)
        drawn = (random.multinomial(rows, self.counts / rows, size=size) for size in sizes)
        return np.concatenate([_weighted(counts, self.distinct) for counts in drawn])

    def swapped(self, seed: int, resamples: int) -> Floats:
        """The sums where each row's answers change models by the toss of a coin, as (resamples, 2, numbers)."""
        random = np.random.default_rng([seed, _SWAPS])
        change = self.distinct[:, ::-1] - self.distinct
        sizes = self._pieces(resamples)
        drawn = (random.binomial(self.counts, 0.5, size=(size, len(self.counts))) for size in sizes)
        return np.concatenate([self.sums + _weighted(counts, change) for counts in drawn])

    def _pieces(self, resamples: int) -> Iterator[int]:
        step = max(1, AT_ONCE // len(self.counts))
        return (min(step, resamples - start) for start in range(0, resamples, step))


def _weighted(counts: NDArray[np.int64], rows: Floats) -> Floats:
    """Sums of rows (distinct, 2, numbers) by counts (resamples, distinct)."""
    flat = rows.reshape(len(rows), -1)
    return (counts @ flat).reshape(len(counts), *rows.shape[1:])


def differences_of(value: Value, sums: Floats) -> Floats:
    """The second model's figure minus the first's for sums (..., 2, numbers); those that are undefined are dropped."""
    figures = value(sums)
    found = figures[..., 1] - figures[..., 0]
    return found[~np.isnan(found)]


def percentile_interval(draws: Floats, rows: int, confidence: float) -> tuple[float, float]:
    """The interval of a difference of two figures between 0 and 1, from the differences of its resamples.

    Percentiles of a bootstrap are too close for few rows, as an interval with the plain standard deviation and
    without Student's t would be; they are taken further out by as much. Where all resamples agree a bootstrap sees no
    variance: then the interval is the one of Tango for as many problems without a discordant one.

    Source: Hesterberg 2015 (The American Statistician 69, 371-386), "expanded percentile".
    """
    if rows < 2 or not len(draws):
        return -1.0, 1.0
    tail = 100 * _tail(rows, confidence)
    low, high = np.percentile(draws, [tail, 100 - tail])
    if high - low < AGREEMENT and np.ptp(draws) < AGREEMENT:
        below, above = score_interval(0, 0, rows, confidence)
        return max(-1.0, float(low + below)), min(1.0, float(high + above))
    return float(low), float(high)


@lru_cache
def _tail(rows: int, confidence: float) -> float:
    factor = math.sqrt(rows / (rows - 1)) * student_quantile((1 + confidence) / 2, rows - 1)
    return NormalDist().cdf(-factor)


def student_quantile(probability: float, freedom: int) -> float:
    """The quantile of Student's t above the median.

    Source: NIST Digital Library of Mathematical Functions, 8.17 (i): P(|T| > t) = I_x(v/2, 1/2) with x = v/(v + t^2).
    """
    x = beta_quantile(freedom / 2, 0.5, 2 * (1 - probability))
    return math.sqrt(freedom * (1 / x - 1))


def swap_test(observed: float, draws: Floats) -> tuple[float, float]:
    """The p-values of a difference, given those of swapped answers: two-sided, and that the second model is worse.

    Without a difference between the models, any answer could have come from either. The observed one counts among the
    draws, so that no p-value is 0.

    Source: approximate randomization, Noreen 1989; for BLEU Riezler and Maxwell 2005; the 1 added: Phipson and Smyth
    2010 (arXiv:1603.05766).
    """
    as_large = int((np.abs(draws) >= abs(observed) - AGREEMENT).sum())
    as_low = int((draws <= observed + AGREEMENT).sum())
    return (as_large + 1) / (len(draws) + 1), (as_low + 1) / (len(draws) + 1)
