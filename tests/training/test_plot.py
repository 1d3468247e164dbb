import pytest
from matplotlib.image import imread

from coma_cli.training.metrics import TrainingStep
from coma_cli.training.plot import draw, smoothed


def step(number, loss, validation=None, rate=1e-3):
    return TrainingStep(
        step=number, loss=loss, learning_rate=rate, gradient_norm=1.0, tokens=9, validation_loss=validation
    )


def test_a_plot_has_lines_for_losses_validation_and_learning_rate_in_their_colours(tmp_path):
    rows = [step(n, 2.0 / n, 1.5 / n if n % 10 == 0 else None, rate=n * 1e-5) for n in range(1, 61)]
    draw(rows, "model, lora", tmp_path / "loss.png")
    colours = {tuple(int(255 * part) for part in pixel[:3]) for row in imread(tmp_path / "loss.png") for pixel in row}
    assert {(0x30, 0x63, 0x8E), (0xD1, 0x49, 0x5B), (0x5B, 0x8E, 0x7D)} <= colours
    first = (tmp_path / "loss.png").read_bytes()
    draw(rows, "model, lora", tmp_path / "loss.png")
    assert (tmp_path / "loss.png").read_bytes() == first


@pytest.mark.parametrize("count", [1, 2])
def test_a_run_of_few_steps_without_validation_is_drawn_too(tmp_path, count):
    draw([step(n, 1.0) for n in range(1, count + 1)], "short", tmp_path / "loss.png")
    assert imread(tmp_path / "loss.png").shape[:2] == (720, 960)


def test_smoothing_is_the_mean_of_what_was_so_far():
    assert smoothed([4.0, 2.0, 0.0, 6.0], 2) == [4.0, 3.0, 1.0, 3.0]
    assert smoothed([4.0, 2.0], 5) == [4.0, 3.0]
