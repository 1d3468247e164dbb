"""Training data by its name on the Hub, from a server on this machine."""

import gzip
import json
from pathlib import Path

import pytest

from coma_cli.errors import MissingInputError
from coma_cli.training.examples import ReadReport, choose_data, read_examples
from coma_cli.training.hub_data import HubData, hub_data
from coma_cli.workspace import Workspace
from tests.hub_server import HubRepository, data_server
from tests.requirements import package


def lines(*numbers: int) -> bytes:
    return b"".join(json.dumps({"question": f"{n}?", "answer": f"{n}"}).encode() + b"\n" for n in numbers)


FILES = {
    "README.md": b"#",
    "dataset_infos.json": b"{}",
    "data/train-0.jsonl": lines(0, 1),
    "data/train-1.jsonl.gz": gzip.compress(lines(2)),
    "data/test-0.jsonl": lines(3),
    "other/more.jsonl": lines(4),
}


@pytest.fixture
def server(monkeypatch, tmp_path):
    package("huggingface_hub", "train")
    monkeypatch.setenv("COMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.chdir(tmp_path)
    untold = {"rows.json": json.dumps([{"prompt": "5?", "completion": "5"}]).encode(), "test.json": lines(6)}
    hub = {"owner/rows": HubRepository(dict(FILES)), "owner/untold": HubRepository(untold)}
    with data_server(hub=hub) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def read(text: str) -> list[tuple[str, str]]:
    files = choose_data(Workspace(Path("w")), [Path(text)])
    return [(row.output, row.source) for row in read_examples(files, ReadReport())]


def test_the_files_of_the_training_split_are_read_and_fetched_once(server):
    assert read("owner/rows") == [("0", "rows"), ("1", "rows"), ("2", "rows")]
    asked = len(server.fetched())
    assert read("owner/rows") == [("0", "rows"), ("1", "rows"), ("2", "rows")]
    assert len(server.fetched()) == asked


def test_files_can_be_named_and_without_a_named_split_all_but_the_others_are_read(server):
    assert read("owner/rows:other/*") == [("4", "rows")]
    assert read("owner/untold") == [("5", "untold")]


def test_a_name_that_the_hub_does_not_know_is_an_error(server):
    with pytest.raises(MissingInputError, match="no such data set"):
        read("owner/none")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("owner/rows", HubData("owner/rows")),
        ("owner/rows@v1.0", HubData("owner/rows", "v1.0")),
        ("owner/rows@v1:data/*.json", HubData("owner/rows", "v1", "data/*.json")),
        ("data/rows.jsonl", None),
        ("data/rows.json.gz", None),
        ("rows", None),
        ("/tmp/x/y", None),
        ("a/b/c", None),
    ],
)
def test_what_has_the_form_of_a_name(text, found):
    assert hub_data(text) == found
