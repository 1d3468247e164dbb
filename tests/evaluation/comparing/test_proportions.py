import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from coma_cli.evaluation.comparing.proportions import mcnemar, mcnemar_worse, score_interval

# The 95 % interval (the sixth: 90 %) by another way than ours: scipy.optimize maximises the likelihood of the trinomial
# under each difference, and finds where Pearson's chi-square of the fit is at its quantile.
TANGO = {
    (7, 6, 164, 0.95): (-0.0413171661, 0.0544857505),
    (12, 2, 50, 0.95): (0.0611124068, 0.3447087478),
    (0, 0, 164, 0.95): (-0.0228874261, 0.0228874251),
    (3, 0, 40, 0.95): (-0.0191932213, 0.1986423352),
    (45, 6, 164, 0.95): (0.1614304187, 0.3172263463),
    (7, 6, 164, 0.9): (-0.0326113414, 0.0455609245),
    (5, 20, 100, 0.95): (-0.2488239250, -0.0561685549),
}
# statsmodels 0.14, mcnemar(table, exact=True).
MCNEMAR = {(7, 6): 1.0, (20, 4): 0.001543879508972168, (0, 5): 0.0625, (45, 6): 1.8323628836469652e-08}


@pytest.mark.parametrize(("counts", "p"), MCNEMAR.items())
def test_the_exact_test_agrees_with_statsmodels(counts, p):
    assert mcnemar(*counts) == pytest.approx(p, rel=1e-9)
    assert mcnemar(*reversed(counts)) == pytest.approx(p, rel=1e-9)


@given(st.integers(0, 400), st.integers(0, 400))
def test_both_tests_are_those_of_a_fair_coin(won, lost):
    if won + lost == 0:
        assert mcnemar(won, lost) == mcnemar_worse(won, lost) == 1
        return
    assert mcnemar(won, lost) == pytest.approx(binomtest(won, won + lost).pvalue, rel=1e-7)
    less = binomtest(won, won + lost, alternative="less").pvalue
    assert mcnemar_worse(won, lost) == pytest.approx(less, rel=1e-7)


@pytest.mark.parametrize(("case", "limits"), TANGO.items())
def test_the_interval_agrees_with_one_by_maximum_likelihood(case, limits):
    *counts, confidence = case
    assert score_interval(*counts, confidence) == pytest.approx(limits, abs=2e-7)


def test_the_interval_is_computed_elementwise_and_mirrored_when_the_models_change_places():
    won, lost, problems = np.array([(7, 6, 164), (12, 2, 50), (0, 3, 3), (3, 0, 3)]).T
    low, high = score_interval(won, lost, problems)
    back_low, back_high = score_interval(lost, won, problems)
    assert low == pytest.approx(-back_high) and high == pytest.approx(-back_low)
    assert low[0] == score_interval(7, 6, 164)[0]
    assert (low[2], high[3]) == pytest.approx((-1, 1)) and -1 < low[3] < 1


@pytest.mark.parametrize(("shift", "problems"), [(0, 164), (0.5, 164), (1.5, 164), (0.5, 40)])
def test_it_covers_the_truth_in_95_of_100_simulated_pairs(shift, problems):
    """Problems of all difficulties, both models right with chances that are alike but not the same."""
    random = np.random.default_rng(7)

    def chances(size):
        hard = random.normal(0, 3, size)
        of = (hard + random.normal(0, 1, size) + by for by in (0, shift))
        return [1 / (1 + np.exp(-logit)) for logit in of]

    first, second = chances(500_000)
    truth = float(np.mean(second - first))
    first, second = (random.random((2000, problems)) < chance for chance in chances((2000, problems)))
    won, lost = (second & ~first).sum(axis=1), (first & ~second).sum(axis=1)
    low, high = score_interval(won, lost, np.full(2000, problems))
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(0.95, abs=0.015)
