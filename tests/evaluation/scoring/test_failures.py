"""The programs that failed are kept: each under its sample, with the test and the values, whatever the order."""

import pytest

from coma_cli.corpus.extraction.programs import source_sha256
from coma_cli.evaluation.scoring.failures import (
    FAILURES,
    PROGRAM_MAX,
    FailedPrograms,
    FailedSamples,
    choose,
    cut_program,
)
from coma_cli.jsonl import read_rows
from coma_cli.records import Verdict
from tests.evaluation.sampled import HUMANEVAL, right
from tests.support.files import write_lines

WRONG = "    return None\n"


def failures(coma):
    return list(read_rows(coma.workspace.newest("score").path / FAILURES))


def test_each_failed_sample_has_its_program_test_and_values(coma, tmp_path):
    rows = [{"task_id": p.task_id, "completion": text} for p in HUMANEVAL[:2] for text in (right(p), WRONG, WRONG)]
    rows.append({"task_id": HUMANEVAL[2].task_id, "completion": None})
    rows.append({"task_id": HUMANEVAL[3].task_id, "completion": "    return '\\ud800' # \ud800\n"})
    path = write_lines(tmp_path / "s.jsonl", rows)
    summary = coma("--bench", "humaneval", "--samples", path, "--explain")
    assert summary["failures"] == {"file": FAILURES, "kept": 6, "failed": 6}
    found = {row["sample"]: row for row in failures(coma)}
    assert list(found) == [f"{p.task_id}|-|{n}" for p in HUMANEVAL[:2] for n in (1, 2)] + [
        "HumanEval/2|-|0",
        "HumanEval/3|-|0",
    ]
    first = found["HumanEval/0|-|1"]
    assert first["test"] == "assert candidate([1.0, 2.0, 3.9, 4.0, 5.0, 2.2], 0.3) == True"
    assert first["call"] == "has_close_elements([1.0, 2.0, 3.9, 4.0, 5.0, 2.2], 0.3)"
    assert (first["expected"], first["actual"], first["verdict"]) == ("True", "None", "fail")
    assert first["program"] == HUMANEVAL[0].prompt_code + WRONG
    assert source_sha256(first["program"]) == first["program_sha256"] and not first["program_cut"]
    assert found["HumanEval/2|-|0"]["verdict"] == "no-answer" and found["HumanEval/2|-|0"]["program"] == ""
    assert "\ud800" in found["HumanEval/3|-|0"]["program"]
    named = {key for table in summary["explanation"]["causes"] for key in table["examples"].values()}
    assert named <= found.keys()


def test_they_are_the_same_whatever_the_order_and_after_a_kill(coma, tmp_path):
    rows = [
        {"task_id": p.task_id, "completion": text} for p in HUMANEVAL[:6] for text in (WRONG, right(p), f"#\n{WRONG}")
    ]
    base = ("--bench", "humaneval", "--samples", write_lines(tmp_path / "s.jsonl", rows), "--name", "run")
    coma(*base, "--keep-failures", "7")
    artifact = coma.workspace.newest("score")
    kept = (artifact.path / FAILURES).read_bytes()
    assert kept.count(b"\n") == 7
    (artifact.path / "manifest.json").unlink()
    (artifact.path / FAILURES).unlink()
    lines = (artifact.path / "verdicts.jsonl").read_bytes().splitlines(keepends=True)
    (artifact.path / "verdicts.jsonl").write_bytes(b"".join(reversed(lines[4:])))
    coma(*base, "--keep-failures", "7", "--workers", "1")
    assert (artifact.path / FAILURES).read_bytes() == kept
    assert coma.workspace.newest("score").content_sha256 == artifact.content_sha256


def test_how_many_are_kept_may_change_later_and_is_no_part_of_the_content(coma, tmp_path):
    rows = [{"task_id": p.task_id, "completion": WRONG} for p in HUMANEVAL[:3] for _ in range(3)]
    base = ("--bench", "humaneval", "--samples", write_lines(tmp_path / "s.jsonl", rows), "--name", "run")
    coma(*base)
    content = coma.workspace.newest("score").content_sha256
    for most, kept in ((4, 4), (0, 0), (2000, 9)):
        summary = coma(*base, "--keep-failures", most)
        assert summary["programs_run"] == 0 and coma.workspace.newest("score").content_sha256 == content
        if most:
            assert summary["failures"] == {"file": FAILURES, "kept": kept, "failed": 9}
            assert len(failures(coma)) == kept
        else:
            assert summary["failures"] is None and not (coma.workspace.newest("score").path / FAILURES).exists()


def test_of_many_failures_each_problem_keeps_its_first_ones():
    keys = [f"T/{task}|0.2|{index}|{protocol}" for task in (2, 10) for index in range(9) for protocol in ("a", "b")]
    assert choose(keys, 100) == sorted(choose(reversed(keys), 100), key=keys.index) == keys
    assert choose(reversed(keys), 5) == [
        "T/2|0.2|0|a",
        "T/2|0.2|0|b",
        "T/2|0.2|1|a",
        "T/10|0.2|0|a",
        "T/10|0.2|0|b",
    ]
    assert choose(keys, 0) == []


def verdict(index, name="fail", **fields):
    values = {"task_id": "T/1", "temperature": None, "index": index, "protocol": "default", "verdict": name}
    return Verdict(**values, **fields)


def test_the_last_verdict_of_a_sample_counts():
    rows = [verdict(0, "error", runner_crash=True), verdict(1), verdict(0, "pass"), verdict(2, "pass"), verdict(2)]
    failed = FailedSamples()
    assert list(failed.noting(rows)) == rows
    assert [row.index for row in failed.chosen(5, lambda: pytest.fail("not to be read again"))] == [1, 2]


def test_programs_are_remembered_up_to_a_number_and_a_length(tmp_path):
    programs = FailedPrograms(2)
    for name in ("x", "y", "z"):
        programs.add("T/1", name, name * (PROGRAM_MAX + 1))
    assert programs.find(verdict(0, program_sha256="x")) == ("x" * PROGRAM_MAX, True) == cut_program("x" * 10**6)
    assert programs.find(verdict(0, program_sha256="z")) is None
    assert programs.find(verdict(0)) == ("", False)
    write_lines(
        tmp_path / FAILURES, [{"task_id": "T/1", "program_sha256": "z", "program": "pass", "program_cut": False}]
    )
    programs.recall(tmp_path / FAILURES)
    assert programs.find(verdict(0, program_sha256="z")) == ("pass", False)
