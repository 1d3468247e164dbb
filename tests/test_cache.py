"""Entries of the cache: whole or absent, whatever happens to them."""

import multiprocessing
import os

import pytest

from coma_cli.cache import EntryCache, cache_folder

CONTENT = b"line\nand \x00 more\n"


@pytest.fixture
def kept(tmp_path):
    return EntryCache(tmp_path / "a" / "b")


def test_what_was_written_is_read_and_what_was_dropped_is_gone(kept):
    assert kept.read("x") is None
    kept.write("x", CONTENT)
    kept.write("y", b"")
    assert kept.read("x") == CONTENT and kept.read("y") == b""
    kept.write("x", b"other")
    assert kept.read("x") == b"other"
    kept.drop("x")
    kept.drop("x")
    assert kept.read("x") is None and kept.read("y") == b""
    assert [path.name for path in kept.folder.iterdir()] == ["y"]


@pytest.mark.parametrize("damage", ["empty", "cut", "longer", "a bit", "no hash", "a folder"])
def test_a_damaged_entry_is_absent_and_can_be_written_again(kept, damage):
    kept.write("x", CONTENT)
    path = kept.folder / "x"
    whole = path.read_bytes()
    flipped = whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:]
    found = {"empty": b"", "cut": whole[:-1], "longer": whole + b"x", "a bit": flipped, "no hash": CONTENT}
    path.unlink()
    if damage == "a folder":
        path.mkdir()
        assert kept.read("x") is None
        kept.write("x", CONTENT)  # it can't be replaced, which is no error
        return
    path.write_bytes(found[damage])
    assert kept.read("x") is None
    kept.write("x", CONTENT)
    assert kept.read("x") == CONTENT


def test_a_folder_that_can_not_be_made_or_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    for kept in (EntryCache(tmp_path / "file"), EntryCache(tmp_path / "file" / "below"), EntryCache(None)):
        kept.write("x", CONTENT)
        assert kept.read("x") is None
        kept.drop("x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_no_error(kept):
    kept.folder.mkdir(parents=True)
    kept.folder.chmod(0o500)
    kept.write("x", CONTENT)
    assert kept.read("x") is None


def test_the_folder_is_the_one_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("COMA_CACHE", str(tmp_path / "chosen"))
    assert cache_folder() == tmp_path / "chosen"
    assert EntryCache.below_cache_folder("x").folder == tmp_path / "chosen" / "x"
    monkeypatch.delenv("COMA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "coma"


def test_without_any_folder_nothing_is_kept(monkeypatch):
    def no_home():
        raise RuntimeError("no home")

    for name in ("COMA_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pathlib.Path.home", no_home)
    kept = EntryCache.below_cache_folder("x")
    kept.write("a", CONTENT)
    assert kept.folder is None and kept.read("a") is None


def write_many(folder, letter):
    for _ in range(200):
        EntryCache(folder).write("x", letter * 100_000)


def test_of_several_writers_one_wins_and_readers_see_whole_entries(kept):
    letters = (b"a", b"b", b"c")
    kept.write("x", b"a" * 100_000)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(kept.folder, letter)) for letter in letters]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        content = kept.read("x")
        assert content is not None and len(content) == 100_000 and len(set(content)) == 1
        seen.add(content[:1])
    assert seen <= set(letters) and [writer.exitcode for writer in writers] == [0, 0, 0]
    assert [path.name for path in kept.folder.iterdir()] == ["x"]
