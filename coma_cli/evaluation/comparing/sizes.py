"""How many problems, or samples of the same problems, would show a difference of the observed size.

The observed difference is taken for the true one, and is too large on average where it was just noticed: these numbers
are for planning, and the least of what it takes.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

from coma_cli.evaluation.pass_at_k import Tally, sampling_variance

ALPHA, POWER = 0.05, 0.8
MOST_NEEDED = 10**9  # larger numbers are not worth planning with


def problems_for(difference: float, variance: float, *, binary: bool = False) -> int | None:
    """How many problems show the difference at 5 % (two-sided) with 80 % power; None if there is none to show.

    `variance` is that of one problem's difference. For a `binary` one (won, lost or neither) it is smaller under the
    hypothesis that is to be rejected than where the difference exists, which Connor's formula allows for.

    Source: Connor 1987 (Biometrics 43, 207-211); for others the usual one of a mean.
    """
    alpha, power = (NormalDist().inv_cdf(part) for part in (1 - ALPHA / 2, POWER))
    if abs(difference) < 1 / MOST_NEEDED:
        return None
    null = variance + difference**2 if binary else variance
    needed = ((alpha * math.sqrt(null) + power * math.sqrt(variance)) / difference) ** 2
    return math.ceil(needed) if needed < MOST_NEEDED else None


def samples_for(
    difference: float, variance: float, pairs: Sequence[tuple[Tally, Tally]], k: int
) -> tuple[int | None, str]:
    """How many samples of each of these problems show the difference; None with the reason why none would, or can say.

    More samples remove the part of the variance that comes from drawing them; the part between problems remains. The
    part of drawing shrinks with the number of samples (exactly for k = 1, nearly for others).
    """
    least = min(tally.samples for pair in pairs for tally in pair)
    if least < 2 * k:
        return None, f"unknown: it takes {2 * k} samples per problem to tell"
    alpha, power = (NormalDist().inv_cdf(part) for part in (1 - ALPHA / 2, POWER))
    drawing = sum(sampling_variance(tally, k) for pair in pairs for tally in pair) / len(pairs)
    between = max(0.0, variance - drawing)
    allowed = len(pairs) * (difference / (alpha + power)) ** 2
    if allowed <= between:
        return None, "none: these problems are too few"
    return max(k, math.ceil(least * drawing / (allowed - between))), ""
