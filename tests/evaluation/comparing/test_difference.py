import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.corpus.metrics.metric import mean
from coma_cli.evaluation.comparing.difference import ComparisonRules, holm, metric_difference, pass_at_k_difference
from coma_cli.evaluation.comparing.sizes import problems_for
from coma_cli.evaluation.pass_at_k import Tally, estimate

RULES = ComparisonRules()


def single(passing):
    return {f"P/{number}": Tally(1, int(number in passing)) for number in range(164)}


def difference(first, second, k=1, rules=RULES):
    found = pass_at_k_difference(first, second, k, rules)
    assert found is not None
    return found


@pytest.mark.parametrize("moved", [0, 7, 40])
def test_91_against_92_of_164_shows_nothing_however_they_overlap(moved):
    one = difference(single(range(91)), single(range(moved, moved + 92)))
    assert (one.first, one.second) == (91 / 164, 92 / 164)
    assert one.result == "no difference shown" and one.p > 0.5
    assert one.ci95[0] < 0 < one.difference < one.ci95[1]
    assert (one.won, one.lost) == (moved + 1, moved)


@pytest.mark.parametrize("moved", [0, 20, 34])
def test_91_against_130_of_164_is_found_however_they_overlap(moved):
    first, second = single(range(91)), single(range(moved, moved + 130))
    one = difference(first, second)
    assert one.result == "better" and one.p < 0.001 and one.ci95[0] > 0
    back = difference(second, first)
    assert back.result == "worse" and back.p == one.p and back.p_worse == pytest.approx(one.p / 2, rel=1e-6)
    assert one.p_worse > 0.99


def test_single_samples_are_judged_by_the_discordant_problems_alone():
    one = difference(single(range(91)), single([*range(3, 91), *range(91, 103)]))
    assert (one.won, one.lost, one.test, one.interval) == (12, 3, "mcnemar", "score")
    assert one.p == pytest.approx(0.03515625)  # scipy.stats.binomtest(3, 15)
    assert one.difference == pytest.approx(9 / 164)
    assert one.needed.samples is None and "2 samples" in one.needed.why_no_samples


def test_equivalence_follows_the_90_percent_interval_and_the_margin():
    one = difference(single(range(91)), single(range(1, 92)))
    assert one.ci95[0] < one.ci90[0] < 0 < one.ci90[1] < one.ci95[1]
    inside = max(-one.ci90[0], one.ci90[1])
    for margin, equivalent in ((inside + 1e-6, True), (inside - 1e-6, False)):
        assert difference(single(range(91)), single(range(1, 92)), 1, ComparisonRules(margin)).equivalent is equivalent
    gain = difference(single(range(91)), single(range(100)), 1, ComparisonRules(0.2))
    assert gain.result == "better" and gain.equivalent, "shown, and still smaller than the margin"
    loss = difference(single(range(91)), single(range(61)))
    assert loss.ci90[1] < -0.05 and not loss.equivalent


def test_every_k_that_all_problems_have_samples_for():
    random = np.random.default_rng(0)
    first = {f"P/{n}": Tally(20, int(random.binomial(20, 0.3))) for n in range(60)}
    second = {f"P/{n}": Tally(10, int(random.binomial(10, 0.5))) for n in range(60)}
    for k in (1, 5, 10):
        one = difference(first, second, k)
        for value, tallies in ((one.first, first), (one.second, second)):
            assert value == pytest.approx(np.mean([estimate(*tally, k) for tally in tallies.values()]))
        assert one.difference == pytest.approx(one.second - one.first)
        assert one.measure == f"pass@{k}"
        # 10 of 10 samples are one draw of the second model, but not of the first.
        assert (one.interval, one.test) == ("bootstrap", "swap")
    assert pass_at_k_difference(first, second, 11, RULES) is None
    assert pass_at_k_difference(first, {"other": Tally(1, 1)}, 1, RULES) is None


