import math

import pytest

from coma_cli.corpus.metrics.metric import Answered
from coma_cli.corpus.metrics.ranking import CHOICE_ACCURACY, MRR, chosen, reciprocal_rank

CANDIDATES = ("f(a)", "g(b)", "h(c)")


def row(answer: str, *log_probabilities: float) -> Answered:
    return Answered(answer, "g(b)", candidates=CANDIDATES, log_probabilities=log_probabilities)


def test_a_choice_is_a_candidate_that_the_answer_repeats():
    assert chosen(" g(b)\n", CANDIDATES) == 1
    assert chosen("g(b), since it fits", CANDIDATES) is None
    assert chosen("a", ("a", "a")) is None


def test_accuracy_and_mrr_by_hand():
    # The right candidate ranks 1st, 3rd and 2nd: MRR (1 + 1/3 + 1/2) / 3 = 11/18.
    rows = [row("g(b)", -2, -1, -3), row("f(a)", -1, -3, -2), row("", -1, -2, -3)]
    assert MRR.of(rows) == pytest.approx(11 / 18)
    assert CHOICE_ACCURACY.of(rows) == pytest.approx(1 / 3)


def test_a_tie_is_never_to_the_models_advantage():
    assert reciprocal_rank(0, (-1.0, -1.0, -2.0)) == 0.5
    assert reciprocal_rank(1, (-1.0, -1.0, -1.0)) == pytest.approx(1 / 3)


def test_a_candidate_without_a_probability_ranks_last_and_the_right_one_gets_nothing():
    assert reciprocal_rank(0, (-5.0, math.nan)) == 1
    assert reciprocal_rank(1, (-5.0, math.nan)) == 0


def test_rows_without_log_probabilities_have_no_mrr_and_do_not_dilute_it():
    assert math.isnan(MRR.of([row("g(b)")]))
    assert MRR.of([row("g(b)"), row("g(b)", -1, -2, -3)]) == 0.5
