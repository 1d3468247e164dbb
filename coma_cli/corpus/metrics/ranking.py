"""Choosing among candidates: accuracy of the chosen one, and the mean reciprocal rank of the right one.

Source of MRR: CodeXGLUE's evaluator of NL-code-search-Adv. There an encoder ranks the candidates; here they are ranked
by the log-probability that the model gives to each as its whole answer.
"""

from collections.abc import Sequence

from coma_cli.corpus.metrics.matching import same_words
from coma_cli.corpus.metrics.metric import Answered, Metric, mean


def chosen(answer: str, candidates: Sequence[str]) -> int | None:
    """The candidate that an answer repeats, layout aside; None if it repeats none, or two that are equal."""
    found = [place for place, candidate in enumerate(candidates) if same_words(candidate, answer)]
    return found[0] if len(found) == 1 else None


def reciprocal_rank(right: int, log_probabilities: Sequence[float]) -> float:
    """1 by the rank of the right candidate, most likely first; candidates that tie with it rank before it.

    A NaN ranks last; if it is the right candidate's, the result is 0.
    """
    own = log_probabilities[right]
    if own != own:
        return 0.0
    return 1 / sum(other >= own for other in log_probabilities)


def _is_right(row: Answered) -> tuple[float, ...]:
    return same_words(row.answer, row.reference), 1


def _reciprocal_rank(row: Answered) -> tuple[float, ...]:
    """(reciprocal rank, 1); (0, 0) for a row without log-probabilities, which does not count."""
    right = chosen(row.reference, row.candidates)
    if right is None or len(row.log_probabilities) != len(row.candidates):
        return 0, 0
    return reciprocal_rank(right, row.log_probabilities), 1


CHOICE_ACCURACY = Metric("accuracy", _is_right, mean)
MRR = Metric("mrr", _reciprocal_rank, mean)
