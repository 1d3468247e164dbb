import numpy as np
import pytest

from coma_cli.corpus.metrics.matching import WORDS_MATCH
from coma_cli.corpus.metrics.metric import Answered, mean, ratio


def test_a_figure_comes_from_sums_over_all_answers():
    rows = [Answered("a", "a"), Answered("b", "c"), Answered("d", "d"), Answered("e", "f")]
    assert WORDS_MATCH.of(rows) == 0.5


def test_many_resamples_are_computed_at_once():
    sums = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert mean(sums).tolist() == [0.5, 0.75]


def test_a_quotient_by_zero_is_what_the_caller_says():
    assert np.isnan(ratio(np.array(1.0), np.array(0.0)))
    assert ratio(np.array(1.0), np.array(0.0), undefined=0.0) == 0


def test_no_answers_have_no_figure():
    with pytest.raises(ValueError, match="no answers"):
        WORDS_MATCH.of([])
