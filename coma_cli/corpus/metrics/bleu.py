"""BLEU as CodeXGLUE's evaluators compute it: of a whole corpus for code, sentence by sentence for summaries.

Sources: `bleu.py` of code-refinement and code-to-code-trans (tensor2tensor's `compute_bleu`, smoothed as by Lin and Och
2004, words separated by whitespace) and `evaluator.py` of code-to-text (Moses's `bleu.py` of 2007: one is added to the
counts of all but single words, and to both lengths; the figures of sentences are averaged).
"""

import math
import re
import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np

from coma_cli.corpus.metrics.metric import Answered, Floats, Metric, mean

ORDER = 4  # the longest n-grams, in words
# code-to-text separates punctuation, then Moses's rules separate underscores; Chinese is counted by character.
_WORD = re.compile(r"[\u3400-\u9fff]|_|(?:(?![\u3400-\u9fff])[^\W_])+|[^\w\s]")


def ngram_counts(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    """How often each run of `order` words occurs."""
    return Counter(zip(*(words[start:] for start in range(order)), strict=False))


def matches(words: Sequence[str], reference: Sequence[str], order: int) -> int:
    """How many n-grams occur in the reference too, each at most as often as there."""
    return (ngram_counts(words, order) & ngram_counts(reference, order)).total()


def word_counts(words: Sequence[str], reference: Sequence[str]) -> tuple[float, ...]:
    """Matches for each order, n-grams for each order, and the lengths of the text and the reference in words."""
    orders = range(1, ORDER + 1)
    return (
        *(matches(words, reference, order) for order in orders),
        *(max(0, len(words) - order + 1) for order in orders),
        len(words),
        len(reference),
    )


def _corpus_statistics(row: Answered) -> tuple[float, ...]:
    return word_counts(row.answer.split(), row.reference.split())


def corpus_bleu(sums: Floats) -> Floats:
    """BLEU-4 from the sums of `word_counts`, with one added to each count of n-grams."""
    matched, possible = sums[..., :ORDER], sums[..., ORDER : 2 * ORDER]
    precision = np.exp(np.log((matched + 1) / (possible + 1)).mean(axis=-1))
    score: Floats = precision * brevity(sums[..., 2 * ORDER], sums[..., 2 * ORDER + 1])
    return score


def brevity(length: Floats, reference: Floats) -> Floats:
    """The penalty for a text that is shorter than its reference: exp(1 - reference/length), 1 if it is longer."""
    short = length < reference
    safe = np.where(length == 0, 1.0, length)
    penalty = np.where(length == 0, 0.0, np.exp(np.minimum(0.0, 1 - reference / safe)))
    return np.where(short, penalty, 1.0)


def summary_words(text: str) -> list[str]:
    """The words of a summary in lower case: each punctuation mark, underscore and Chinese character is one."""
    return _WORD.findall(text.strip().lower())


def sentence_bleu(text: str, reference: str) -> float:
    """Smoothed BLEU-4 of one summary.

    By this definition an empty text has exp(-n) for a reference of n words, and not 0.
    """
    counts = word_counts(summary_words(text), summary_words(reference))
    length, reference_length = counts[-2:]
    tiny = sys.float_info.min
    logs = 0.0
    for order in range(ORDER):
        added = (order > 0) + tiny
        logs += math.log(counts[order] + added) - math.log(counts[ORDER + order] + added)
    return math.exp(logs / ORDER + min(0.0, 1 - (reference_length + 1) / (length + 1)))


BLEU = Metric("bleu", _corpus_statistics, corpus_bleu)
SENTENCE_BLEU = Metric("sentence-bleu", lambda row: (sentence_bleu(row.answer, row.reference), 1), mean)
