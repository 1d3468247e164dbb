import ast

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.errors import MissingInputError
from tests.catalog.benchmarks.plus_rows import PLUS_ROW
from tests.hub_server import data_server
from tests.support.files import write_lines

MBPP_ROW = {
    "task_id": "Mbpp/2",
    "prompt": '"""\nWrite a function to find shared elements.\nassert similar_elements((3, 4),(4, 5)) == (4,)\n"""\n',
    "entry_point": "similar_elements",
    "canonical_solution": "\ndef similar_elements(a, b):\n  return tuple(set(a) & set(b))\n",
    "base_input": [[[3, 4], [4, 5]]],
    "plus_input": {},
    "atol": 0,
    "contract": "",
    "assertion": "\nassert similar_elements((3, 4),(4, 5)) == (4,)\n",
}


def test_a_row_becomes_a_problem_with_both_sets_of_inputs(tmp_path):
    (problem,) = BENCHMARKS["humaneval+"].load(write_lines(tmp_path / "HumanEvalPlus.jsonl.gz", [PLUS_ROW])).problems
    assert problem.task_id == "HumanEval/2" and problem.entry_points == ("half",)
    assert problem.prompt == problem.prompt_code and "\r" not in problem.prompt
    sets = problem.input_sets
    assert ast.literal_eval(sets.base) == [[4], [1]] and ast.literal_eval(sets.plus) == [[3.5], [10**30]]
    assert (sets.base_count, sets.plus_count, sets.base_cpu_limit_s) == (2, 2, 3.0)
    assert problem.cpu_limit_s == 60.0
    assert sets.published_tests == ("def check(candidate):\n    assert candidate(4) == 2\n\ncheck(half)\n",)
    assert "return x / 2" not in problem.prompt + problem.instruction


def test_mbpps_inputs_get_their_tuples_back(tmp_path):
    (problem,) = BENCHMARKS["mbpp+"].load(write_lines(tmp_path / "MbppPlus.jsonl", [MBPP_ROW])).problems
    assert ast.literal_eval(problem.input_sets.base) == [[(3, 4), (4, 5)]]
    assert ast.literal_eval(problem.input_sets.plus) == [] and problem.input_sets.plus_count == 0
    assert "assert similar_elements((3, 4),(4, 5)) == (4,)" in problem.instruction
    assert "Write a function to find shared elements." in problem.instruction and '"""' not in problem.instruction
    assert problem.input_sets.published_tests[0].startswith("import math\n")


def test_a_folder_gives_the_whole_file_and_the_tests_of_the_originfmt_file(tmp_path):
    write_lines(tmp_path / "HumanEvalPlus-Mini.jsonl.gz", [{k: v for k, v in PLUS_ROW.items() if k != "test"}])
    mini = BENCHMARKS["humaneval+"].load(tmp_path)
    assert mini.problems[0].input_sets.published_tests == ()
    write_lines(tmp_path / "HumanEvalPlus.jsonl.gz", [PLUS_ROW])
    write_lines(
        tmp_path / "HumanEvalPlus-OriginFmt.jsonl.gz", [{"task_id": "HumanEval/2", "test": "def check(c):\n    pass"}]
    )
    whole = BENCHMARKS["humaneval+"].load(tmp_path)
    assert whole.source.endswith("HumanEvalPlus.jsonl.gz with HumanEvalPlus-OriginFmt.jsonl.gz")
    assert whole.problems[0].input_sets.published_tests[1] == "def check(c):\n    pass\n\ncheck(half)\n"


def test_the_file_in_evalplus_own_cache_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("HUMANEVAL_OVERRIDE_PATH", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MissingInputError, match=r"HumanEvalPlus\.jsonl\.gz: offline mode is on") as missing:
        BENCHMARKS["humaneval+"].load()
    assert "--bench-data HumanEvalPlus.jsonl.gz" in missing.value.hint
    (tmp_path / "evalplus").mkdir()
    kept = write_lines(tmp_path / "evalplus" / "HumanEvalPlus-v0.1.10.jsonl", [PLUS_ROW])
    assert BENCHMARKS["humaneval+"].load().source == str(kept)
    named = write_lines(tmp_path / "mine.jsonl", [PLUS_ROW])
    monkeypatch.setenv("HUMANEVAL_OVERRIDE_PATH", str(named))
    assert BENCHMARKS["humaneval+"].load().source == str(named)


