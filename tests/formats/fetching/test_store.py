import subprocess
import sys

import pytest

from coma_cli.formats.fetching.locations import GitHubFiles, Listing, RemoteFile
from coma_cli.formats.fetching.store import Store

PLACE = GitHubFiles("o/r", "abc", (RemoteFile("a/x.json", 4), RemoteFile("b.json")))
FILE = PLACE.files[0]


@pytest.fixture
def store(monkeypatch, tmp_path):
    monkeypatch.setenv("COMA_CACHE", str(tmp_path))
    return Store.of("rows", PLACE)


def put(store, file, content):
    path = store.target(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_listing_is_kept_until_it_is_discarded(store):
    assert store.listing() is None
    listing = Listing("abc", PLACE.files, ("README.md",))
    store.keep(listing)
    assert store.listing() == listing
    known, unknown = RemoteFile("a", 1, "0" * 64), RemoteFile("b", 1)
    paths = [put(store, file, b"x") for file in (known, unknown)]
    store.discard((known, unknown))
    assert store.listing() is None
    assert [path.exists() for path in paths] == [True, False], "a file with the right hash is what it should be"


@pytest.mark.parametrize("content", ["", "[]", '{"commit": "a"}', '{"commit": "a", "files": [1], "rest": []}'])
def test_a_damaged_listing_counts_as_none(store, content):
    store.folder.mkdir(parents=True)
    (store.folder / "listing.json").write_text(content)
    assert store.listing() is None


def test_other_locations_have_other_folders(store):
    assert Store.of("rows", GitHubFiles("o/r", "abd", PLACE.files)).folder != store.folder
    assert Store.of("rows", GitHubFiles("o/r", "abc", PLACE.files[:1])).folder != store.folder
    assert Store.of("rows", GitHubFiles("o/r", "abc", PLACE.files, about=5)).folder == store.folder


def test_a_file_counts_if_it_has_its_size(store):
    assert store.path_of("abc", FILE) is None
    path = put(store, FILE, b"abc")
    assert store.path_of("abc", FILE) is None
    path.write_bytes(b"abcd")
    assert store.path_of("abc", FILE) == path
    assert store.partial_size(FILE) == 0
    path.with_name("x.json.part").write_bytes(b"ab")
    assert store.partial_size(FILE) == 2


def test_a_view_has_the_chosen_files_alone_and_is_repaired(store, tmp_path):
    paths = [(file, put(store, file, b"abcd")) for file in PLACE.files]
    both, one = store.view(paths), store.view(paths[:1])
    assert both != one
    assert sorted(path.relative_to(both).as_posix() for path in both.rglob("*.json")) == ["a/x.json", "b.json"]
    assert [path.name for path in one.rglob("*.json")] == ["x.json"]
    (one / "a" / "x.json").unlink()
    (one / "a" / "x.json").symlink_to(tmp_path / "gone")
    assert store.view(paths[:1]) == one
    assert (one / "a" / "x.json").read_bytes() == b"abcd"


WAITING = """
import sys
from coma_cli.formats.fetching.locations import GitHubFiles
from coma_cli.formats.fetching.store import Store
from pathlib import Path
with Store(Path(sys.argv[1]), GitHubFiles("o/r", "abc")).locked():
    print("in", flush=True)
"""


def test_two_processes_take_turns(store):
    run = [sys.executable, "-c", WAITING, str(store.folder)]
    with store.locked():
        other = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert "Waiting for another process that fetches o/r at abc on GitHub" in other.stderr.readline()
        assert other.poll() is None
    out, _ = other.communicate(timeout=60)
    assert out == "in\n"
