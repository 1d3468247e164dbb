import pytest

from coma_cli.corpus.metrics.matching import (
    EDIT_SIMILARITY,
    LINE_MATCH,
    LINES_MATCH,
    WORDS_MATCH,
    edit_similarity,
    without_literal_tokens,
)
from coma_cli.corpus.metrics.metric import Answered


def test_codexglue_literals_are_written_out():
    code = 'x = <NUM_LIT> + <NUM_LIT:42> + "<STR_LIT>" + "<STR_LIT:a b>" + \'<CHAR_LIT>\''
    assert without_literal_tokens(code) == 'x = 0 + 42 + "" + "a b" + \'\''


def test_layout_does_not_count_in_a_line():
    assert LINE_MATCH.of([Answered("return  x ", "return x"), Answered("return y", "return x")]) == 0.5
    assert WORDS_MATCH.of([Answered("def f():\n  return 1", "def f():\n    return 1\n")]) == 1


def test_lines_count_where_they_can_be_the_bug():
    fixed = "if a:\n    b()\nc()"
    assert LINES_MATCH.of([Answered(f"{fixed}\n", fixed)]) == 1
    assert LINES_MATCH.of([Answered("if a:\n    b()\n    c()", fixed)]) == 0


def test_edit_similarity_by_hand():
    # "kitten" and "sitting" share the subsequence "ittn" of 4 of 6 + 7 characters: 2 * 4 / 13.
    assert edit_similarity("kitten", "sitting") == pytest.approx(8 / 13)
    assert EDIT_SIMILARITY.of([Answered("abcd", "abcd"), Answered("", "abcd")]) == 0.5


@pytest.mark.parametrize(("one", "other", "expected"), [("", "", 1.0), ("", "a", 0.0), ("a", "b", 0.0)])
def test_edit_similarity_of_empty_and_foreign_texts(one, other, expected):
    assert edit_similarity(one, other) == expected