@pytest.mark.parametrize(
    ("name", "row", "place"),
    [
        ("humaneval+", PLUS_ROW, "evalplus/humanevalplus_release/releases/download/v0.1.10/HumanEvalPlus.jsonl.gz"),
        ("mbpp+", MBPP_ROW, "evalplus/mbppplus_release/releases/download/v0.2.0/MbppPlus.jsonl.gz"),
    ],
)
def test_the_release_is_fetched_once_where_no_file_is_given(tmp_path, monkeypatch, name, row, place):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("COMA_CACHE", str(tmp_path / "coma"))
    for variable in ("HUMANEVAL_OVERRIDE_PATH", "MBPP_OVERRIDE_PATH", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    content = write_lines(tmp_path / "x.jsonl.gz", [row]).read_bytes()
    with data_server(github={place: content}) as server:
        monkeypatch.setenv("COMA_GITHUB_ENDPOINT", server.environment["COMA_GITHUB_ENDPOINT"])
        loaded = BENCHMARKS[name].load()
        assert [problem.task_id for problem in loaded.problems] == [row["task_id"]]
        assert loaded.source == f"{'/'.join(place.split('/')[:2])} at {place.split('/')[4]} on GitHub"
        assert BENCHMARKS[name].load() == loaded
        assert len(server.fetched()) == 1
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert BENCHMARKS[name].load() == loaded


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("humaneval+", {k: v for k, v in PLUS_ROW.items() if k != "base_input"}, "no field 'base_input'"),
        ("humaneval+", {**PLUS_ROW, "base_input": [4]}, "not a list of argument lists"),
        ("humaneval+", {**PLUS_ROW, "atol": "much"}, "not a row of humaneval"),
        ("humaneval+", {**PLUS_ROW, "prompt": None}, "not a row of humaneval"),
        ("mbpp+", {**MBPP_ROW, "task_id": "Mbpp/x"}, "not a row of mbpp"),
        ("mbpp+", {**MBPP_ROW, "task_id": "Mbpp/106", "base_input": [[1]]}, "not a row of mbpp"),
        ("mbpp+", {**MBPP_ROW, "task_id": "Mbpp/106", "base_input": [[]]}, "not a row of mbpp"),
        ("mbpp+", {**MBPP_ROW, "task_id": "Mbpp/2", "base_input": [[1, 2]]}, "not a row of mbpp"),
    ],
)
def test_bad_rows_are_named(tmp_path, name, row, message):
    with pytest.raises(MissingInputError, match=message) as caught:
        BENCHMARKS[name].load(write_lines(tmp_path / "f.jsonl", [row]))
    assert "row 1" in caught.value.message and caught.value.hint


def test_training_data_is_always_decontaminated_against_the_original_problems():
    """Their files are available far more often; those of the larger sets are looked at where they are given."""
    assert [BENCHMARKS[name].same_problems_as for name in ("humaneval+", "mbpp+")] == ["humaneval", "mbpp"]
    assert [BENCHMARKS[name].same_problems_as for name in ("humaneval", "mbpp", "mbpp-sanitized")] == ["", "", ""]


def test_answers_too_large_to_cross_are_tested_in_the_programs_process(tmp_path):
    rows = [{**MBPP_ROW, "task_id": "Mbpp/255"}, MBPP_ROW]
    large, other = BENCHMARKS["mbpp+"].load(write_lines(tmp_path / "MbppPlus.jsonl", rows)).problems
    assert (large.mode, other.mode) == ("inproc", "split")
    assert "more than crosses" in large.mode_reason
