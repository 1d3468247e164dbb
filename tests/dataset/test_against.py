import gzip

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.dataset import build_data
from coma_cli.dataset.against import known_benchmarks
from coma_cli.dataset.settings import BuildDataSettings
from coma_cli.errors import MissingInputError
from coma_cli.workspace import Workspace
from tests.catalog.sources.forms import put, put_parquet
from tests.dataset.builds import build, rows_of
from tests.requirements import shared_data

MBPP_COLUMNS = {
    "task_id": "int32",
    "text": "string",
    "code": "string",
    "test_list": "list",
    "test_setup_code": "string",
    "challenge_test_list": "list",
}
TASK = {
    "task_id": 11,
    "text": "Write a function to sort.",
    "code": "def f(a):\n    return sorted(a)",
    "test_list": ["assert f([2, 1]) == [1, 2]"],
    "test_setup_code": "",
    "challenge_test_list": [],
}


def known(**flags):
    """How many problems each benchmark has, and which of MBPP's two are missing."""
    loaded, missing = known_benchmarks(BuildDataSettings(**flags))
    return {bench.name: len(bench.problems) for bench in loaded}, tuple(n for n in missing if n.startswith("mbpp"))


@pytest.mark.parametrize("option", ["sources", "bench_data"])
def test_every_benchmark_of_a_folder_is_kept_clear_of(option):
    own = {} if option == "sources" else {"from_repo": ("stdlib",)}
    found = known(**{option: str(shared_data())}, **own)
    assert found == (
        {"humaneval": 164, "mbpp": 500, "mbpp-sanitized": 130, "humaneval+": 82, "mbpp+": 196},
        (),
    )


def test_without_files_none_is_missed_since_their_hashes_are_here(tmp_path):
    assert known(from_repo=(str(tmp_path),)) == ({"humaneval": 164}, ())


@pytest.mark.parametrize("option", ["source", "bench_data"])
def test_another_benchmarks_parquet_file_does_not_pass_for_humaneval(tmp_path, option):
    put_parquet(tmp_path / "full" / "test-00000-of-00001.parquet", [TASK], MBPP_COLUMNS)
    given = {"source": {"mbpp": str(tmp_path)}} if option == "source" else {"bench_data": str(tmp_path)}
    assert known(from_repo=("stdlib",), **given) == ({"humaneval": 164, "mbpp": 1}, ())


def test_parquet_files_of_sources_are_no_benchmarks(tmp_path):
    put_parquet(tmp_path / "conala" / "test-00000-of-00001.parquet", [TASK], MBPP_COLUMNS)
    put_parquet(tmp_path / "mbpp" / "full" / "test-00000-of-00001.parquet", [TASK], MBPP_COLUMNS)
    assert known(sources=str(tmp_path)) == ({"humaneval": 164, "mbpp": 1}, ())


def test_a_benchmark_that_is_given_and_broken_is_an_error(tmp_path):
    put(tmp_path / "evalplus" / "MbppPlus.jsonl.gz", gzip.compress(b'{"task_id": "Mbpp/2"}\n'))
    with pytest.raises(MissingInputError, match=r"MbppPlus.jsonl.gz, row 1: no field"):
        known(sources=str(tmp_path))


@pytest.mark.soak
@pytest.mark.slow
def test_training_problems_that_mbpp_plus_asks_leave_and_else_the_user_is_warned(tmp_path):
    given = {"source": {"mbpp": str(shared_data() / "mbpp")}}
    warned = [
        build_data.preview(BuildDataSettings(**given, **more), Workspace(tmp_path)).warnings
        for more in ({}, {"bench_data": str(shared_data())}, {"decontaminate": False})
    ]
    assert ["MBPP+ asks some problems" in " ".join(lines) for lines in warned] == [True, False, False]
    made = build(tmp_path / "w", **given, bench_data=str(shared_data()), decontaminate_behaviour="report")
    asked = {f"task_id {p.task_id.partition('/')[2]}" for p in BENCHMARKS["mbpp+"].load(shared_data()).problems}
    hits = [hit for hit in rows_of(made, "contamination.jsonl") if hit["bench"] == "mbpp+"]
    # What stays are problems that MBPP+ tells in other words and solves in another way: nothing of them is shared.
    assert len(hits) > 30 and len(asked & {row["origin"]["row"] for row in rows_of(made)}) <= 13


def test_without_decontamination_no_benchmark_is_looked_for():
    assert known(from_repo=("stdlib",), decontaminate=False, bench_data="no-such-file") == ({}, ())
