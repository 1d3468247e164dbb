import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.corpus.metrics.chrf import CHRF
from coma_cli.corpus.metrics.metric import Answered

TEXTS = st.text(alphabet="ab 最大值.", max_size=12)


def sacrebleu_score(pairs: list[tuple[str, str]]) -> float:
    from sacrebleu import metrics

    answers, references = zip(*pairs, strict=True)
    return metrics.CHRF().corpus_score(list(answers), [list(references)]).score / 100


def test_by_hand():
    # "ab" for "ac": orders 1 and 2 are there on both sides. Order 1: 1 of 2; order 2: 0 of 1.
    # Mean precision and recall are 1/4, and so is their F-score.
    assert CHRF.of([Answered("ab", "ac")]) == pytest.approx(0.25)
    # 最大值 for 最小值: 2/3, 0/2 and 0/1, a mean of 2/9.
    assert CHRF.of([Answered("最大值", "最小值")]) == pytest.approx(2 / 9)


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_sums_give_what_sacrebleu_gives_for_the_corpus(pairs):
    assert CHRF.of([Answered(*pair) for pair in pairs]) == pytest.approx(sacrebleu_score(pairs))


def test_whitespace_does_not_count_and_an_empty_answer_is_0():
    assert CHRF.of([Answered("a b c", "abc")]) == pytest.approx(1)
    assert CHRF.of([Answered("", "abc")]) == 0
