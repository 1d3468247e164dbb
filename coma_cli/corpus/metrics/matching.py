"""Exact match and edit similarity of an answer and its reference.

Source: CodeXGLUE's evaluators. Line completion and text-to-code compare the words of both, so layout does not count;
repair and translation compare whole lines. Edit similarity is fuzzywuzzy's `fuzz.ratio`, which is twice the length of
the longest common subsequence by the length of both texts.
"""

import re

from coma_cli.corpus.metrics.metric import Answered, Metric, mean

# Source: CodeCompletion-line/evaluator/evaluator.py: tokens that stand for literals, and those with a frequent value.
_LITERALS = {"<NUM_LIT>": "0", "<STR_LIT>": "", "<CHAR_LIT>": ""}
_LITERAL = re.compile(r"<(?:STR|NUM|CHAR)_LIT(?::(?P<value>.*?))?>", re.DOTALL)


def without_literal_tokens(code: str) -> str:
    """Code with CodeXGLUE's tokens for literals written out: `<NUM_LIT:42>` is 42, `<NUM_LIT>` 0."""
    return _LITERAL.sub(lambda hit: hit["value"] if hit["value"] is not None else _LITERALS[hit[0]], code)


def same_words(one: str, other: str) -> bool:
    """Whether two texts are equal but for whitespace."""
    return one.split() == other.split()


def same_lines(one: str, other: str) -> bool:
    """Whether two texts have the same lines, whitespace at the end of lines and blank lines around them aside."""
    return _lines(one) == _lines(other)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def edit_similarity(one: str, other: str) -> float:
    """Between 0 (nothing in common) and 1 (equal)."""
    from rapidfuzz import fuzz

    return float(fuzz.ratio(one, other)) / 100


def _line_match(row: Answered) -> tuple[float, ...]:
    return same_words(*map(without_literal_tokens, (row.answer, row.reference))), 1


def _line_similarity(row: Answered) -> tuple[float, ...]:
    return edit_similarity(*(without_literal_tokens(text.strip()) for text in (row.answer, row.reference))), 1


LINE_MATCH = Metric("exact-match", _line_match, mean)
EDIT_SIMILARITY = Metric("edit-similarity", _line_similarity, mean)
WORDS_MATCH = Metric("exact-match", lambda row: (same_words(row.answer, row.reference), 1), mean)
LINES_MATCH = Metric("exact-match", lambda row: (same_lines(row.answer, row.reference), 1), mean)
