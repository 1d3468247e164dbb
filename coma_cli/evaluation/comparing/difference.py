"""One figure of two models on the same problems: both values, the difference with its interval, and what it shows.

Pure: tallies or statistics in, records out. Every comparison of two scored runs goes through here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from coma_cli.corpus.metrics.metric import Floats, mean
from coma_cli.evaluation.comparing.proportions import mcnemar, mcnemar_worse, score_interval
from coma_cli.evaluation.comparing.resampling import (
    PairedRows,
    Value,
    differences_of,
    percentile_interval,
    swap_test,
)
from coma_cli.evaluation.comparing.sizes import ALPHA, problems_for, samples_for
from coma_cli.evaluation.pass_at_k import BOOTSTRAP_RESAMPLES, CONFIDENCE, Tally, estimate

EQUIVALENCE = 1 - 2 * ALPHA  # confidence of the interval that two one-sided tests at 5 % amount to
_DIGITS = 12  # 0.6 - 0.4 and 0.4 - 0.2 are to be drawn as one difference, and equal rates not to differ
Tallies = Mapping[str, Tally]  # by task id
Shown = Literal["better", "worse", "no difference shown"]


@dataclass(frozen=True)
class ComparisonRules:
    """How much counts as no difference at all (of 1, not in percent), and the seed of all draws."""

    margin: float = 0.05
    seed: int = 0


class Needed(BaseModel):
    """What would show the observed difference with 80 % power; `why_no_samples` says why `samples` is None."""

    model_config = ConfigDict(frozen=True)

    problems: int | None
    samples: int | None = None
    why_no_samples: str = ""


class PairedDifference(BaseModel):
    """The second model minus the first in one figure; figures, difference and intervals are of 1, not in percent.

    `won` problems have a higher figure of the second model, `lost` ones a lower one. `p` is two-sided, `p_worse` that
    of the second model being worse; `p_holm` is `p` after Holm's correction, which `result` follows. `equivalent` says
    that the whole 90 % interval is within the margin.
    """

    model_config = ConfigDict(frozen=True)

    measure: str
    task: str | None
    problems: int
    first: float
    second: float
    difference: float
    ci95: tuple[float, float]
    ci90: tuple[float, float]
    interval: Literal["score", "bootstrap"]
    won: int
    lost: int
    test: Literal["mcnemar", "swap"]
    p: float
    p_worse: float
    p_holm: float
    result: Shown
    equivalent: bool
    needed: Needed

    def corrected(self, p_holm: float) -> "PairedDifference":
        """The same with a corrected p-value, and the result that follows from it."""
        return self.model_copy(update={"p_holm": p_holm, "result": _result(self.difference, p_holm)})


def pass_at_k_difference(first: Tallies, second: Tallies, k: int, rules: ComparisonRules) -> PairedDifference | None:
    """pass@k of the problems that both have; None if there are none, or one has fewer than k samples."""
    shared = sorted(first.keys() & second.keys())
    pairs = [(first[name], second[name]) for name in shared]
    found = [(estimate(*ours, k), estimate(*theirs, k)) for ours, theirs in pairs]
    values = np.array([pair for pair in found if None not in pair], dtype=float)
    if not shared or len(values) < len(shared):
        return None
    if all(tally.samples == k for pair in pairs for tally in pair):
        return binary_difference(f"pass@{k}", None, values, rules)
    change = np.round(values[:, 1] - values[:, 0], _DIGITS)
    # The difference is the mean of each problem's own, so only those are resampled: few of them are distinct.
    alone = np.stack([_counted(np.zeros_like(change)), _counted(change)], axis=1)
    one = metric_difference(f"pass@{k}", None, alone, mean, rules, BOOTSTRAP_RESAMPLES)
    assert one is not None
    spread = float(change.var(ddof=1)) if len(change) > 1 else 0.0
    samples, why = samples_for(one.difference, spread, pairs, k)
    needed = Needed(problems=problems_for(one.difference, spread), samples=samples, why_no_samples=why)
    means = {"first": float(values[:, 0].mean()), "second": float(values[:, 1].mean())}
    return one.model_copy(update={**means, "needed": needed})


def _counted(numbers: Floats) -> Floats:
    """Statistics of a mean: a number for each row, and 1."""
    return np.stack([numbers, np.ones_like(numbers)], axis=-1)


def binary_difference(measure: str, task: str | None, values: Floats, rules: ComparisonRules) -> PairedDifference:
    """A figure of problems (problems, 2) that each model passed (1) or failed (0): won, lost, or neither."""
    change = values[:, 1] - values[:, 0]
    won, lost, problems = int((change > 0).sum()), int((change < 0).sum()), len(change)
    difference = (won - lost) / problems
    intervals = {of: score_interval(won, lost, problems, of) for of in (CONFIDENCE, EQUIVALENCE)}
    narrow = _pair(intervals[EQUIVALENCE])
    spread = (won + lost) / problems - difference**2
    p = mcnemar(won, lost)
    return PairedDifference(
        measure=measure,
        task=task,
        problems=problems,
        first=float(values[:, 0].mean()),
        second=float(values[:, 1].mean()),
        difference=difference,
        ci95=_pair(intervals[CONFIDENCE]),
        ci90=narrow,
        interval="score",
        won=won,
        lost=lost,
        test="mcnemar",
        p=p,
        p_worse=mcnemar_worse(won, lost),
        p_holm=p,
        result=_result(difference, p),
        equivalent=_within(narrow, rules.margin),
        needed=Needed(
            problems=problems_for(difference, spread, binary=True),
            why_no_samples="unknown: it takes 2 samples per problem to tell",
        ),
    )


def metric_difference(
    measure: str, task: str | None, pairs: Floats, value: Value, rules: ComparisonRules, resamples: int
) -> PairedDifference | None:
    """Any figure of rows (rows, 2, numbers), as `value` takes their sums; None where it is not defined."""
    rows = PairedRows.of(pairs)
    draws = rows.resampled(rules.seed, resamples), rows.swapped(rules.seed, resamples)
    return difference_of_draws(measure, task, pairs, value, draws, rules)


def difference_of_draws(
    measure: str,
    task: str | None,
    pairs: Floats,
    value: Value,
    draws: tuple[Floats, Floats],
    rules: ComparisonRules,
) -> PairedDifference | None:
    """As `metric_difference`, from sums that were drawn already: resampled ones, and swapped ones."""
    first, second = (float(figure) for figure in value(pairs.sum(axis=0)))
    if np.isnan(first) or np.isnan(second):
        return None
    rows, difference = len(pairs), second - first
    resampled, swapped = (differences_of(value, sums) for sums in draws)
    narrow = percentile_interval(resampled, rows, EQUIVALENCE)
    p, p_worse = swap_test(difference, swapped)
    own = value(pairs)
    change = np.nan_to_num(own[:, 1] - own[:, 0])
    return PairedDifference(
        measure=measure,
        task=task,
        problems=rows,
        first=first,
        second=second,
        difference=difference,
        ci95=percentile_interval(resampled, rows, CONFIDENCE),
        ci90=narrow,
        interval="bootstrap",
        won=int((change > 0).sum()),
        lost=int((change < 0).sum()),
        test="swap",
        p=p,
        p_worse=p_worse,
        p_holm=p,
        result=_result(difference, p),
        equivalent=_within(narrow, rules.margin),
        needed=Needed(problems=problems_for(difference, rows * float(resampled.var())) if len(resampled) else None),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, so that one error among all is as rare as it is for one alone.

    Source: Holm 1979 (Scandinavian Journal of Statistics 6, 65-70).
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected


def _pair(limits: tuple[Floats, Floats]) -> tuple[float, float]:
    return float(limits[0]), float(limits[1])


def _within(interval: tuple[float, float], margin: float) -> bool:
    """Whether both one-sided tests reject a difference as large as the margin (TOST).

    Source: Schuirmann 1987 (Journal of Pharmacokinetics and Biopharmaceutics 15, 657-680).
    """
    return -margin < interval[0] and interval[1] < margin


def _result(difference: float, p: float) -> Shown:
    if p >= ALPHA or difference == 0:
        return "no difference shown"
    return "better" if difference > 0 else "worse"
