"""Checkpoints count only when they are whole."""

import os
import stat

import pytest

from coma_cli.errors import CliError, UsageError
from coma_cli.training import checkpoints


def make(folder, step: int, *, marked: bool = True):
    path = folder / f"checkpoint-{step}"
    (path / "inner").mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"w" * step)
    (path / "inner" / "state").write_bytes(b"s")
    if marked:
        checkpoints.mark_complete(path, "print")
    return path


def test_the_newest_whole_one_counts_and_half_written_ones_are_removed(tmp_path):
    make(tmp_path, 5)
    make(tmp_path, 10)
    half = make(tmp_path, 15, marked=False)
    found = checkpoints.latest(tmp_path, "print", at_most=100)
    assert found is not None and found.step == 10
    assert not half.exists()


def test_a_file_that_was_cut_or_lost_after_the_marker_makes_it_broken(tmp_path):
    make(tmp_path, 5)
    cut = make(tmp_path, 10)
    (cut / "model.safetensors").write_bytes(b"w")
    lost = make(tmp_path, 20)
    (lost / "inner" / "state").unlink()
    torn = make(tmp_path, 30)
    (torn / checkpoints.MARKER).write_text('{"files"')
    found = checkpoints.latest(tmp_path, "print", at_most=100)
    assert found is not None and found.step == 5
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint-5"]


def test_a_shorter_run_does_not_take_a_later_state(tmp_path):
    for step in (2, 4, 6):
        make(tmp_path, step)
    found = checkpoints.latest(tmp_path, "print", at_most=5)
    assert found is not None and found.step == 4
    assert checkpoints.latest(tmp_path, "print", at_most=1) is None


def test_the_newest_ones_and_the_best_one_are_retained(tmp_path):
    for step in (2, 4, 6, 8, 10):
        make(tmp_path, step)
    checkpoints.retain(tmp_path, last=2, also=4)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-4", "checkpoint-8"]
    checkpoints.retain(tmp_path, last=1)
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint-10"]


def test_one_of_other_settings_is_refused_and_not_removed(tmp_path):
    path = make(tmp_path, 2)
    with pytest.raises(UsageError, match="of other settings"):
        checkpoints.latest(tmp_path, "another print", at_most=9)
    assert path.is_dir()


def test_state_that_was_not_gathered_is_an_error_and_not_a_checkpoint(tmp_path):
    path = tmp_path / "checkpoint-1"
    path.mkdir()
    (path / "optimizer.pt").write_bytes(b"o")
    with pytest.raises(CliError, match="no weights"):
        checkpoints.mark_complete(path, "print")


def test_folders_of_other_names_are_left_alone(tmp_path):
    (tmp_path / "other").mkdir()
    assert checkpoints.latest(tmp_path, "print", at_most=9) is None
    assert (tmp_path / "other").is_dir()


def test_a_checkpoint_follows_the_umask(tmp_path):
    """safetensors writes for the owner alone."""
    weights = tmp_path / "checkpoint-1" / "adapter_model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    weights.chmod(0o600)
    old = os.umask(0o027)
    try:
        checkpoints.mark_complete(weights.parent, "print")
    finally:
        os.umask(old)
    assert {stat.S_IMODE(path.stat().st_mode) for path in weights.parent.iterdir()} == {0o640}
