import pytest

from tests.requirements import package
from tests.training.reporting.trackers import reported, scalars

pytestmark = pytest.mark.slow  # it imports torch


def test_event_files_hold_every_step_once_after_a_restart(tmp_path):
    package("tensorboard", "trackers")
    from coma_cli.training.reporting import to_tensorboard

    run = reported(tmp_path)
    first = to_tensorboard.start(run)
    for number in (1, 2, 3, 4):
        first.log(number, {"train/loss": float(number), "train/learning_rate": 0.5})
    # Killed here; the last checkpoint was that of step 2.
    second = to_tensorboard.start(reported(tmp_path, after=2))
    for number in (3, 4, 5):
        second.log(number, {"train/loss": 10.0 * number, "train/learning_rate": 0.5})
    second.close("finished")
    found = scalars(run.folder / "tensorboard")
    assert found["train/loss"] == [(1, 1.0), (2, 2.0), (3, 30.0), (4, 40.0), (5, 50.0)]
    assert len(found["train/learning_rate"]) == 5
