"""Quantiles of the Beta distribution, for exact intervals.

SciPy has them as `scipy.special.betaincinv`, and a test holds this against it. Importing it takes a quarter of a
second, as long as judging a hundred programs, and nothing else of a score needs it.
"""

import math

_TINY = 1e-300
_CLOSE = 1e-16
_MOST_TERMS = 10_000


def beta_quantile(a: float, b: float, probability: float) -> float:
    """The x at which the regularised incomplete beta function I_x(a, b) is `probability`; a and b are positive."""
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        if incomplete_beta(a, b, middle) < probability:
            low = middle
        else:
            high = middle
    return middle


def incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b) for x between 0 and 1: the chance that a Beta(a, b) variable is below x.

    Source: NIST Digital Library of Mathematical Functions, 8.17.22 (the continued fraction, which converges fast below
    the mean) and 8.17.4 (the symmetry that serves above it).
    """
    if x > (a + 1) / (a + b + 2):
        return 1.0 - incomplete_beta(b, a, 1.0 - x)
    if x <= 0:
        return 0.0
    log_factor = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(log_factor) / (a * _fraction(a, b, x))


def _fraction(a: float, b: float, x: float) -> float:
    """1 + d1/(1 + d2/(1 + ...)), by Lentz's method: from the front, until a term changes nothing."""
    value = numerator = 1.0
    denominator = 0.0
    for term in range(1, _MOST_TERMS):
        m = term // 2
        if term % 2:
            d = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            d = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        denominator = 1.0 / ((1.0 + d * denominator) or _TINY)
        numerator = (1.0 + d / numerator) or _TINY
        value *= numerator * denominator
        if abs(numerator * denominator - 1.0) < _CLOSE:
            break
    return value
