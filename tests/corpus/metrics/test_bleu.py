"""The expected values of whole sentences were also computed with CodeXGLUE's own evaluators, to nine digits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.corpus.metrics.bleu import BLEU, SENTENCE_BLEU, sentence_bleu, summary_words
from coma_cli.corpus.metrics.metric import Answered

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "(", ")", "="]), max_size=12).map(" ".join)


def test_corpus_bleu_by_hand():
    # Answer "a b c d e", reference "a b c d f g": matches 4, 3, 2, 1 of 5, 4, 3, 2 n-grams; one is added to each:
    # 5/6 * 4/5 * 3/4 * 2/3 = 1/3, to the power 1/4; 5 of 6 words: exp(1 - 6/5).
    expected = (1 / 3) ** 0.25 * math.exp(1 - 6 / 5)
    assert BLEU.of([Answered("a b c d e", "a b c d f g")]) == pytest.approx(expected)


def test_corpus_bleu_sums_counts_before_it_divides():
    # Sums over "a b" / "a b" and "c" / "c d": matches 3, 1, 0, 0 of 3, 1, 0, 0; with one added all are 1.
    # 3 words for 4: exp(1 - 4/3). The mean of the two would be (1 + exp(-1)) / 2.
    rows = [Answered("a b", "a b"), Answered("c", "c d")]
    assert BLEU.of(rows) == pytest.approx(math.exp(1 - 4 / 3))


def test_words_of_summaries():
    assert summary_words("Returns foo_bar(x), e.g. 3.5!") == (
        ["returns", "foo", "_", "bar", "(", "x", ")", ",", "e", ".", "g", ".", "3", ".", "5", "!"]
    )
    assert summary_words("返回最大值，用 max 函数。") == [*"返回最大值", "，", "用", "max", *"函数", "。"]


def test_sentence_bleu_by_hand():
    # "returns the sum" for "returns the sum of values": matches 3, 2, 1, 0 of 3, 2, 1, 0. One is added for longer
    # n-grams: 3/3 * 3/3 * 2/2 * 1/1 = 1; lengths 3 and 5: exp(1 - 6/4).
    assert sentence_bleu("Returns the sum", "returns the sum of values") == pytest.approx(math.exp(-0.5))
    # "get a b" for "set a c": 1/3 * (0 + 1)/3 * 1/2 * 1/1 = 1/18, to the power 1/4; equal lengths.
    assert sentence_bleu("get a b", "set a c") == pytest.approx((1 / 18) ** 0.25)
    assert SENTENCE_BLEU.of([Answered("get a b", "set a c"), Answered("x", "x")]) == pytest.approx(
        ((1 / 18) ** 0.25 + 1) / 2
    )


def test_chinese_is_counted_by_character():
    # 最大值 for 最小值: 2 of 3 characters; no pair (0 + 1)/(2 + 1), 1/2 and 1/1.
    assert sentence_bleu("最大值", "最小值") == pytest.approx((2 / 3 / 3 / 2) ** 0.25)


def test_empty_answers():
    assert BLEU.of([Answered("", "a b")]) == 0
    # As published: no n-gram is wrong, and the penalty is that for 0 of 3 words, exp(1 - 4/1).
    assert sentence_bleu("", "a b c") == pytest.approx(math.exp(-3))


@given(WORDS, WORDS)
def test_range_and_identity(one, other):
    for metric in (BLEU, SENTENCE_BLEU):
        assert 0 <= metric.of([Answered(one, other)]) <= 1 + 1e-12
        assert metric.of([Answered(one, one)]) == pytest.approx(1)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6), st.randoms())
def test_the_order_of_rows_does_not_count(pairs, random):
    rows = [Answered(*pair) for pair in pairs]
    shuffled = random.sample(rows, len(rows))
    for metric in (BLEU, SENTENCE_BLEU):
        assert metric.of(shuffled) == pytest.approx(metric.of(rows))