def test_many_samples_show_what_single_ones_do_not():
    once = (
        {f"P/{n}": Tally(1, int(n % 5 < 2)) for n in range(50)},
        {f"P/{n}": Tally(1, int(n % 5 > 1)) for n in range(50)},
    )
    often = {f"P/{n}": Tally(20, 8) for n in range(50)}, {f"P/{n}": Tally(20, 9 + n % 7) for n in range(50)}
    assert difference(*once).result == "no difference shown"
    one = difference(*often)
    assert one.result == "better" and (one.won, one.lost) == (50, 0)
    assert one.p == pytest.approx(1 / 10_001)
    change = np.array([(1 + n % 7) / 20 for n in range(50)])
    half = 2.0096 * change.std() / np.sqrt(49)  # t(0.975, 49) standard errors
    assert one.ci95 == pytest.approx((change.mean() - half, change.mean() + half), abs=0.003)


def test_samples_that_are_all_needed_for_k_are_one_answer_each():
    one = difference({f"P/{n}": Tally(5, 0) for n in range(9)}, {f"P/{n}": Tally(5, int(n < 6)) for n in range(9)}, 5)
    assert (one.test, one.won, one.p) == ("mcnemar", 6, pytest.approx(0.03125))


def test_rounding_of_equal_rates_wins_nothing():
    one = difference({"P/1": Tally(10, 3), "P/2": Tally(10, 3)}, {"P/1": Tally(20, 6), "P/2": Tally(20, 6)})
    assert (one.won, one.lost, one.p, one.difference) == (0, 0, 1.0, 0.0)
    assert one.needed.problems is None and one.result == "no difference shown"


def test_what_more_samples_could_show():
    first = {f"P/{n}": Tally(4, 1 + n % 3) for n in range(100)}
    second = {f"P/{n}": Tally(4, 1 + (n * 7 + n // 3) % 3) for n in range(99)} | {"P/99": Tally(4, 4)}
    one = difference(first, second)
    assert one.result == "no difference shown"
    assert one.needed.problems is not None and one.needed.problems > 100
    assert (one.needed.samples is None) == bool(one.needed.why_no_samples)


def test_the_problems_needed_follow_from_the_spread_of_the_differences():
    first = {f"P/{n}": Tally(4, n % 3) for n in range(90)}
    second = {f"P/{n}": Tally(4, n % 5) for n in range(90)}
    change = np.array([n % 5 - n % 3 for n in range(90)]) / 4
    assert difference(first, second).needed.problems == problems_for(change.mean(), change.var(ddof=1))
    pairs = np.array([[(n % 3, 4.0), (n % 5, 4.0)] for n in range(90)], dtype=float)
    one = metric_difference("m", "t", pairs, mean, RULES, 4000)
    assert one is not None and (one.measure, one.task, one.difference) == ("m", "t", pytest.approx(change.mean()))
    assert one.needed.problems == pytest.approx(problems_for(change.mean(), change.var()), rel=0.1)


def test_holm_agrees_with_statsmodels():
    # statsmodels 0.14, multipletests(p, method="holm")
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5, 0.02]) == pytest.approx([1.0, 1.0, 0.06])
    assert holm([0.04]) == [0.04] and holm([]) == []


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), max_size=6))
def test_holm_rejects_what_the_stepwise_procedure_rejects(p_values):
    rejected = set()
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        if p_values[place] * (len(p_values) - rank) >= 0.05:
            break
        rejected.add(place)
    assert {place for place, p in enumerate(holm(p_values)) if p < 0.05} == rejected


def test_a_corrected_p_value_decides():
    one = difference(single(range(91)), single([*range(3, 91), *range(91, 103)]))
    assert [one.corrected(p).result for p in (0.04, 0.06)] == ["better", "no difference shown"]


def test_a_seed_gives_the_same_and_the_order_of_problems_does_not_count():
    first = {f"P/{n}": Tally(6, n % 5) for n in range(30)}
    second = {f"P/{n}": Tally(6, (n * n) % 6) for n in range(30)}
    turned = tuple(dict(reversed(of.items())) for of in (first, second))
    assert difference(first, second) == difference(*turned)
    seeds = {difference(first, second, rules=ComparisonRules(seed=seed)).ci95 for seed in (0, 1)}
    assert len(seeds) == 2
    assert all(low < high for low, high in itertools.chain(seeds))
