import itertools

import numpy as np
import pytest

from coma_cli.corpus.metrics.metric import mean
from coma_cli.evaluation.comparing.proportions import score_interval
from coma_cli.evaluation.comparing.resampling import (
    PairedRows,
    differences_of,
    percentile_interval,
    student_quantile,
    swap_test,
)

# scipy 1.17, stats.t.ppf
STUDENT = {(0.975, 163): 1.974624620966361, (0.95, 9): 1.833112932656237, (0.975, 1): 12.706204736174694}


def pairs_of(first, second):
    """Statistics of a mean for two models."""
    return np.stack([np.stack([np.array(of, float), np.ones(len(of))], axis=-1) for of in (first, second)], axis=1)


def draws(pairs, seed=0, resamples=4000):
    return differences_of(mean, PairedRows.of(pairs).resampled(seed, resamples))


@pytest.mark.parametrize(("case", "quantile"), STUDENT.items())
def test_quantiles_of_student_are_those_of_scipy(case, quantile):
    assert student_quantile(*case) == pytest.approx(quantile, rel=1e-9)


def test_a_row_keeps_both_answers_in_a_resample():
    """Rows that are easy for both add nothing to the spread of the difference."""
    first = [1.0] * 50 + [0.0] * 50
    second = [1.0] * 50 + [0.0] * 45 + [1.0] * 5
    found = draws(pairs_of(first, second))
    assert found.mean() == pytest.approx(0.05, abs=0.002)
    assert found.std() == pytest.approx(np.sqrt(0.05 * 0.95 / 100), rel=0.05)  # unpaired: three times as much


def test_equal_rows_are_drawn_together_and_the_order_of_rows_does_not_count():
    first, second = [0, 0.5, 1, 0.5] * 10, [0.5, 0.5, 0, 1] * 10
    rows = PairedRows.of(pairs_of(first, second))
    assert (len(rows.distinct), rows.rows) == (4, 40)
    assert rows.sums.tolist() == [[20, 40], [20, 40]]
    assert np.array_equal(draws(pairs_of(first, second)), draws(pairs_of(first[::-1], second[::-1])))
    assert not np.array_equal(draws(pairs_of(first, second)), draws(pairs_of(first, second), seed=1))
    assert not np.array_equal(rows.swapped(0, 9), rows.swapped(1, 9))
    assert (rows.resampled(0, 9)[..., 1] == 40).all(), "as many rows as there are"


def test_more_draws_than_fit_in_one_piece_are_as_many(monkeypatch):
    monkeypatch.setattr("coma_cli.evaluation.comparing.resampling.AT_ONCE", 10)
    rows = PairedRows.of(pairs_of([0, 0.5, 1, 0.5], [0.5, 0.25, 0, 1]))
    assert rows.resampled(0, 7).shape == rows.swapped(0, 7).shape == (7, 2, 2)


def test_swaps_are_those_of_all_ways_to_swap():
    first, second = np.array([0.2, 0.9, 0.4, 0.4, 0.1]), np.array([0.7, 0.8, 0.9, 0.4, 0.5])
    every = [np.mean((second - first) * signs) for signs in itertools.product((1, -1), repeat=5)]
    observed = np.mean(second - first)
    exact = np.mean(np.abs(every) >= observed - 1e-9), np.mean(np.array(every) <= observed + 1e-9)
    found = differences_of(mean, PairedRows.of(pairs_of(first, second)).swapped(0, 20_000))
    assert swap_test(observed, found) == pytest.approx(exact, abs=0.01)
    assert exact[0] == 0.25 and exact[1] > 0.8
    assert swap_test(-observed, found)[1] == pytest.approx(np.mean(np.array(every) <= -observed + 1e-9), abs=0.01)


def test_a_p_value_is_never_0():
    assert swap_test(1.0, np.zeros(999)) == (0.001, 1.0)
    assert swap_test(-1.0, np.zeros(999)) == (0.001, 0.001)


def test_the_tails_make_up_for_few_rows():
    """Of a standard normal variable: 1.96 becomes t(0.975, n - 1) * sqrt(n / (n - 1))."""
    normal = np.random.default_rng(0).normal(0, 1, 400_000)
    low, high = percentile_interval(normal, 10, 0.95)
    assert (-low, high) == pytest.approx((2.262157 * np.sqrt(10 / 9),) * 2, rel=0.01)
    assert percentile_interval(normal, 10**6, 0.95)[1] == pytest.approx(1.96, rel=0.01)


def test_resamples_that_all_agree_do_not_make_a_width_of_0():
    low, high = score_interval(0, 0, 50, 0.95)
    assert percentile_interval(np.zeros(100), 50, 0.95) == (low, high) and high > 0.05
    assert percentile_interval(np.full(100, 0.99), 50, 0.95)[1] == 1
    assert percentile_interval(np.zeros(100), 1, 0.95) == (-1, 1)
    assert percentile_interval(np.zeros(0), 50, 0.95) == (-1, 1)


def test_resamples_in_which_a_figure_is_not_defined_do_not_count():
    sums = np.array([[[1.0, 2.0], [2.0, 2.0]], [[1.0, 0.0], [1.0, 1.0]]])
    assert differences_of(mean, sums).tolist() == [0.5]


def test_it_covers_the_truth_in_95_of_100_simulated_pairs():
    """As for single samples (test_proportions.py), with three samples of each problem."""
    random = np.random.default_rng(3)

    def chances(size):
        hard = random.normal(0, 3, size)
        return [1 / (1 + np.exp(-(hard + random.normal(0, 1, size) + by))) for by in (0, 0.5)]

    first, second = chances(500_000)
    truth = float(np.mean(second - first))
    first, second = (random.binomial(3, chance) for chance in chances((2000, 164)))
    hits = 0
    for change in second - first:
        low, high = percentile_interval(draws(pairs_of(0 * change, change / 3), resamples=500), 164, 0.95)
        hits += low <= truth <= high
    assert hits / 2000 == pytest.approx(0.95, abs=0.015)
