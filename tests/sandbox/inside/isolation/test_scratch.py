"""Emptying a real directory: everything goes, nothing outside is touched."""

import os
from pathlib import Path

from coma_cli.sandbox.inside.isolation.scratch import Scratch, empty_directory


def test_deep_locked_and_oddly_named_entries_are_removed(tmp_path: Path) -> None:
    top = tmp_path / "top"
    place = top
    place.mkdir()
    fd = os.open(top, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=fd)
        inner = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)
    (top / "bad\udcff\n").write_text("x")
    (top / "locked").mkdir()
    (top / "locked" / "file").write_text("x")
    (top / "locked").chmod(0)
    (top / "fifo").parent.mkdir(exist_ok=True)
    os.mkfifo(top / "fifo")
    empty_directory(str(top))
    assert list(top.iterdir()) == []


def test_links_are_removed_and_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").write_text("kept")
    top = tmp_path / "top"
    (top / "inner").mkdir(parents=True)
    (top / "file-link").symlink_to(outside / "keep")
    (top / "folder-link").symlink_to(outside)
    (top / "inner" / "folder-link").symlink_to(outside)
    empty_directory(str(top))
    assert list(top.iterdir()) == []
    assert (outside / "keep").read_text() == "kept"


def test_a_real_scratch_directory_is_empty_at_first_and_after_renewal(tmp_path: Path) -> None:
    space = Scratch(str(tmp_path))
    space.prepare()
    (tmp_path / "w" / "left").write_text("x")
    (tmp_path / "beside").write_text("x")
    space.renew()
    assert [path.name for path in tmp_path.iterdir()] == ["w"]
    assert list((tmp_path / "w").iterdir()) == []
    space.remove()
    assert not tmp_path.exists()
