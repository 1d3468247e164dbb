"""The form of a metric: statistics of each answer, whose sums over all answers give the figure.

A metric of a whole corpus (BLEU, F1) is not the mean of the rows' own figures, but all that are used here depend on the
rows through sums alone. A bootstrap resamples the rows' statistics, and never has to read an answer again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from coma_cli.records import TextLanguage

Floats: TypeAlias = NDArray[np.float64]
MetricName = Literal[
    "accuracy",
    "precision",
    "recall",
    "f1",
    "exact-match",
    "edit-similarity",
    "bleu",
    "sentence-bleu",
    "chrf",
    "codebleu",
    "mrr",
]


@dataclass(frozen=True)
class Answered:
    """An answer and the reference that it is compared with.

    `language` is the programming language (of the answer, for a translation), `labels` the two possible answers of a
    yes/no question, the yes first. `candidates` are what to choose from, and `log_probabilities` what the model gave to
    each of them; both are empty where there is nothing to choose, or nothing is known.
    """

    answer: str
    reference: str
    language: str = ""
    text_language: TextLanguage = "en"
    labels: tuple[str, str] | None = None
    candidates: tuple[str, ...] = ()
    log_probabilities: tuple[float, ...] = ()


@dataclass(frozen=True)
class Metric:
    """A metric between 0 and 1, larger is better.

    `statistics` gives some numbers for an answer, always equally many. `value` takes their sums over answers, as the
    last axis of an array, and returns the figure for each; NaN where it is not defined. `parts` are figures that this
    one is made of, from the same sums.
    """

    name: MetricName
    statistics: Callable[[Answered], tuple[float, ...]]
    value: Callable[[Floats], Floats]
    parts: dict[str, Callable[[Floats], Floats]] = field(default_factory=dict, hash=False)

    def of(self, answers: Sequence[Answered]) -> float:
        """The figure for some answers.

        Raises:
            ValueError: there are none.
        """
        if not answers:
            raise ValueError(f"{self.name} of no answers")
        return float(self.value(np.array([self.statistics(a) for a in answers]).sum(axis=0)))


def mean(sums: Floats) -> Floats:
    """The mean of a statistic (the first) over how many there are (the second)."""
    return ratio(sums[..., 0], sums[..., 1])


def ratio(numerator: Floats, denominator: Floats, undefined: float = np.nan) -> Floats:
    """A quotient that is `undefined` where the denominator is 0."""
    safe = np.where(denominator == 0, 1.0, denominator)
    return np.where(denominator == 0, undefined, numerator / safe)
