"""A real scratch directory: each program finds it empty, and what one left is removed while others run."""

import os
from pathlib import Path

import pytest

from coma_cli.sandbox.inside.isolation.scratch import Scratch, work_of


def names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def fill(space: Scratch, entries: int) -> None:
    for number in range(entries):
        Path(space.work, str(number)).touch()


def test_it_is_empty_at_first_and_after_renewal(tmp_path: Path) -> None:
    space = Scratch(str(tmp_path / "d"))
    (tmp_path / "d").mkdir()
    space.prepare()
    work, top = Path(space.work), Path(space.writable)
    assert space.work == work_of(str(tmp_path / "d"))
    (work / "left").write_text("x")
    top.chmod(0o755)
    (top / "beside").write_text("x")
    (top / "folder").mkdir(mode=0)
    space.renew()
    assert names(top) == ["w"]
    assert names(work) == []
    assert top.stat().st_mode & 0o222 == 0  # nothing but the working directory can be written to
    space.remove()
    assert not (tmp_path / "d").exists()


def test_what_was_left_is_out_of_reach_at_once_and_removed_in_steps(tmp_path: Path) -> None:
    space = Scratch(str(tmp_path))
    space.prepare()
    fill(space, 1000)
    assert not space.has_to_remove
    space.renew()
    assert names(Path(space.work)) == []
    assert space.has_to_remove
    assert space.go_on_removing(300)
    assert space.has_to_remove
    fill(space, 10)
    space.renew()  # another one while the first is not removed yet
    while space.go_on_removing(300):
        pass
    assert not space.has_to_remove
    assert names(tmp_path / "left") == []


def test_what_is_left_does_not_pile_up(tmp_path: Path) -> None:
    space = Scratch(str(tmp_path))
    space.prepare()
    for _ in range(50):
        fill(space, 3)
        space.renew()
        assert len(names(tmp_path / "left")) <= 9


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write to a directory that nobody may write to")
def test_many_entries_beside_the_working_directory_are_refused(tmp_path: Path) -> None:
    space = Scratch(str(tmp_path))
    space.prepare()
    for number in range(500):
        Path(space.writable, str(number)).touch()
    with pytest.raises(OSError, match="too many entries"):
        space.renew()
    space.remove()
    assert not tmp_path.exists()
