import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.errors import MissingInputError, UsageError
from coma_cli.evaluation.scoring.sample_files import (
    Skipped,
    TaskIds,
    read_candidates,
    read_run_candidates,
    sample_paths,
)
from tests.evaluation.sampled import HUMANEVAL, sample
from tests.requirements import shared_data
from tests.support.files import write_lines


def read(*paths, problems=HUMANEVAL, prefix="HumanEval"):
    skipped = Skipped()
    return list(read_candidates(paths, problems, prefix, skipped)), skipped


@pytest.mark.parametrize("name", ["s.jsonl", "s.jsonl.gz", "packed-under-another-name.jsonl"])
def test_human_evals_form_numbers_the_samples_of_each_problem(tmp_path, name):
    rows = [{"task_id": f"HumanEval/{n % 2}", "completion": f"    return {n}\n"} for n in range(4)]
    path = write_lines(tmp_path / name, rows)
    if name.startswith("packed"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    candidates, skipped = read(path)
    assert [(c.task_id, c.index, c.text, c.whole) for c in candidates] == [
        ("HumanEval/0", 0, "    return 0\n", False),
        ("HumanEval/1", 0, "    return 1\n", False),
        ("HumanEval/0", 1, "    return 2\n", False),
        ("HumanEval/1", 1, "    return 3\n", False),
    ]
    assert set(skipped.counts().values()) == {0}


def test_evalplus_and_codecapybara_rows(tmp_path):
    path = write_lines(
        tmp_path / "s.jsonl",
        [
            {"task_id": "HumanEval/0", "solution": "def f(): pass", "_identifier": "HumanEval/0 0"},
            {"task_id": 7, "trg_prediction": "def g(): pass", "rank": 0},
            {"task_id": "HumanEval/7", "completion": "x", "index": 99},
        ],
    )
    candidates, _ = read(path)
    assert [(c.task_id, c.index, c.whole) for c in candidates] == [
        ("HumanEval/0", 0, True),
        ("HumanEval/7", 0, False),
        ("HumanEval/7", 1, False),
    ]


def test_bigcodes_lists_follow_the_order_of_the_benchmark(tmp_path):
    path = tmp_path / "generations.json"
    path.write_text(json.dumps([["a", "b"], [], *[["c"]] * 162]))
    candidates, _ = read(path)
    assert [(c.task_id, c.index, c.text, c.whole, bool(c.missing)) for c in candidates[:4]] == [
        ("HumanEval/0", 0, "a", True, False),
        ("HumanEval/0", 1, "b", True, False),
        ("HumanEval/1", 0, "", True, True),
        ("HumanEval/2", 0, "c", True, False),
    ]
    assert [c.task_id for c in candidates[3:]] == [f"HumanEval/{n}" for n in range(2, 164)]


def test_an_array_of_rows_is_read_like_lines(tmp_path):
    path = tmp_path / "s.json.gz"
    path.write_bytes(gzip.compress(json.dumps([{"task_id": "HumanEval/3", "completion": "x"}, 7]).encode()))
    candidates, skipped = read(path)
    assert [c.task_id for c in candidates] == ["HumanEval/3"]
    assert skipped.counts()["corrupt_lines"] == 1
    path.write_text("[1, 2")
    with pytest.raises(MissingInputError, match="not a whole JSON array"):
        read(path)


def test_several_files_and_folders_are_one_set_of_samples(tmp_path):
    rows = [{"task_id": "HumanEval/0", "completion": "x"}]
    write_lines(tmp_path / "generation_1.jsonl", rows)
    write_lines(tmp_path / "generation_0.jsonl.gz", rows)
    write_lines(tmp_path / "generation_0.jsonl_results.jsonl", [{**rows[0], "passed": True}])
    (tmp_path / "notes.txt").write_text("no samples")
    paths = sample_paths(tmp_path)
    assert [p.name for p in paths] == ["generation_0.jsonl.gz", "generation_1.jsonl"]
    assert [c.index for c in read(*paths)[0]] == [0, 1]


def test_no_file_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(MissingInputError, match="no sample file or folder"):
        sample_paths(tmp_path / "nothing")
    with pytest.raises(MissingInputError, match="holds no sample file"):
        sample_paths(tmp_path)


def test_what_can_not_be_scored_is_named_and_counted(tmp_path):
    path = tmp_path / "s.jsonl"
    good = json.dumps({"task_id": "HumanEval/0", "completion": "x"})
    lines = [
        good,
        "{broken",
        "[]",
        json.dumps({"task_id": "HumanEval/0"}),
        json.dumps({"task_id": "HumanEval/0", "completion": None}),
        json.dumps({"task_id": "HumanEval/0", "completion": ["x"]}),
        json.dumps({"task_id": "HumanEval/999", "completion": "x"}),
        json.dumps({"completion": "x"}),
        "",
        good,
        good[:-5],
    ]
    path.write_text("\n".join(lines))
    candidates, skipped = read(path)
    assert [(c.index, c.text, bool(c.missing)) for c in candidates] == [
        (0, "x", False),
        (1, "", True),
        (2, "", True),
        (3, "x", False),
        (4, "x", False),
    ]
    assert skipped.counts() == {"corrupt_lines": 3, "rows_without_task_id": 1, "unknown_task_ids": 1}
    said = "\n".join(skipped.messages())
    assert f"{path}:2: not valid JSON" in said and "HumanEval/999" in said and "s.jsonl, row 8" in said


def test_own_rows_keep_their_index_and_temperature(tmp_path):
    rows = [sample("HumanEval/0", i, "x", t).to_row() for i in (3, 5) for t in (0.2, 0.8)]
    candidates, _ = read(write_lines(tmp_path / "s.jsonl", rows))
    assert [(c.index, c.temperature) for c in candidates] == [(3, 0.2), (3, 0.8), (5, 0.2), (5, 0.8)]
    with pytest.raises(UsageError, match=r"HumanEval/0\|0\.2\|3, which is a duplicate"):
        read(write_lines(tmp_path / "twice.jsonl", [rows[0], rows[1], rows[0]]))


def test_samples_that_failed_to_be_generated_are_failed_samples(tmp_path):
    rows = [sample("HumanEval/0", 0, "x"), sample("HumanEval/0", 1, "", finish_reason="error", error="no memory")]
    path = write_lines(tmp_path / "samples.jsonl", [row.to_row() for row in rows])
    skipped = Skipped()
    for candidates in (list(read_run_candidates(path, skipped)), read(path)[0]):
        assert [(c.index, c.missing) for c in candidates] == [(0, ""), (1, "generating it failed: no memory")]
    assert not any(skipped.counts().values())


@pytest.mark.parametrize(
    "content",
    [
        [{"task_id": "HumanEval/1", "completion": ["a", None, "b"]}],
        {"HumanEval/1": ["a", None, "b"]},
        {"1": ["a", None, "b"]},
        [{"doc_id": 1, "doc": {"task_id": "HumanEval/1"}, "resps": [["a", None, "b"]], "pass@1": 1.0}],
        [{"doc_id": 1, "doc": {"task_id": "HumanEval/1"}, "resps": [["a"], [None], ["b"]]}],
    ],
    ids=["list of completions", "object by task", "object by number", "lm-eval", "lm-eval, one list each"],
)
def test_several_completions_in_a_row(tmp_path, content):
    path = tmp_path / "s.json"
    path.write_text(json.dumps(content, indent=1))
    candidates, skipped = read(path)
    assert [(c.task_id, c.index, c.text, bool(c.missing)) for c in candidates] == [
        ("HumanEval/1", 0, "a", False),
        ("HumanEval/1", 1, "", True),
        ("HumanEval/1", 2, "b", False),
    ]
    assert not any(skipped.counts().values())


def test_a_folder_of_a_folder_per_problem_holds_whole_programs(tmp_path):
    for task, number in (("HumanEval_53", 0), ("HumanEval_53", 10), ("HumanEval_53", 2), ("HumanEval_2", 0)):
        (tmp_path / task).mkdir(exist_ok=True)
        (tmp_path / task / f"{number}.py").write_text(f"# {number}\n")
    assert sample_paths(tmp_path) == (tmp_path,)
    candidates, _ = read(tmp_path)
    assert [(c.task_id, c.index, c.text, c.whole) for c in candidates] == [
        ("HumanEval/2", 0, "# 0\n", True),
        ("HumanEval/53", 0, "# 0\n", True),
        ("HumanEval/53", 1, "# 2\n", True),
        ("HumanEval/53", 2, "# 10\n", True),
    ]


@pytest.mark.parametrize("lists", [1, 163, 165])
def test_lists_without_ids_have_to_be_as_many_as_the_problems(tmp_path, lists):
    path = tmp_path / "generations.json"
    path.write_text(json.dumps([["x"]] * lists))
    with pytest.raises(UsageError, match=f"{lists} lists without task ids, the benchmark 164 problems"):
        read(path)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("HumanEval/7", "HumanEval/7"),
        ("humaneval/7", "HumanEval/7"),
        ("HumanEval+/7", "HumanEval/7"),
        ("HumanEvalPlus/7", "HumanEval/7"),
        ("HumanEval_7_below_zero", "HumanEval/7"),
        (7, "HumanEval/7"),
        ("7", "HumanEval/7"),
        ("Mbpp/7", None),
        ("HumanEval/164", None),
        ("HumanEval/", None),
        (None, None),
        (7.0, None),
        (["HumanEval/7"], None),
        ("9" * 5000, None),
    ],
)
def test_task_ids_are_found_under_the_names_that_others_use(given, found):
    assert TaskIds(HUMANEVAL, "HumanEval").find(given) == found


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.lists(st.text())))
def test_any_task_id_is_one_of_the_benchmark_or_none(value):
    found = TaskIds(HUMANEVAL, "HumanEval").find(value)
    assert found is None or found in {p.task_id for p in HUMANEVAL}


def test_ids_of_a_benchmark_of_ones_own_are_matched_exactly():
    problems = [p.model_copy(update={"task_id": f"mine/{n}"}) for n, p in enumerate(HUMANEVAL[:2])]
    ids = TaskIds(problems, "HumanEval")
    assert ids.find("mine/1") == "mine/1" and ids.find("1") is None and ids.find("HumanEval/1") is None


def test_upstreams_example_samples(tmp_path):
    folder = shared_data() / "humaneval"
    problem = HUMANEVAL[0].model_copy(update={"task_id": "test/0"})
    candidates, skipped = read(folder / "example_samples.jsonl", problems=[problem])
    assert [c.index for c in candidates] == list(range(6)) and set(skipped.counts().values()) == {0}
