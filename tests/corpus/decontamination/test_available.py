import gzip
import json
from dataclasses import replace

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.corpus.decontamination.available import BenchmarkPlaces, available_benchmarks
from coma_cli.errors import MissingInputError
from coma_cli.formats.fetching.web import UnfetchedError
from tests.requirements import shared_data

TASK = {
    "task_id": 11,
    "text": "Write a function to sort.",
    "code": "def f(a):\n    return sorted(a)",
    "test_list": ["assert f([2, 1]) == [1, 2]"],
    "test_setup_code": "",
    "challenge_test_list": [],
}
HUMANEVAL_ROW = {
    "task_id": "HumanEval/0",
    "prompt": "def one():\n",
    "entry_point": "one",
    "canonical_solution": "    return 1\n",
    "test": "def check(candidate):\n    assert candidate() == 1\n",
}


def put(path, row):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(row) + "\n")
    return path


ALL = {"humaneval": 164, "mbpp": 500, "mbpp-sanitized": 130, "humaneval+": 82, "mbpp+": 196}  # in the shared data


def found(**places):
    """How many problems each benchmark has, and which of `ALL` are missing."""
    loaded, missing = available_benchmarks(BenchmarkPlaces(**places))
    return {bench.name: len(bench.problems) for bench in loaded}, tuple(name for name in missing if name in ALL)


def test_every_benchmark_of_a_folder_is_found():
    for places in ({"given": shared_data()}, {"sources": shared_data()}):
        assert found(**places) == (ALL, ())
    assert set(ALL) <= set(BENCHMARKS)


def test_without_files_the_installed_one_is_found_and_none_is_missing_since_their_hashes_are_here():
    assert found() == ({"humaneval": 164}, ())


def test_a_benchmark_whose_hashes_are_not_here_is_missing(monkeypatch):
    monkeypatch.setitem(BENCHMARKS, "other", replace(BENCHMARKS["mbpp"], name="other", folder="other"))
    assert available_benchmarks(BenchmarkPlaces()).missing == ("other",)


def test_what_cannot_be_fetched_is_no_error_where_its_hashes_are_here(monkeypatch):
    def fail(bench_data):
        raise UnfetchedError("No network.", "Wait.")

    monkeypatch.setitem(BENCHMARKS, "mbpp", replace(BENCHMARKS["mbpp"], read=fail))
    monkeypatch.setitem(BENCHMARKS, "mbpp-sanitized", replace(BENCHMARKS["mbpp-sanitized"], read=fail))
    assert found(from_hub=True) == ({"humaneval": 164}, ())
    monkeypatch.setitem(BENCHMARKS, "other", replace(BENCHMARKS["mbpp"], name="other"))
    assert available_benchmarks(BenchmarkPlaces(from_hub=True)).missing == ("other",)
    with pytest.raises(MissingInputError, match="No network"):
        found(from_hub=True, required=True)


def test_what_would_come_from_the_hub_is_neither_found_nor_missing_in_a_dry_run():
    assert found(from_hub=True, fetch=False) == ({"humaneval": 164}, ())


def test_the_place_that_is_given_comes_before_the_folders_of_sources(tmp_path):
    put(tmp_path / "sources" / "mbpp" / "mbpp.jsonl", TASK)
    put(tmp_path / "moved" / "mbpp.jsonl", {**TASK, "task_id": 12})
    put(tmp_path / "given.d" / "mbpp.jsonl", {**TASK, "task_id": 13})
    places = {"sources": tmp_path / "sources"}
    for more, number in (
        ({}, 11),
        ({"by_folder": {"mbpp": tmp_path / "moved"}}, 12),
        ({"by_folder": {"mbpp": tmp_path / "moved"}, "given": tmp_path / "given.d"}, 13),
    ):
        loaded, _ = available_benchmarks(BenchmarkPlaces(**places, **more))
        assert [p.task_id for bench in loaded if bench.name == "mbpp" for p in bench.problems] == [f"MBPP/{number}"]


def test_a_file_of_any_name_is_known_by_its_rows(tmp_path):
    assert found(given=put(tmp_path / "problems.json", TASK)) == ({"humaneval": 164, "mbpp": 1}, ())


def test_a_few_rows_of_the_form_of_an_installed_benchmark_do_not_take_its_place(tmp_path):
    with pytest.raises(MissingInputError, match="holds no benchmark"):
        found(given=put(tmp_path / "problems.jsonl", HUMANEVAL_ROW))
    assert found(given=put(tmp_path / "HumanEval.jsonl", HUMANEVAL_ROW))[0] == {"humaneval": 1}


def test_what_holds_no_benchmark_is_an_error_even_where_the_sources_hold_one(tmp_path):
    put(tmp_path / "sources" / "mbpp" / "mbpp.jsonl", TASK)
    (tmp_path / "empty").mkdir()
    for given in (tmp_path / "empty", put(tmp_path / "rows.jsonl", {"text": "no problem"})):
        with pytest.raises(MissingInputError, match=r"holds no benchmark; looked for HumanEval.jsonl.gz, mbpp.jsonl,"):
            found(given=given, sources=tmp_path / "sources")


def test_a_benchmark_that_is_found_and_broken_is_an_error(tmp_path):
    path = tmp_path / "MbppPlus.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"task_id": "Mbpp/2"}\n'))
    for given in (path, tmp_path):
        with pytest.raises(MissingInputError, match=r"MbppPlus.jsonl.gz, row 1: no field"):
            found(given=given)


def test_a_place_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(MissingInputError, match=r"There is no .*nowhere"):
        found(by_folder={"mbpp": tmp_path / "nowhere"})


def test_a_source_with_training_rows_only_holds_no_benchmark(tmp_path):
    path = put(tmp_path / "mbpp.jsonl", {**TASK, "task_id": 601})
    assert found(by_folder={"mbpp": path}) == ({"humaneval": 164}, ())
    put(tmp_path / "sources" / "mbpp" / "mbpp.jsonl", {**TASK, "task_id": 601})
    assert found(sources=tmp_path / "sources") == ({"humaneval": 164}, ())
    with pytest.raises(MissingInputError, match="contains no problem of mbpp"):
        found(given=path, by_folder={"mbpp": path})


def test_a_benchmark_that_can_not_be_fetched_is_an_error_only_where_it_is_required(monkeypatch, tmp_path):
    monkeypatch.setenv("COMA_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert found(from_hub=True) == ({"humaneval": 164}, ())
    with pytest.raises(MissingInputError, match="offline mode"):
        found(from_hub=True, required=True)
