"""The plain line `coma build-data --tasks all` with the Hub and GitHub of this machine in place of the real ones."""

import json

import pytest

from coma_cli.catalog.sources import SOURCES, codegpt
from tests.hub_server import COMMIT, data_server
from tests.published_layouts import labelled_blocks, publish_fixtures, staqc_archive
from tests.requirements import package
from tests.support.command import run_coma


@pytest.fixture
def server(tmp_path, monkeypatch):
    package("huggingface_hub", "train")
    monkeypatch.setenv("COMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with data_server() as server:
        publish_fixtures(server, monkeypatch)
        yield server


def build_all(root, *options):
    return run_coma(["build-data", "--tasks", "all", "--workers", "1", "-w", root, *options])


def summary_in(root):
    (path,) = root.glob("build-data/*/summary.json")
    return json.loads(path.read_text())


def subsets_without_rows(summary):
    return [name for name, counts in summary["subsets"].items() if not counts["train"] + counts["requested"]]


@pytest.mark.slow
def test_the_plain_line_fills_every_sub_dataset_of_comit_and_a_second_start_fetches_nothing(server, tmp_path, capsys):
    assert build_all(tmp_path / "w") == 0, capsys.readouterr().err
    summary = summary_in(tmp_path / "w")
    assert len(summary["subsets"]) == 13
    assert subsets_without_rows(summary) == []
    assert len(summary["read"]) == 12
    places = {entry["name"]: entry["comes_from"] for entry in summary["read"]}
    assert places["staqc"] == f"koutch/staqc at {COMMIT} on the Hugging Face Hub", "a branch is resolved"
    assert places["codexglue_clone_detection"].split(" at ")[1].startswith("706a9c9" + "0" * 33)
    card = next((tmp_path / "w").glob("build-data/*/README.md")).read_text()
    assert "fetched from zxx000728/CodeGPT at 1153697295d0e11c3f823044a9f52ce82e0c4bea on GitHub" in card
    assert str(tmp_path) not in card and server.address not in card
    manifest = next((tmp_path / "w").glob("build-data/*/settings.json")).read_text()
    assert f"neulab/conala at {COMMIT} on the Hugging Face Hub" in manifest
    said = capsys.readouterr().err
    assert "codepro: not fetched: its publisher states no licence; --source codepro=hub fetches it" in said
    asked = len(server.asked)
    assert build_all(tmp_path / "again") == 0
    assert server.asked[asked:] == []
    assert summary_in(tmp_path / "again")["rows"] == summary["rows"]


@pytest.mark.slow
def test_a_source_that_is_gone_is_named_and_the_next_start_fetches_it_alone(server, tmp_path, capsys):
    gone = server.hub.pop("neulab/conala")
    assert build_all(tmp_path / "w") == 0, capsys.readouterr().err
    said = capsys.readouterr().err
    assert "conala: neulab/conala can't be fetched from the Hugging Face Hub: " in said
    summary = summary_in(tmp_path / "w")
    assert "Not fetched, so the data has no rows of them: conala." in summary["warnings"]
    assert summary["missing_sources"] == ["conala"]
    assert subsets_without_rows(summary) == []
    server.hub["neulab/conala"] = gone
    fetched = len(server.fetched())
    assert build_all(tmp_path / "again") == 0
    assert server.fetched()[fetched:] == ["conala-paired-train.json"]
    assert "conala" in summary_in(tmp_path / "again")["sources"]


def test_a_source_whose_first_location_is_gone_comes_from_the_next(server, tmp_path, capsys):
    del server.hub["koutch/staqc"]
    repository, commit = "LittleYUYU/StackOverflow-Question-Code-Dataset", "049526f74c30a472280bb9871920d9cd9719d164"
    server.github[f"{repository}/archive/{commit}.zip"] = staqc_archive(commit)
    assert run_coma(["build-data", "--tasks", "code-search", "--source", "staqc=hub", "-w", tmp_path / "w"]) == 0
    said = capsys.readouterr().err
    assert f"Trying {repository} at {commit} on GitHub" in said
    assert summary_in(tmp_path / "w")["sources"]["staqc"]["train"]
    (facts,) = summary_in(tmp_path / "w")["read"]
    assert facts["comes_from"] == f"{repository} at {commit} on GitHub"


def test_a_file_that_is_not_the_published_one_is_refused_and_the_run_continues(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(SOURCES, "codegpt", codegpt.SOURCE)  # with its real size and hash
    line = ["build-data", "--tasks", "code-generation", "--workers", "1", "--decontaminate", "off"]
    assert run_coma([*line, "--source", "codegpt=hub", "--source", "codealpaca=hub", "-w", tmp_path / "w"]) == 0
    said = capsys.readouterr().err
    assert "CodeGPT-Dataset-V1-CN.zip is not the expected file: it has " in said and "instead of 3101101" in said
    assert set(summary_in(tmp_path / "w")["sources"]) == {"codealpaca"}
    assert run_coma([*line, "--source", "codegpt=hub", "-w", tmp_path / "w"]) == 3


def test_strict_refuses_to_go_on_without_a_source(server, tmp_path, capsys):
    del server.hub["neulab/conala"]
    assert build_all(tmp_path / "w", "--strict") == 3
    assert "conala: neulab/conala can't be fetched" in capsys.readouterr().err
    assert not (tmp_path / "w").exists()


def test_a_named_task_without_a_source_is_refused(server, tmp_path, capsys):
    repository = "google/code_x_glue_cc_code_to_code_trans"
    content = server.hub.pop(repository)
    tasks = ["--tasks", "code-translation,code-repair", "--workers", "1"]
    assert run_coma(["build-data", *tasks, "-w", tmp_path / "w"]) == 3
    said = capsys.readouterr().err
    assert "No source is left for the task code-translation" in said and repository in said
    assert run_coma(["build-data", *tasks, "-w", tmp_path / "w", "--dry-run"]) == 3
    server.hub[repository] = content
    assert run_coma(["build-data", *tasks, "-w", tmp_path / "w"]) == 0


def test_a_dry_run_tells_what_would_be_fetched_and_fetches_nothing(server, tmp_path, capsys):
    assert build_all(tmp_path / "w", "--dry-run", "--json") == 0
    out = capsys.readouterr()
    plan = json.loads(out.out)
    row = plan["estimate"]["to fetch"]["codealpaca"]
    assert (row["rows, about"], row["licence"]) == (20_022, "CC-BY-NC-4.0")
    size = len(server.hub["sahil2801/CodeAlpaca-20k"].files["code_alpaca_20k.json"])
    assert row["bytes"] == row["bytes to fetch"] == size
    assert row["from"].startswith("sahil2801/CodeAlpaca-20k at 152bb5e")
    assert set(plan["estimate"]["to fetch"]) > {"codegpt", "staqc", "codesearchnet"}
    assert "codegpt: would be fetched from zxx000728/CodeGPT at 1153697" in out.err
    assert build_all(tmp_path / "w", "--dry-run") == 0
    table = capsys.readouterr().out.partition("To fetch")[2]
    assert all(column in table for column in ("bytes", "rows", "minutes", "licence", "from"))
    assert server.fetched() == []
    assert not (tmp_path / "w").exists()


def test_a_dry_run_without_a_network_knows_sizes_and_ends_as_the_run_does(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert build_all(tmp_path / "w", "--dry-run", "--json") == 3
    dry = capsys.readouterr()
    assert json.loads(dry.out)["estimate"]["to fetch"]["codesearchnet"]["bytes"] == 5_120_000_000
    assert build_all(tmp_path / "w") == 3
    assert capsys.readouterr().err.splitlines()[-2:] == dry.err.splitlines()[-2:]
    assert server.asked == []


def test_a_size_fetches_the_first_shards_of_what_the_mixture_takes(server, tmp_path):
    files = server.hub["google/code_x_glue_cc_clone_detection_big_clone_bench"].files
    (content,) = files.values()
    files.clear()
    files.update({f"data/train-0000{n}-of-00004.parquet": content for n in range(4)})
    assert build_all(tmp_path / "w", "--size", "120") == 0
    assert [name for name in server.fetched() if name.endswith("-of-00004.parquet")] == ["train-00000-of-00004.parquet"]
    assert not [name for name in server.fetched() if name.endswith("-of-00039.parquet")], (
        "no sub-dataset takes contests"
    )
    assert summary_in(tmp_path / "w")["sources"]["codexglue_clone_detection"]["train"]
    # Nor are files of splits that are not read.
    assert not [name for name in server.fetched() if name.startswith("validation-")]
    assert "conala-paired-test.json" not in server.fetched()


def test_a_source_without_a_licence_is_fetched_if_it_is_named(server, tmp_path):
    (place,) = SOURCES["codepro"].locations
    for file in place.all_files:
        server.github[place.address(file)] = labelled_blocks()
    line = ["build-data", "--source", "codepro=hub", "--decontaminate", "off", "--workers", "1", "-w", tmp_path / "w"]
    assert run_coma(line) == 0
    assert summary_in(tmp_path / "w")["sources"]["codepro"]["train"]
    assert sorted(server.fetched()) == [
        "python_hnn_qid2index_blocks_labeled.txt",
        "sql_hnn_qid2index_blocks_labeled.txt",
    ]


def test_a_source_that_was_never_published_can_not_be_fetched(tmp_path, capsys):
    assert run_coma(["build-data", "--source", "codecapybara_generated=hub", "-w", tmp_path / "w"]) == 2
    assert "codecapybara_generated can't be fetched: it was not published." in capsys.readouterr().err
