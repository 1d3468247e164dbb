"""The best step among rows, and rows that are written without what there was not."""

import math

import pytest

from coma_cli.training.metrics import Speed, TrainingStep, best_of, in_order, perplexity


def step(number: int, validation: float | None = None) -> TrainingStep:
    return TrainingStep(
        step=number, loss=1.0, learning_rate=0.1, gradient_norm=1.0, tokens=5, validation_loss=validation
    )


@pytest.mark.parametrize(
    ("losses", "best"),
    [([], None), ([None, None], None), ([3.0, 2.0, 2.0, 2.5], (2, 2)), ([1.0], (1, 0)), ([2.0, None, 1.0], (3, 0))],
)
def test_the_earliest_of_the_lowest_is_the_best_and_later_validations_are_counted(losses, best):
    found = best_of([step(number, loss) for number, loss in enumerate(losses, 1)])
    assert (None if found is None else (found.step, found.since)) == best


def test_a_step_that_was_made_again_counts_once_as_it_was_last():
    rows = in_order([step(1, 5.0), step(2, 4.0), step(2, 3.0)])
    assert [(row.step, row.validation_loss) for row in rows] == [(1, 5.0), (2, 3.0)]


def test_a_row_has_no_fields_of_a_validation_that_there_was_not():
    assert "validation_loss" not in step(1).to_row() and "probe" not in step(1).to_row()
    assert step(1, 2.0).to_row()["validation_loss"] == 2.0


def test_perplexity_is_a_number_however_bad_the_loss():
    assert perplexity(math.log(7)) == pytest.approx(7)
    assert math.isfinite(perplexity(1e9))


def test_speed_is_that_of_the_latest_twenty_steps_and_weighs_their_tokens():
    speed = Speed()
    assert speed.of(100, 1.0) == 100.0
    assert speed.of(300, 1.0) == 200.0
    for _ in range(20):
        latest = speed.of(50, 0.1)
    assert latest == pytest.approx(500.0)
    assert Speed().of(100, 0.0) == 0.0
