"""`coma compare` from its command line, on real sample files scored in the real sandbox and on finished runs."""

import json

import pytest

from coma_cli.catalog.benchmarks.held_out import problem_of
from coma_cli.workspace import Workspace
from tests.evaluation.sampled import HUMANEVAL, right, sample, sample_run
from tests.evaluation.scored import passing, score_run
from tests.support.command import run_coma
from tests.support.files import write_lines

EVIL = "\x1b]0;owned\x07"


@pytest.fixture
def compared(workspace_root, capsys, tmp_path, monkeypatch):
    """Runs the command; the parsed object, or what was said if it exits otherwise."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, code=0):
        assert run_coma(["compare", "-w", workspace_root, "--json", *arguments]) == code
        out, said = capsys.readouterr()
        assert "Traceback" not in said
        return said if code else json.loads(out)

    return run


def completions(path, passes):
    """A file of completions of the first problems; a row of no known problem is among them."""
    rows = [
        {"task_id": p.task_id, "completion": right(p) if passed else f"    return {EVIL!r}\n"}
        for p, passed in zip(HUMANEVAL, passes, strict=False)
    ]
    return write_lines(path, [*rows, {"task_id": f"{EVIL}P/1", "completion": ""}])


def test_sample_files_are_scored_once_and_compared(compared, workspace_root, tmp_path, capsys):
    completions(tmp_path / "a.jsonl", [True, False, False, True])
    completions(tmp_path / "b.jsonl", [True, True, True, False])
    first = compared("a.jsonl", "b.jsonl", "--bench", "humaneval")
    (pair,) = first["comparisons"][0]["pairs"]
    assert [flip["task_id"] for flip in pair["won"]] == ["HumanEval/1", "HumanEval/2"]
    assert [flip["task_id"] for flip in pair["lost"]] == ["HumanEval/3"]
    (one,) = pair["measures"]
    assert (one["first"], one["second"], one["won"], one["lost"], one["p"]) == (0.5, 0.75, 2, 1, 1.0)
    runs = Workspace(workspace_root).finished("score")
    assert {run.name for run in runs} == {run["name"] for run in first["runs"]} and len(runs) == 2
    assert compared("a.jsonl", "b.jsonl", "--bench", "humaneval") == first
    assert Workspace(workspace_root).finished("score") == runs, "the second call finds them done"
    assert compared(*(run.name for run in reversed(runs)))["comparisons"] != []
    assert run_coma(["compare", "-w", workspace_root, "a.jsonl", "b.jsonl", "--bench", "humaneval"]) == 0
    out, said = capsys.readouterr()
    assert "b.jsonl wins 2 problems: HumanEval/1, HumanEval/2" in out.replace("\n", " ").replace("  ", " ")
    assert not {"\x1b", "\x07"} & {*out, *said}


def test_the_same_file_twice_and_files_of_no_benchmark_are_refused(compared, tmp_path):
    completions(tmp_path / "a.jsonl", [True])
    (tmp_path / "b.jsonl").write_bytes((tmp_path / "a.jsonl").read_bytes())
    assert "Samples from a file need the benchmark's name." in compared("a.jsonl", "b.jsonl", code=2)
    assert "are the same score run" in compared("a.jsonl", "b.jsonl", "--bench", "humaneval", code=2)
    (tmp_path / "none.jsonl").write_text('{"task_id": "P/1", "completion": "x"}\n')
    assert "No sample of humaneval in none.jsonl" in compared("a.jsonl", "none.jsonl", "--bench", "humaneval", code=3)


def test_held_out_rows_of_a_sample_run_are_measured_and_compared(compared, workspace_root):
    lines = [f"return value_{number}" for number in range(12)]
    rows = {"task": "line-completion", "instruction": "Go on.", "language": "python"}
    problems = [problem_of({"id": f"row-{n}", "output": line, **rows}) for n, line in enumerate(lines)]
    for name, known in (("base", 2), ("tuned", 11)):
        given = [sample(f"row-{n}", 0, line if n < known else "no", 0.0) for n, line in enumerate(lines)]
        sample_run(workspace_root, given, problems, name=name, bench="validation", model=name)
    (pair,) = compared("base", "tuned")["comparisons"][0]["pairs"]
    measures = {one["measure"]: one for one in pair["measures"]}
    assert set(measures) == {"exact-match", "edit-similarity"}
    assert measures["exact-match"]["result"] == "better" and measures["exact-match"]["task"] == "line-completion"
    assert (measures["exact-match"]["won"], measures["exact-match"]["test"]) == (9, "mcnemar")
    assert len(pair["won"]) == 9 and pair["won"][0]["task"] == "line-completion"
    score_run(workspace_root, "other", passing(1))
    assert "can't be compared with pass@k" in compared("base", "other", code=2)
    for name in ("base", "tuned"):
        (workspace_root / "sample" / name / "problems.jsonl").unlink()
    runs = [run.name for run in Workspace(workspace_root).finished("score") if run.name != "other"]
    assert "and with them the held-out rows" in compared(*runs, code=3)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["a"], 2, "Two or more runs are compared, not one."),
        (["a", "a"], 2, "a and a are the same score run"),
        (["a", "absent"], 3, "absent is not a file, folder or finished score run"),
        (["a", "killed"], 3, "killed is an unfinished run of coma score"),
        (["a", "b", "-k", "1,x"], 2, "-k takes whole numbers from 1, not '1,x'"),
        (["a", "b", "-k", "2"], 2, "a and b have no pass@2 in common"),
        (["a", "b", "--margin", "0"], 2, "--margin is 0;"),
        (["a", "b", "--margin", "nan"], 2, "--margin is nan;"),
        (["a", "b", "--bench", "mbpp"], 2, "a is a run of humaneval, not of mbpp"),
        (["a", "as-is"], 2, "protocols: a: default; as-is: as-is"),
    ],
)
def test_what_can_not_be_compared_is_refused_with_the_reason(compared, workspace_root, arguments, code, said):
    score_run(workspace_root, "a", passing(1))
    score_run(workspace_root, "b", passing(2))
    score_run(workspace_root, "as-is", passing(2), protocols=("as-is",))
    score_run(workspace_root, "killed", passing(1), finish=False)
    assert said in compared(*arguments, code=code)


def test_what_is_refused_is_compared_anyway(compared, workspace_root):
    score_run(workspace_root, "a", passing(1))
    score_run(workspace_root, "as-is", passing(2), protocols=("as-is",))
    comparison = compared("a", "as-is", "--anyway", "--margin", "30", "--seed", "3")["comparisons"][0]
    assert comparison["differs"] == [
        {"what": "protocols", "values": {"a": "default", "as-is": "as-is"}, "refused": True}
    ]
    assert comparison["protocols"] == ["default", "as-is"]
    assert comparison["pairs"][0]["measures"][0]["equivalent"]


def test_samples_of_a_benchmark_of_ones_own(compared, tmp_path):
    tests = [{"task_id": f"T/{n}", "prompt": "Write f.", "tests": f"assert f() == {n}"} for n in range(2)]
    write_lines(tmp_path / "own.jsonl", tests)
    for name, answer in (("a", 0), ("b", 1)):
        rows = [{"task_id": f"T/{n}", "completion": f"def f():\n    return {answer}\n"} for n in range(2)]
        write_lines(tmp_path / f"{name}.jsonl", rows)
    found = compared("a.jsonl", "b.jsonl", "--bench", "own.jsonl")
    (pair,) = found["comparisons"][0]["pairs"]
    assert [[flip["task_id"] for flip in pair[which]] for which in ("won", "lost")] == [["T/1"], ["T/0"]]
    again = compared(*(run["name"] for run in found["runs"]), "--bench", "own.jsonl")
    assert again["comparisons"][0]["pairs"][0]["won"] == pair["won"]


def test_an_empty_workspace(compared):
    assert "there is no finished score run in" in compared("a", "b", code=3)
