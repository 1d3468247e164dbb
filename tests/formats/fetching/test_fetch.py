"""What is fetched, from where, and once: over the local Hub and GitHub with layouts that are moved, empty or broken."""

import shutil
from collections import namedtuple

import pytest

from coma_cli.formats.fetching import fetch as fetching
from coma_cli.formats.fetching.fetch import FetchRequest, fetch, fetched, offer
from coma_cli.formats.fetching.locations import Choice, GitHubFiles, HubForm, RemoteFile
from coma_cli.formats.fetching.web import UnfetchedError
from tests.hub_server import COMMIT, HubRepository, data_server
from tests.requirements import package

FILES = {"README.md": b"#", "data/train-0.json": b"first" * 9, "data/train-1.json": b"second" * 9}
HUB = HubForm("owner/rows", "main", ("data/*.json",), about=900)
RAW = GitHubFiles("o/r", "abc", (RemoteFile("data/train-0.json"),), about=45)


def has_rows(folder):
    return any(folder.glob("data/*.json"))


WANTED = FetchRequest("rows", (HUB, RAW), has_rows, hint="Or give the file.")


@pytest.fixture
def server(monkeypatch, tmp_path):
    package("huggingface_hub", "train")
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setenv("COMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hf"))
    with data_server(hub={"owner/rows": HubRepository(dict(FILES))}) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_are_fetched_once_and_the_commit_is_named(server):
    assert fetched(WANTED) is None
    first = fetch(WANTED)
    assert contents(first.folder) == {name: data for name, data in FILES.items() if name != "README.md"}
    assert first.comes_from == f"owner/rows at {COMMIT} on the Hugging Face Hub"
    asked = len(server.asked)
    assert fetch(WANTED) == fetched(WANTED) == first
    assert len(server.asked) == asked


def test_a_branch_that_moves_on_does_not_change_what_was_fetched(server):
    first = fetch(WANTED)
    server.hub["owner/rows"].commit = "beef" + "0" * 36
    assert fetch(WANTED).comes_from == first.comes_from


def test_a_start_fetches_what_an_earlier_one_did_not(server):
    server.faults["train-1.json"] = [404]
    server.github.clear()
    with pytest.raises(UnfetchedError, match="not found"):
        fetch(WANTED)
    assert sorted(server.fetched()) == ["train-0.json", "train-1.json"]
    fetch(WANTED)
    assert sorted(server.fetched()) == ["train-0.json", "train-1.json", "train-1.json"]


def test_a_file_that_was_deleted_or_damaged_is_fetched_again(server):
    folder = fetch(WANTED).folder
    (folder / "data" / "train-0.json").resolve().write_bytes(b"cut")
    assert fetched(WANTED) is None
    assert contents(fetch(WANTED).folder)["data/train-0.json"] == FILES["data/train-0.json"]


def test_a_choice_is_read_alone_even_where_more_was_fetched(server):
    fetch(WANTED)
    few = FetchRequest("rows", (HUB,), has_rows, choose=lambda listing: Choice(listing.files[:1], 0.5))
    asked = len(server.asked)
    assert list(contents(fetch(few).folder)) == ["data/train-0.json"]
    assert len(server.asked) == asked


def test_the_next_location_is_tried_and_kept(server, capsys):
    del server.hub["owner/rows"]
    server.github[RAW.address(RAW.files[0])] = b"from github"
    found = fetch(WANTED)
    assert contents(found.folder) == {"data/train-0.json": b"from github"}
    assert found.comes_from == "o/r at abc on GitHub"
    assert "Trying o/r at abc on GitHub." in capsys.readouterr().err
    asked = len(server.asked)
    assert fetch(WANTED) == found
    assert len(server.asked) == asked


def test_where_no_location_has_it_all_are_named_with_the_other_way(server):
    del server.hub["owner/rows"]
    with pytest.raises(UnfetchedError) as error:
        fetch(WANTED)
    assert "owner/rows" in error.value.message and "o/r/raw/abc/data/train-0.json: not found" in error.value.message
    assert error.value.hint == "Or give the file."
    assert offer(WANTED).reason == error.value.message


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"README.md": b"#", "rows.py": b"x"}, "expected data/*.json; there: README.md, rows.py."),
        ({"new/train-0.json": b"x"}, "expected data/*.json; there: new/train-0.json."),
        ({}, "expected data/*.json; there: no files."),
        (dict.fromkeys([f"{n}.csv" for n in range(9)], b"x"), "there: 0.csv, 1.csv, 2.csv, 3.csv and 5 more."),
    ],
)
def test_a_renamed_moved_or_empty_layout_is_an_error_that_names_what_is_there(server, files, said):
    server.hub["owner/rows"].files = files
    for ask in (fetch, lambda wanted: fetch(wanted)):
        with pytest.raises(UnfetchedError) as error:
            ask(FetchRequest("rows", (HUB,), has_rows))
        assert said in error.value.message
    assert server.fetched() == []
    server.hub["owner/rows"].files = dict(FILES)
    assert fetch(WANTED).folder, "it is asked again"


def test_files_that_nothing_can_be_read_from_are_an_error_and_fetched_again(server):
    picky = FetchRequest("rows", (HUB,), lambda folder: (folder / "data" / "train-9.json").exists())
    with pytest.raises(
        UnfetchedError, match=r"holds none of the files of rows that coma knows: expected data/\*\.json"
    ):
        fetch(picky)
    assert fetched(picky) is None
    server.hub["owner/rows"].files["data/train-9.json"] = b"x"
    assert fetch(picky).folder


def test_a_page_in_place_of_a_file_is_not_kept(server):
    place = RAW.address(RAW.files[0])
    wanted = FetchRequest("rows", (RAW,), lambda folder: (folder / "data" / "train-0.json").read_bytes() == b"right")
    server.github[place] = b"<html>Log in</html>"
    with pytest.raises(UnfetchedError):
        fetch(wanted)
    server.github[place] = b"right"
    assert fetch(wanted).folder


def test_too_little_room_is_said_before_anything_is_fetched(server, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 100, 100))
    with pytest.raises(UnfetchedError, match=r"needs 99 bytes, and .* has 100 bytes free") as error:
        fetch(FetchRequest("rows", (HUB,), has_rows))
    assert "COMA_CACHE" in error.value.hint
    assert server.fetched() == []


def test_an_offer_asks_for_sizes_and_fetches_nothing(server):
    there = offer(WANTED)
    assert (there.size, there.missing, there.share, there.reason) == (99, 99, 1.0, "")
    assert there.comes_from == f"owner/rows at {COMMIT} on the Hugging Face Hub"
    server.github[RAW.address(RAW.files[0])] = b"from github"
    assert offer(FetchRequest("rows", (RAW,), has_rows)).size == 11
    assert server.fetched() == []
    fetch(WANTED)
    assert offer(WANTED).missing == 0


def test_an_offer_without_a_network_has_the_size_that_the_catalogue_knows(server, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    there = offer(WANTED)
    assert (there.size, there.comes_from) == (900, "owner/rows at main on the Hugging Face Hub")
    assert "offline mode is on" in there.reason
    assert server.asked == []


def test_progress_is_shown_with_sizes(server, capsys):
    fetch(WANTED)
    said = capsys.readouterr().err
    assert f"Fetching rows from owner/rows at {COMMIT} on the Hugging Face Hub" in said
    assert "rows: 99 bytes of 99 bytes, " in said
    assert fetching.fetched(WANTED) is not None
