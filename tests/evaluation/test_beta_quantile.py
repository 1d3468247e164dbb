"""Quantiles of the Beta distribution beside those of SciPy, and where they are known in closed form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betainc, betaincinv

from coma_cli.evaluation.beta_quantile import beta_quantile, incomplete_beta

SHAPES = st.floats(1e-3, 1e5)
TAILS = st.sampled_from([0.025, 0.5, 0.975])


@given(SHAPES, SHAPES, st.floats(0, 1))
def test_the_incomplete_beta_function_is_scipys(a, b, x):
    assert incomplete_beta(a, b, x) == pytest.approx(betainc(a, b, x), abs=1e-9)


@given(trials=st.integers(1, 100_000), share=st.floats(0, 1), tail=TAILS)
def test_quantiles_are_scipys(trials, share, tail):
    successes = share * trials
    assert beta_quantile(successes + 1, trials - successes + 1, tail) == pytest.approx(
        betaincinv(successes + 1, trials - successes + 1, tail), abs=1e-10
    )


@given(st.integers(1, 10_000), TAILS)
def test_where_all_or_none_succeed_the_quantile_is_a_power(trials, tail):
    assert beta_quantile(trials, 1, tail) == pytest.approx(tail ** (1 / trials), abs=1e-12)
    assert beta_quantile(1, trials, tail) == pytest.approx(1 - (1 - tail) ** (1 / trials), abs=1e-12)


@given(SHAPES, SHAPES)
def test_at_the_ends_there_is_nothing_and_all(a, b):
    assert incomplete_beta(a, b, 0.0) == 0.0 and incomplete_beta(a, b, 1.0) == 1.0
