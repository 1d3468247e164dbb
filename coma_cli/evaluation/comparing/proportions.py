"""Two models that passed or failed the same problems, once each: exact McNemar test and Tango's score interval.

Only the problems on which they differ tell them apart: those that the second model won, and those that it lost.
"""

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from coma_cli.corpus.metrics.metric import Floats
from coma_cli.evaluation.beta_quantile import incomplete_beta

_SMALLEST = 1e-12  # standard deviation of a score: that of an impossible difference is 0
_HALVINGS = 60  # of an interval of width 2: the last one is below the precision of a float


def mcnemar(won: int, lost: int) -> float:
    """The two-sided p-value of the exact McNemar test: without a difference, each discordant problem is a fair coin.

    Source: McNemar 1947 (Psychometrika 12, 153-157), with the binomial distribution itself.
    """
    return min(1.0, 2 * _at_most(min(won, lost), won + lost))


def mcnemar_worse(won: int, lost: int) -> float:
    """The p-value of the same test against the one alternative that the second model is worse."""
    return _at_most(won, won + lost)


def _at_most(heads: int, tosses: int) -> float:
    """The chance of at most so many heads in tosses of a fair coin: I_1/2(tosses - heads, heads + 1)."""
    return 1.0 if heads >= tosses else incomplete_beta(tosses - heads, heads + 1, 0.5)


def score_interval(
    won: ArrayLike, lost: ArrayLike, problems: ArrayLike, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """The interval of the difference in pass rates (second minus first), elementwise for arrays of equal shape.

    Its width is never zero, and it covers the truth as often as it says also where few problems differ: all differences
    that the score test does not reject.

    Source: Tango 1998 (Statistics in Medicine 17, 891-908).
    """
    wins, losses, total = (np.asarray(part, dtype=float) for part in (won, lost, problems))
    estimate = (wins - losses) / total
    bound = NormalDist().inv_cdf((1 + confidence) / 2)
    low, high = (_limit(wins, losses, total, estimate, np.full_like(estimate, end), bound) for end in (-1.0, 1.0))
    return low, high


def _limit(won: Floats, lost: Floats, problems: Floats, inner: Floats, outer: Floats, bound: float) -> Floats:
    """The difference between the estimate (`inner`) and the end of the scale (`outer`) whose score is the bound."""
    for _ in range(_HALVINGS):
        middle = (inner + outer) / 2
        within = np.abs(_score(won, lost, problems, middle)) < bound
        inner, outer = np.where(within, middle, inner), np.where(within, outer, middle)
    limit: Floats = (inner + outer) / 2
    return limit


def _score(won: Floats, lost: Floats, problems: Floats, difference: Floats) -> Floats:
    """The score statistic of a difference, which is standard normal if that is the true one.

    `losses` is the most likely share of lost problems under that difference.
    """
    a = 2 * problems
    b = (2 * problems - won + lost) * difference - won - lost
    c = -lost * difference * (1 - difference)
    losses = (np.sqrt(np.maximum(b * b - 4 * a * c, 0)) - b) / (2 * a)
    variance = problems * (2 * losses + difference * (1 - difference))
    distance = won - lost - problems * difference
    score: Floats = distance / np.maximum(np.sqrt(np.maximum(variance, 0)), _SMALLEST)
    return score
