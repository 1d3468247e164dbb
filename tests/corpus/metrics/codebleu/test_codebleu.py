import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.corpus.metrics.codebleu.codebleu import CODEBLEU, PARTS, has_data_flow, statistics, without_comments
from coma_cli.corpus.metrics.metric import Answered

CODE = st.lists(st.sampled_from(["x = 1", "y = x", "if x :", "  return y", "f ( x )", "# note"]), max_size=6).map(
    "\n".join
)
LONG = "def f ( x ) :\n    y = x + 1\n    return y"


def parts(*rows: Answered) -> dict[str, float]:
    sums = np.array([statistics(row) for row in rows]).sum(axis=0)
    return {name: float(part(sums)) for name, part in PARTS.items()}


def test_parts_by_hand():
    found = parts(Answered("x = y", "x = z", "python"))
    # n-grams: 2 of 3, 1 of 2, 0 of 1 and 0 of max(1, 0), which count 0.1 each; equal lengths.
    assert found["ngram-match"] == pytest.approx((2 / 3 * 1 / 2 * 0.1 * 0.1) ** 0.25)
    # No keywords: weights of 0.2 each, 0.4 of max(1, 0.6); the other orders as above.
    assert found["weighted-ngram-match"] == pytest.approx((0.4 * 1 / 2 * 0.1 * 0.1) ** 0.25)
    assert found["syntax-match"] == 1
    assert found["data-flow-match"] == 1


def test_keywords_weigh_five_times_as_much():
    # Reference: return (1), x (0.2), y (0.2), in (1) and z (0.2): 2.6. The answers lack z, or return.
    reference = "return x y in z"
    without_name = parts(Answered("return x y in", reference, "python"))["weighted-ngram-match"]
    without_keyword = parts(Answered("x y in z", reference, "python"))["weighted-ngram-match"]
    assert without_name == pytest.approx((2.4 / 2.6 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)
    assert without_keyword == pytest.approx((1.6 / 2.6 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)


def test_a_data_flow_of_0_stays_0():
    row = Answered("def f ( x ) :\n    return 1", LONG, "python")
    found = parts(row)
    assert found["data-flow-match"] == 0
    assert CODEBLEU.of([row]) == pytest.approx(sum(found.values()) / 4)


@pytest.mark.parametrize(
    ("language", "code"), [("rust", "fn f(x: i32) -> i32 { let y = x; y }"), ("python", "def f ( ) :\n    return 1")]
)
def test_without_data_flow_in_the_reference_the_other_parts_are_get_equal_weights(language, code):
    row = Answered(code.replace("f", "g"), code, language)
    found = parts(row)
    assert math.isnan(found.pop("data-flow-match"))
    assert CODEBLEU.of([row]) == pytest.approx(sum(found.values()) / 3)
    assert not has_data_flow(np.array(statistics(row)))


def test_a_corpus_takes_data_flow_from_the_rows_that_have_it():
    rows = [Answered(LONG, LONG, "python"), Answered("fn f() {}", "fn g() {}", "rust")]
    assert parts(*rows)["data-flow-match"] == 1
    assert has_data_flow(np.array([statistics(row) for row in rows])).tolist() == [True, False]


def test_without_a_grammar_only_words_are_compared():
    found = parts(Answered("fun f ( ) = 1", "fun f ( ) = 1", "kotlin"))
    assert [name for name, value in found.items() if math.isnan(value)] == ["syntax-match", "data-flow-match"]
    assert CODEBLEU.of([Answered("fun f ( ) = 1", "fun f ( ) = 1", "kotlin")]) == pytest.approx(1)


def test_comments_are_removed_by_the_grammar():
    assert without_comments("python", "x = 7 // 2  # half") == "x = 7 // 2   "
    assert without_comments("java", "int x; // 1") == "int x;  "


def test_an_empty_answer_is_0_and_broken_code_is_something_in_between():
    assert CODEBLEU.of([Answered("", LONG, "python")]) == 0
    assert 0 < CODEBLEU.of([Answered("def f ( x ) :\n    y = x + ( return y", LONG, "python")]) < 1


@settings(deadline=None, max_examples=50)
@given(CODE, CODE)
def test_range_and_identity(one, other):
    assert 0 <= CODEBLEU.of([Answered(one, other, "python")]) <= 1 + 1e-12
    if len(one.split()) >= 5:  # shorter texts lack n-grams of order 4, or words that weigh 1 together
        assert CODEBLEU.of([Answered(one, one, "python")]) == pytest.approx(1)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(CODE, CODE), min_size=1, max_size=5), st.randoms())
def test_the_order_of_rows_does_not_count(pairs, random):
    rows = [Answered(*pair, "python") for pair in pairs]
    assert CODEBLEU.of(random.sample(rows, len(rows))) == pytest.approx(CODEBLEU.of(rows), nan_ok=True)
