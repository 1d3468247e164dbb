import hashlib

import pytest

from coma_cli.formats.fetching.github import ENDPOINTS, endpoints, fetch_github, size_on_github
from coma_cli.formats.fetching.locations import GitHubFiles, RemoteFile
from coma_cli.formats.fetching.web import UnfetchedError
from tests.hub_server import data_server, pointer_to

CONTENT = b"rows of a file\n" * 50
FILE = RemoteFile("data/a b.json")
RAW = GitHubFiles("o/r", "abc", (FILE,))


@pytest.fixture
def server(monkeypatch):
    with data_server() as server:
        monkeypatch.setenv(ENDPOINTS, server.environment[ENDPOINTS])
        yield server


def fetched(location, file, folder):
    fetch_github(location, file, folder / "x", lambda _: None)
    return (folder / "x").read_bytes()


@pytest.mark.parametrize(
    ("location", "place"),
    [
        (RAW, "o/r/raw/abc/data/a b.json"),
        (GitHubFiles("o/r", "v1.0", (RemoteFile("a.gz"),), kind="release"), "o/r/releases/download/v1.0/a.gz"),
        (GitHubFiles("o/r", "abc", kind="archive"), "o/r/archive/abc.zip"),
    ],
)
def test_raw_files_releases_and_archives_have_the_paths_of_github(server, tmp_path, location, place):
    server.github[place] = CONTENT
    (file,) = location.all_files
    assert fetched(location, file, tmp_path) == CONTENT
    assert size_on_github(location, file) == len(CONTENT)


def test_endpoints_are_tried_in_order(server, tmp_path, monkeypatch):
    assert endpoints() == (f"{server.address}/github",)
    monkeypatch.setenv(ENDPOINTS, f"http://127.0.0.1:9/, {server.address}/mirror,{server.address}/github/")
    server.github[RAW.address(FILE)] = CONTENT
    assert fetched(RAW, FILE, tmp_path) == CONTENT
    assert size_on_github(RAW, FILE) == len(CONTENT)
    monkeypatch.setenv(ENDPOINTS, f"http://127.0.0.1:9,{server.address}/mirror")
    for ask in (lambda: fetched(RAW, FILE, tmp_path), lambda: size_on_github(RAW, FILE)):
        with pytest.raises(UnfetchedError, match=r"can't be reached.*; .*/mirror/o/r/raw/abc/.*not found") as error:
            ask()
        assert ENDPOINTS in error.value.hint
    monkeypatch.delenv(ENDPOINTS)
    assert endpoints() == ("https://github.com",)


def test_a_mirror_with_another_file_is_passed_over(server, tmp_path, monkeypatch):
    monkeypatch.setenv(ENDPOINTS, f"{server.address}/github/old,{server.address}/github")
    server.github[f"old/{RAW.address(FILE)}"] = b"an older file"
    server.github[RAW.address(FILE)] = CONTENT
    known = RemoteFile(FILE.path, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert fetched(RAW, known, tmp_path) == CONTENT


@pytest.mark.parametrize("known", [False, True])
def test_a_file_in_large_file_storage_is_fetched_by_its_hash(server, tmp_path, known):
    digest = hashlib.sha256(CONTENT).hexdigest()
    server.github[RAW.address(FILE)] = pointer_to(CONTENT)
    server.stored[digest] = CONTENT
    file = RemoteFile(FILE.path, len(CONTENT), digest) if known else FILE
    assert fetched(RAW, file, tmp_path) == CONTENT
    assert server.headers[-1]["X-Key"] == "k", "the headers that the server named are sent"


def test_a_spent_quota_is_named(server, tmp_path):
    server.github[RAW.address(FILE)] = pointer_to(CONTENT)
    with pytest.raises(UnfetchedError, match="exceeded its LFS budget"):
        fetched(RAW, FILE, tmp_path)


def test_a_pointer_to_another_file_than_the_expected_one_is_refused(server, tmp_path):
    server.github[RAW.address(FILE)] = pointer_to(b"other")
    with pytest.raises(UnfetchedError, match="points to another file"):
        fetched(RAW, RemoteFile(FILE.path, sha256="0" * 64), tmp_path)


def test_a_small_file_is_not_taken_for_a_pointer(server, tmp_path):
    server.github[RAW.address(FILE)] = b"version https://git-lfs.github.com/spec/v1\nnot a pointer\n"
    assert fetched(RAW, FILE, tmp_path).startswith(b"version")
