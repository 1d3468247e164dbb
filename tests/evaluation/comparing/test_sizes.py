import numpy as np
import pytest

from coma_cli.evaluation.comparing.sizes import problems_for, samples_for
from coma_cli.evaluation.pass_at_k import Tally


def test_the_number_of_problems_for_a_mean_is_that_of_a_z_test():
    # statsmodels 0.14, zt_ind_solve_power(effect_size=0.05 / 0.3, alpha=0.05, power=0.8, ratio=0): 282.56
    assert problems_for(0.05, 0.09) == 283
    assert problems_for(-0.05, 0.09) == 283
    # ((1.959964 * sqrt(0.55) + 0.841621 * sqrt(0.3475)) / 0.45)^2 = 18.77, with one variance for both 13.47
    assert (problems_for(0.45, 0.3475, binary=True), problems_for(0.45, 0.3475)) == (19, 14)


@pytest.mark.parametrize(("win", "loss"), [(0.10, 0.05), (0.06, 0.02), (0.30, 0.20)])
def test_as_many_paired_problems_do_show_it_with_80_percent_power(win, loss):
    difference = win - loss
    needed = problems_for(difference, win + loss - difference**2, binary=True)
    counts = np.random.default_rng(0).multinomial(needed, [win, loss, 1 - win - loss], size=40_000)
    scores = (counts[:, 0] - counts[:, 1]) / np.sqrt(counts[:, 0] + counts[:, 1])
    assert np.mean(scores > 1.959964) == pytest.approx(0.8, abs=0.03)


def test_no_difference_needs_no_number():
    assert problems_for(0.0, 0.1) is None
    assert problems_for(1e-9, 0.1) is None


def test_more_samples_remove_the_part_that_is_drawn():
    """Every problem has a chance of 1/2 in both models but for the difference: all the spread is from drawing."""
    pairs = [(Tally(10, 5), Tally(10, 6))] * 100
    drawing = 0.25 / 9 + 0.24 / 9  # p (1 - p) / (n - 1), which has no bias
    needed, why = samples_for(0.02, drawing, pairs, 1)
    allowed = 100 * (0.02 / (1.959964 + 0.841621)) ** 2
    assert (needed, why) == (int(np.ceil(10 * drawing / allowed)), "")
    assert samples_for(0.02, drawing + 0.002, pairs, 1)[0] > needed


def test_what_differs_between_problems_remains():
    pairs = [(Tally(10, 5), Tally(10, 6))] * 100
    assert samples_for(0.02, 1.0, pairs, 1) == (None, "none: these problems are too few")
    few = [(Tally(1, 1), Tally(1, 0))] * 100
    assert samples_for(0.02, 0.1, few, 1) == (None, "unknown: it takes 2 samples per problem to tell")
