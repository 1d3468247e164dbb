import numpy as np
import pytest

from coma_cli.corpus.metrics.classification import F1, statistics
from coma_cli.corpus.metrics.matching import WORDS_MATCH
from coma_cli.corpus.metrics.metric import Answered
from coma_cli.corpus.metrics.ranking import MRR
from coma_cli.evaluation.measuring.intervals import figure_of
from coma_cli.evaluation.pass_at_k import exact_interval

HALF = np.array([[float(number % 2), 1.0] for number in range(100)])


def test_the_interval_of_a_share_is_about_the_normal_one():
    # 50 of 100: 0.5 +- 1.96 * sqrt(0.25 / 100) = 0.402 to 0.598.
    figure = figure_of(WORDS_MATCH, HALF, seed=0)
    assert figure.value == 0.5
    assert figure.interval == pytest.approx((0.402, 0.598), abs=0.015)
    assert figure.method == "bootstrap"


def test_a_seed_gives_the_same_interval_and_the_order_of_rows_does_not_count():
    assert figure_of(WORDS_MATCH, HALF, 1) == figure_of(WORDS_MATCH, HALF[::-1], 1)
    uneven = np.array([[number / 100, 1.0] for number in range(100)])
    assert figure_of(WORDS_MATCH, uneven, 1) != figure_of(WORDS_MATCH, uneven, 2)


def test_rows_that_are_all_alike_get_the_exact_interval():
    figure = figure_of(WORDS_MATCH, np.array([[1.0, 1.0]] * 20), seed=0)
    assert figure == (1.0, exact_interval(20, 20), "exact")


def test_the_interval_of_f1_resamples_whole_rows():
    pairs = [("yes", "yes"), ("yes", "no"), ("no", "yes"), ("no", "no")] * 25
    rows = np.array([statistics(Answered(*pair, labels=("yes", "no"))) for pair in pairs], dtype=float)
    figure = figure_of(F1, rows, seed=0)
    assert figure.value == 0.5
    assert 0.3 < figure.interval[0] < 0.5 < figure.interval[1] < 0.7


def test_a_metric_that_is_not_defined_has_no_interval():
    assert figure_of(MRR, np.array([[0.0, 0.0]] * 3), seed=0) == (None, None, None)


def test_resamples_in_which_it_is_not_defined_do_not_count():
    figure = figure_of(MRR, np.array([[1.0, 1.0], [0.0, 0.0]]), seed=0)
    assert figure.value == 1
    assert figure.interval == (1.0, 1.0)
