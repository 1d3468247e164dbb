"""chrF, the F-score of character n-grams, as sacrebleu computes it: orders 1 to 6, beta 2, whitespace removed.

Source: Popovic 2015 (W15-3049). The n-grams of each answer are counted by sacrebleu; their sums over a corpus give its
score, here for many resampled corpora at once. Chinese needs no word boundaries for this.
"""

from functools import cache
from typing import Any

import numpy as np

from coma_cli.corpus.metrics.metric import Answered, Floats, Metric, ratio

_ORDER = 6
_BETA_SQUARED = 4


@cache
def _counter() -> Any:
    from sacrebleu.metrics import CHRF

    return CHRF(char_order=_ORDER, word_order=0, beta=2)


def statistics(row: Answered) -> tuple[float, ...]:
    """For each order the n-grams of the answer, of the reference, and of both."""
    counted = _counter()._extract_corpus_statistics([row.answer], [[row.reference]])
    return tuple(map(float, counted[0]))


def score(sums: Floats) -> Floats:
    """The F-score of mean precision and mean recall over the orders that both sides have, 0 if there is none."""
    counts = sums.reshape(*sums.shape[:-1], _ORDER, 3)
    answers, references, both = counts[..., 0], counts[..., 1], counts[..., 2]
    usable = (answers > 0) & (references > 0)
    orders = usable.sum(axis=-1)
    precision = ratio(np.where(usable, ratio(both, answers, 0.0), 0.0).sum(axis=-1), orders, 0.0)
    recall = ratio(np.where(usable, ratio(both, references, 0.0), 0.0).sum(axis=-1), orders, 0.0)
    return ratio((1 + _BETA_SQUARED) * precision * recall, _BETA_SQUARED * precision + recall, 0.0)


CHRF = Metric("chrf", statistics, score)
