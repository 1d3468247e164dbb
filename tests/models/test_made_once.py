import os
import stat
from pathlib import Path

import pytest

from coma_cli.models.made_once import made_once


def fill(*names, fails=False):
    def make(folder):
        for name in names:
            (folder / name).write_text(name)
        if fails:
            raise OSError("no more")

    return make


def test_a_folder_is_made_once_and_announced_once(tmp_path, capsys):
    folder = tmp_path / "cache" / "thing"
    assert made_once(folder, fill("a"), "Making the thing") == folder
    assert made_once(folder, fill("b"), "Making the thing") == folder
    assert [path.name for path in folder.iterdir()] == ["a"]
    assert capsys.readouterr().err.count("Making the thing") == 1


def test_a_failure_leaves_nothing(tmp_path):
    (tmp_path / ".making-thing-dead").mkdir()
    with pytest.raises(OSError, match="no more"):
        made_once(tmp_path / "thing", fill("a", fails=True), "Making")
    assert [path.name for path in tmp_path.iterdir()] == [".thing.lock"]


def test_a_resumable_one_continues_from_what_is_there(tmp_path):
    with pytest.raises(OSError, match="no more"):
        made_once(tmp_path / "thing", fill("a", fails=True), "Making", resumable=True)
    assert not (tmp_path / "thing").exists()
    made_once(tmp_path / "thing", fill("b"), "Making", resumable=True)
    assert sorted(path.name for path in (tmp_path / "thing").iterdir()) == ["a", "b"]


def test_what_is_made_follows_the_umask(tmp_path):
    """safetensors writes for the owner alone."""

    def make(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"weights")
        (folder / "model.safetensors").chmod(0o600)

    old = os.umask(0o022)
    try:
        made = made_once(tmp_path / "base", make, "Making")
    finally:
        os.umask(old)
    assert stat.S_IMODE((made / "model.safetensors").stat().st_mode) == 0o644
