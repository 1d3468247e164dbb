"""Removing a real directory: everything goes, nothing outside is touched, and it may be done in parts."""

import os
import subprocess
import sys
from pathlib import Path

from coma_cli.sandbox.inside.isolation import removal


def make_deep(top: Path, depth: int) -> None:
    """A chain of folders, deeper than a path may be long."""
    fd = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d" * 20, dir_fd=fd)
        inner = os.open("d" * 20, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)


def test_deep_locked_and_oddly_named_entries_are_removed(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    make_deep(top, 300)
    (top / "bad\udcff\n").write_text("x")
    (top / "locked").mkdir()
    (top / "locked" / "file").write_text("x")
    (top / "locked" / "inner").mkdir(mode=0)
    (top / "locked").chmod(0)
    os.mkfifo(top / "fifo")
    for _ in removal.emptying(str(top)):
        pass
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
    assert removal.remove(str(top))
    assert not top.exists()
    assert (outside / "keep").read_text() == "kept"


def test_it_stops_after_so_many_entries(tmp_path: Path) -> None:
    top = tmp_path / "top"
    for number in range(20):
        (top / str(number)).mkdir(parents=True)
        (top / str(number) / "file").touch()
    assert not removal.remove(str(top), at_most=10)
    left = sum(len(files) + len(folders) for _, folders, files in os.walk(top))
    assert left == 30
    assert removal.remove(str(top), at_most=100)
    assert not top.exists()
    assert removal.remove(str(top), at_most=100)  # which is gone already


def test_what_is_added_meanwhile_goes_too(tmp_path: Path) -> None:
    (tmp_path / "first").touch()
    for number, _ in enumerate(removal.emptying(str(tmp_path))):
        if number < 5:
            (tmp_path / f"later{number}").mkdir()
    assert list(tmp_path.iterdir()) == []


def test_as_a_script_it_needs_nothing_of_this_package(tmp_path: Path) -> None:
    (tmp_path / "top" / "inner").mkdir(parents=True)
    subprocess.run([sys.executable, "-I", "-S", removal.__file__, str(tmp_path / "top")], check=True, cwd="/")
    assert list(tmp_path.iterdir()) == []
