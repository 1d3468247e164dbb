"""`--sources hub` from a hub on this machine: data files come once, scripts never, and then from the cache."""

import json
import logging
import os
import socket
import subprocess
import sys
import time

import pytest

from coma_cli.catalog.sources import SOURCES
from coma_cli.errors import MissingInputError, MissingPackageError
from coma_cli.formats.hub import CLIENT, HubForm, fetch_file, fetch_source, fetched_source, unknown_host
from tests.catalog.sources.forms import put_parquet
from tests.requirements import package
from tests.support.command import coma
from tests.support.data_hub import data_hub

NAME = "codexglue_code_translation"
REPOSITORY = "google/code_x_glue_cc_code_to_code_trans"
COLUMNS = {"id": "int32", "java": "string", "cs": "string"}
ROWS = [
    {
        "id": n,
        "java": f"public int {word}(int a) {{return {word}er(a, {n});}}",
        "cs": f"public int {word.title()}(int a){{return {word.title()}er(a, {n});}}",
    }
    for n, word in enumerate(f"{a}{b}" for a in ("turn", "lift", "paint", "wash") for b in ("Wall", "Door", "Roof"))
]


@pytest.fixture
def hub(tmp_path):
    package("huggingface_hub", "train")
    data = put_parquet(tmp_path / "train.parquet", ROWS, COLUMNS).read_bytes()
    files = {"README.md": b"#", "code_x_glue.py": b"raise SystemExit", "data/train-00000-of-00001.parquet": data}
    with data_hub(REPOSITORY, files) as hub:
        yield hub


def build(root, **environment):
    arguments = [
        "build-data",
        "--tasks",
        "code-translation",
        "--sources",
        "hub",
        "--decontaminate",
        "off",
        "--json",
        "--workers",
        "1",
    ]
    home = {"HF_HOME": str(root.parent / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    return coma(*arguments, "-w", root, **home, **environment)


@pytest.mark.slow
def test_a_source_comes_from_the_hub_once_and_then_from_its_cache(tmp_path, hub):
    address, asked = hub
    first = build(tmp_path / "w", HF_ENDPOINT=address)
    assert first.returncode == 0, first.stderr
    summary = json.loads(first.stdout)
    assert sum(summary["sources"][NAME].values()) == len(ROWS) and summary["read"][0]["splits"] == "train"
    fetched = [path.rpartition("/")[2] for path in asked if "/resolve/" in path]
    assert fetched == ["train-00000-of-00001.parquet"]
    again = build(tmp_path / "again", HF_HUB_OFFLINE="1")
    assert json.loads(again.stdout)["rows"] == summary["rows"]
    assert SOURCES[NAME].hub.repository == REPOSITORY


FORM = HubForm("owner/rows", "main", ("*.parquet",))
OFFLINE = """
from coma_cli.errors import MissingInputError
from coma_cli.formats.hub import HubForm, fetch_file, fetch_source, fetched_source
form = HubForm("owner/rows", "main", ("*.parquet",))
assert fetched_source(form) is None
for fetch in (lambda: fetch_source(form), lambda: fetch_file("owner/rows", "a.parquet", "main", "Give a file.")):
    try:
        fetch()
    except MissingInputError as error:
        print(error.message.partition(" Hub: ")[0], "|", error.hint)
"""


def test_without_the_client_both_ways_name_the_package_and_another_way(monkeypatch):
    monkeypatch.setitem(sys.modules, CLIENT, None)
    level = logging.getLogger(CLIENT).level
    assert fetched_source(FORM) is None
    with pytest.raises(MissingPackageError) as error:
        fetch_source(FORM)
    assert "owner/rows" in error.value.message and "pip install huggingface_hub, or do" in error.value.hint
    with pytest.raises(MissingPackageError, match=r"a\.parquet of owner/rows from the Hugging Face Hub needs"):
        fetch_file("owner/rows", "a.parquet", "main", "Give a file.")
    assert logging.getLogger(CLIENT).level == level


@pytest.mark.parametrize("environment", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}])
def test_a_dry_run_ends_as_the_run_would_where_nothing_can_be_fetched(tmp_path, environment):
    package(CLIENT, "train")
    home = {"HF_HOME": str(tmp_path / "hf"), **environment}
    line = ("build-data", "--tasks", "code-translation", "-w", tmp_path / "w", "--workers", "1")
    run, dry = coma(*line, **home), coma(*line, "--dry-run", **home)
    assert (run.returncode, dry.returncode) == (3, 3), dry.stderr
    assert run.stderr.strip().splitlines()[-1] == dry.stderr.strip().splitlines()[-1]


def test_a_dry_run_only_asks_where_the_files_can_be_fetched(tmp_path, hub):
    address, asked = hub
    home = {"HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": address}
    line = ("build-data", "--tasks", "code-translation", "-w", tmp_path / "w", "--dry-run", "--decontaminate", "off")
    assert coma(*line, **home).returncode == 0
    assert [path for path in asked if REPOSITORY in path] == [f"/api/datasets/{REPOSITORY}/revision/main"]


def test_what_can_not_be_fetched_is_said_in_the_same_words(tmp_path):
    package(CLIENT, "train")
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", OFFLINE], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines() == [
        "owner/rows can't be fetched from the Hugging Face | Use --from-repo stdlib (or a folder of code), or "
        "--sources DIR with files that are already here.",
        "a.parquet of owner/rows can't be fetched from the Hugging Face | Give a file.",
    ]


def test_a_host_without_an_address_is_named_at_once_and_nothing_is_tried(tmp_path, monkeypatch, caplog):
    package("huggingface_hub", "train")

    def unresolved(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    said = "can't be fetched from the Hugging Face Hub: the name hub.example can't be resolved"
    began = time.monotonic()
    with pytest.raises(MissingInputError, match=said):
        fetch_file("nobody/nothing", "a.parquet", "main", "Give the file.")
    with pytest.raises(MissingInputError, match=said):
        fetch_source(HubForm("nobody/nothing", "main", ("*.json",)))
    assert time.monotonic() - began < 20
    assert caplog.text == ""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert unknown_host() is None, "the proxy resolves it"


@pytest.mark.slow
def test_tries_of_the_hubs_client_are_not_shown(monkeypatch):
    """Also where its first import, which sets the level of its log, comes with the first file."""
    package("huggingface_hub", "train")
    script = (
        "from coma_cli.errors import MissingInputError\n"
        "from coma_cli.formats.hub import fetch_file\n"
        "try: fetch_file('nobody/nothing', 'a.parquet', 'main', 'Give the file.')\n"
        "except MissingInputError as error: print(error.message)"
    )
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}
    environment["HF_HUB_DISABLE_XET"] = "1"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=120)
    assert done.stderr == ""
    assert "can't be fetched from the Hugging Face Hub" in done.stdout
