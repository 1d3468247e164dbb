"""pass@k: the unbiased estimator, its interval over problems, and how much of the variance comes from sampling.

Source of the estimator: Chen et al. 2021 (arXiv:2107.03374), section 2.1, equation 1: with n samples of a problem, c
of them correct, 1 - C(n-c, k) / C(n, k). Nothing here runs a program or reads a file.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from coma_cli.evaluation.beta_quantile import beta_quantile

BOOTSTRAP_RESAMPLES = 10_000
CONFIDENCE = 0.95
AGREEMENT = 1e-9  # estimates this close differ only by rounding: 3 of 10 and 6 of 20

IntervalMethod = Literal["bootstrap", "exact"]


class Tally(NamedTuple):
    """One problem: the number of samples and of correct ones."""

    samples: int
    correct: int


@dataclass(frozen=True)
class PassAtK:
    """The mean of pass@k over problems with its 95 % interval.

    `value` and `interval` are None if `undefined` problems have fewer than k samples: an estimate from the rest would
    be for a different benchmark. `method` is "exact" (Clopper-Pearson) if every problem has one sample or all problems
    agree, so that a bootstrap would see no variance. `sampling_share` is the part of the variance that more samples of
    the same problems would remove; None if it can't be estimated (an exact interval, or fewer than 2k samples of a
    problem).
    """

    k: int
    value: float | None
    interval: tuple[float, float] | None
    method: IntervalMethod | None
    undefined: int
    sampling_share: float | None


@lru_cache(maxsize=65536)
def estimate(samples: int, correct: int, k: int) -> float | None:
    """Unbiased estimate of the probability that k samples of one problem include a correct one; None for k > `samples`.

    The binomial coefficients are never computed: their ratio is a product of factors between 0 and 1.

    Raises:
        ValueError: k below 1, or an impossible tally.
    """
    if k < 1 or not 0 <= correct <= samples:
        raise ValueError(f"pass@{k} of {correct} correct among {samples} is undefined")
    if k > samples:
        return None
    return 1.0 - _all_wrong(samples, correct, k)


def _all_wrong(samples: int, correct: int, k: int) -> float:
    """C(n-c, k) / C(n, k): the probability that k of n samples, drawn without replacement, are all wrong.

    The ratio is symmetric in c and k, so the product runs over the smaller of the two.
    """
    few, many = sorted((correct, k))
    if samples - many < few:
        return 0.0
    return math.prod(1.0 - many / (samples - i) for i in range(few))


def pass_at_k(tallies: Sequence[Tally], k: int, seed: int = 0, *, resamples: int = BOOTSTRAP_RESAMPLES) -> PassAtK:
    """pass@k over problems, whose numbers of samples may differ; `seed` and `resamples` are for the bootstrap.

    Raises:
        ValueError: there are no problems.
    """
    if not tallies:
        raise ValueError("pass@k of no problems")
    estimates = [estimate(t.samples, t.correct, k) for t in tallies]
    values = [value for value in estimates if value is not None]
    if len(values) < len(estimates):
        return PassAtK(k, None, None, None, len(estimates) - len(values), None)
    mean = math.fsum(values) / len(values)
    single = all(t.samples == 1 for t in tallies)
    if single or max(values) - min(values) < AGREEMENT:
        return PassAtK(k, mean, exact_interval(mean * len(values), len(values)), "exact", 0, None)
    low, high = bootstrap_interval(values, seed, resamples)
    return PassAtK(k, mean, (min(low, mean), max(high, mean)), "bootstrap", 0, _share(tallies, values, k))


def exact_interval(successes: float, trials: int) -> tuple[float, float]:
    """The Clopper-Pearson 95 % interval; fractional successes use the same Beta quantiles. Its width is never zero.

    Source: Clopper and Pearson 1934, in the Beta form of Brown, Cai and DasGupta 2001, section 4.2.1.
    """
    tail = (1 - CONFIDENCE) / 2
    successes = min(max(successes, 0.0), float(trials))
    low = beta_quantile(successes, trials - successes + 1, tail) if successes > 0 else 0.0
    high = beta_quantile(successes + 1, trials - successes, 1 - tail) if successes < trials else 1.0
    return low, high


def bootstrap_interval(values: Sequence[float], seed: int, resamples: int = BOOTSTRAP_RESAMPLES) -> tuple[float, float]:
    """Percentile bootstrap of the mean: problems are drawn with replacement.

    Only the counts of each distinct value matter, so multinomial counts of the distinct values are drawn: the same
    distribution as drawing problems one by one, with a fraction of the memory.
    """
    import numpy as np

    counted = sorted(Counter(values).items())
    distinct = np.array([value for value, _ in counted])
    chances = np.array([count for _, count in counted]) / len(values)
    draws = np.random.default_rng(seed).multinomial(len(values), chances / chances.sum(), size=resamples)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(draws @ distinct / len(values), [tail, 100 - tail])
    return float(low), float(high)


def _share(tallies: Sequence[Tally], values: Sequence[float], k: int) -> float | None:
    """The mean variance within problems divided by the variance across problems, clipped to 0 to 1."""
    if any(t.samples < 2 * k for t in tallies):
        return None
    mean = math.fsum(values) / len(values)
    across = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    within = math.fsum(sampling_variance(t, k) for t in tallies) / len(tallies)
    return min(1.0, max(0.0, within / across))


def sampling_variance(tally: Tally, k: int) -> float:
    """Unbiased variance of a problem's estimate for n >= 2k: U(k)^2 - U(2k), where U(j) estimates (1-p)^j.

    Source: Var U(k) = E[U(k)^2] - (1-p)^(2k), and U(2k) is the U-statistic of (1-p)^(2k) (Hoeffding 1948).
    """
    once = _all_wrong(tally.samples, tally.correct, k)
    return once * once - _all_wrong(tally.samples, tally.correct, 2 * k)
