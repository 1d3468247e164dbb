"""CodeBLEU: the mean of four corpus scores, of n-grams, of n-grams with keywords weighted, of syntax and of data flow.

Source: Ren et al. 2020 (arXiv:2009.10297) and its code in microsoft/CodeXGLUE (code-to-code-trans/evaluator/CodeBLEU),
all weights 0.25. A part that no reference has (data flow in a language without a definition of it, or in code in which
no value goes anywhere) is excluded, and the others get equal weights; a part that the reference has and the answer does
not is 0. Comments are removed by the grammar; the published code removes Java's whatever the language is.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from coma_cli.corpus.metrics.bleu import ORDER, brevity, matches, ngram_counts
from coma_cli.corpus.metrics.codebleu.data_flow import flow_match
from coma_cli.corpus.metrics.codebleu.keywords import keywords
from coma_cli.corpus.metrics.codebleu.syntax_match import syntax_match
from coma_cli.corpus.metrics.metric import Answered, Floats, Metric, ratio
from coma_cli.syntax.leaves import leaves

_EPSILON = 0.1  # for orders without a match. Source: NLTK's SmoothingFunction.method1 (Chen and Cherry 2014)
_OTHER_WORDS = 0.2  # the weight of all words but keywords
_LENGTHS = slice(4 * ORDER, 4 * ORDER + 2)
_SYNTAX = slice(4 * ORDER + 2, 4 * ORDER + 4)
_FLOW = slice(4 * ORDER + 4, 4 * ORDER + 6)


def without_comments(language: str, code: str) -> str:
    """The code with a space for each comment."""
    for leaf in reversed([leaf for leaf in leaves(language, code) if leaf.role == "comment"]):
        code = f"{code[: leaf.start]} {code[leaf.end :]}"
    return code


def statistics(row: Answered) -> tuple[float, ...]:
    """For each of the two n-gram scores matches and n-grams by order; both lengths; matches and all of the other two.

    The first score counts n-grams of the answer (precision), the weighted one those of the reference (recall).
    """
    words, reference = row.answer.split(), row.reference.split()
    orders = range(1, ORDER + 1)
    found = [matches(words, reference, order) for order in orders]
    weighted, possible = _weighted(words, reference, keywords(row.language))
    answer_code, reference_code = (without_comments(row.language, code) for code in (row.answer, row.reference))
    return (
        *found,
        *(max(1, len(words) - order + 1) for order in orders),
        *(weighted, *found[1:]),
        *(max(1.0, possible), *(max(1, len(reference) - order + 1) for order in orders[1:])),
        *(len(words), len(reference)),
        *syntax_match(row.language, answer_code, reference_code),
        *flow_match(row.language, answer_code, reference_code),
    )


def _weighted(words: list[str], reference: list[str], known: Iterable[str]) -> tuple[float, float]:
    """The weights of the reference's words that the answer has too, and of all of them."""
    wanted = ngram_counts(reference, 1)
    both = wanted & ngram_counts(words, 1)
    return tuple(sum(n * (1 if word in known else _OTHER_WORDS) for (word,), n in c.items()) for c in (both, wanted))  # type: ignore[return-value]  # two


def ngram_match(sums: Floats) -> Floats:
    """BLEU-4 of the words."""
    return _mean_of_orders(sums, 0) * brevity(sums[..., _LENGTHS][..., 0], sums[..., _LENGTHS][..., 1])


def weighted_ngram_match(sums: Floats) -> Floats:
    """The same with keywords weighted and counted in the reference, so that no penalty for short answers is needed.

    The paper multiplies by the penalty of BLEU. The published code, from which all published figures are, computes it
    from a reference of length 2, so that it is 1.
    """
    return _mean_of_orders(sums, 2 * ORDER)


def _mean_of_orders(sums: Floats, first: int) -> Floats:
    """The geometric mean of matches by n-grams, which begin at a place in the sums; 0 if no word matches."""
    matched, possible = sums[..., first : first + ORDER], sums[..., first + ORDER : first + 2 * ORDER]
    smoothed = np.where(matched == 0, _EPSILON, matched)
    return np.where(matched[..., 0] == 0, 0.0, np.exp(np.log(smoothed / possible).mean(axis=-1)))


def _share(sums: Floats, where: slice) -> Floats:
    """Matches by all; NaN where there is nothing to match."""
    return ratio(sums[..., where][..., 0], sums[..., where][..., 1])


PARTS: dict[str, Callable[[Floats], Floats]] = {
    "ngram-match": ngram_match,
    "weighted-ngram-match": weighted_ngram_match,
    "syntax-match": lambda sums: _share(sums, _SYNTAX),
    "data-flow-match": lambda sums: _share(sums, _FLOW),
}


def score(sums: Floats) -> Floats:
    """The mean of the parts that there are."""
    parts = np.stack([part(sums) for part in PARTS.values()], axis=-1)
    found: Floats = np.nanmean(parts, axis=-1)  # the first two are always there
    return found


def has_data_flow(statistics: Floats) -> NDArray[np.bool_]:
    """Which rows, by their statistics, have a reference with data flow."""
    has: NDArray[np.bool_] = statistics[..., _FLOW][..., 1] > 0
    return has


CODEBLEU = Metric("codebleu", statistics, score, PARTS)
