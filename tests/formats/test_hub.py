"""The Hub's client against a hub on this machine: commits, lists of files, its cache, and what it says in errors."""

import hashlib
import logging
import os
import subprocess
import sys

import pytest

from coma_cli.errors import MissingPackageError
from coma_cli.formats.fetching.locations import HubForm, RemoteFile
from coma_cli.formats.fetching.web import UnfetchedError
from coma_cli.formats.hub import CLIENT, cached_listing, fetch_hub, list_hub
from tests.hub_server import COMMIT, HubRepository, data_server
from tests.requirements import package

FILES = {"README.md": b"#", "load.py": b"raise SystemExit", "data/train-0.parquet": b"rows", "data/x.json": b"{}"}
FORM = HubForm("owner/rows", "main", ("*.parquet",))


@pytest.fixture
def server(monkeypatch):
    package(CLIENT, "train")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with data_server(
        hub={"owner/rows": HubRepository(dict(FILES), branches=("main", "refs/convert/parquet"))}
    ) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield server


@pytest.mark.parametrize("revision", ["main", "refs/convert/parquet", COMMIT, COMMIT[:7]])
def test_every_kind_of_revision_becomes_a_commit_and_the_patterns_choose(server, revision):
    found = list_hub(HubForm("owner/rows", revision, ("*.parquet",)))
    assert found.commit == COMMIT
    assert [(file.path, file.size) for file in found.files] == [("data/train-0.parquet", 4)]
    assert found.files[0].sha256 == hashlib.sha256(b"rows").hexdigest(), "as Large File Storage has it"
    assert set(found.rest) == {"README.md", "load.py", "data/x.json"}


def test_a_path_out_of_the_folder_is_never_listed(server):
    server.hub["owner/rows"].files["../../evil.parquet"] = b"x"
    assert [file.path for file in list_hub(FORM).files] == ["data/train-0.parquet"]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (HubForm("owner/none", "main", ("*",)), "there is no such data set, or it is private and needs HF_TOKEN"),
        (HubForm("owner/rows", "v2", ("*",)), "it has no such revision"),
        (HubForm("owner/rows", "beef123", ("*",)), "has no commit beef123"),
    ],
)
def test_what_is_not_there_is_said_in_words(server, form, said):
    with pytest.raises(UnfetchedError, match=said):
        list_hub(form)


def test_a_hub_that_fails_for_a_moment_is_asked_again(server, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    server.faults["/revision/main"] = [500, 503]
    server.faults[f"/tree/{COMMIT}"] = [500]
    assert list_hub(FORM).commit == COMMIT


def test_a_file_comes_by_way_of_the_hub_which_gets_the_token(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    (file,) = list_hub(FORM).files
    counted = []
    fetch_hub(FORM, COMMIT, file, tmp_path / "a.parquet", counted.append)
    assert (tmp_path / "a.parquet").read_bytes() == b"rows"
    assert sum(counted) == 4
    at_the_hub = next(sent for path, sent in zip(server.asked, server.headers, strict=True) if "/resolve/" in path)
    assert at_the_hub["Authorization"] == "Bearer hf_secret"


def test_a_file_with_another_hash_than_the_tree_says_is_refused(server, tmp_path):
    with pytest.raises(UnfetchedError, match="its SHA-256 is"):
        fetch_hub(FORM, COMMIT, RemoteFile("data/train-0.parquet", 4, "0" * 64), tmp_path / "a", lambda _: None)


OFFLINE = """
from coma_cli.formats.fetching.fetch import FetchRequest, fetch
from coma_cli.formats.fetching.locations import HubForm
from coma_cli.formats.hub import cached_listing
form = HubForm("owner/rows", "main", ("*.parquet",))
print(cached_listing(form))
print((fetch(FetchRequest("x", (form,), lambda _: True)).folder / "data" / "train-0.parquet").read_bytes())
"""


def test_files_in_the_clients_own_cache_are_used_offline(server, tmp_path):
    """As `hf download` left them; in a process of its own, since the client reads its variables once."""
    environment = {**os.environ, "HF_HOME": str(tmp_path), "COMA_CACHE": str(tmp_path / "coma")}
    repository = tmp_path / "hub" / "datasets--owner--rows"
    place = repository / "snapshots" / COMMIT / "data" / "train-0.parquet"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"rows")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    run = [sys.executable, "-c", OFFLINE]
    done = subprocess.run(run, capture_output=True, text=True, env={**environment, "HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr
    assert COMMIT in done.stdout and "b'rows'" in done.stdout
    assert server.asked == []


def test_an_empty_cache_of_the_client_has_no_listing():
    package(CLIENT, "train")
    assert cached_listing(HubForm("nobody/nothing", "main", ("*",))) is None


def test_without_the_client_the_package_is_named(monkeypatch, server):
    monkeypatch.setitem(sys.modules, CLIENT, None)
    level = logging.getLogger(CLIENT).level
    assert cached_listing(FORM) is None
    with pytest.raises(MissingPackageError, match="Fetching owner/rows from the Hugging Face Hub needs"):
        list_hub(FORM)
    assert logging.getLogger(CLIENT).level == level


def test_a_hub_that_can_not_be_reached_is_said_at_once(monkeypatch, caplog):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UnfetchedError, match=r"from the Hugging Face Hub: 127\.0\.0\.1 can't be reached"):
        list_hub(FORM)
    assert caplog.text == ""
