"""HumanEval+ and MBPP+ through `coma score`: references pass, mutants fail, base and plus have columns of their own."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.evaluation.score import STAGE
from tests.catalog.benchmarks.plus_rows import PLUS_ROW
from tests.evaluation.score_command import Coma
from tests.requirements import shared_data
from tests.support.files import write_lines

# Passes the two base inputs (4 and 1) and fails one of the plus inputs.
BASE_ONLY = "    return x / 2 if x < 10 else 0\n"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Expected answers are computed here and not found."""
    monkeypatch.setenv("COMA_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Expected answers are found once for both modes."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("mode", ["split", "inproc"])
def test_base_and_plus_have_columns_of_their_own(coma, tmp_path, capsys, mode):
    data = write_lines(tmp_path / "HumanEvalPlus.jsonl.gz", [PLUS_ROW])
    texts = ["    return x / 2\n", BASE_ONLY, "    return None\n", "    return x * 0.5\n", BASE_ONLY, "    a\0b\n"]
    path = write_lines(tmp_path / "s.jsonl", [{"task_id": "HumanEval/2", "completion": text} for text in texts])
    base = ("--bench", "humaneval+", "--bench-data", data, "--samples", path, "-k", "1,2", "--mode", mode)
    summary = coma(*base)
    assert summary["verdicts"]["pass"] == 2 and summary["base"]["verdicts"]["pass"] == 4
    assert summary["pass_at_k"]["1"]["value"] == pytest.approx(2 / 6)
    assert summary["base"]["pass_at_k"]["1"]["value"] == pytest.approx(4 / 6)
    rows = {row["index"]: (row["base"], row["verdict"]) for row in coma.verdicts()}
    whole, half, none = ("pass", "pass"), ("pass", "fail"), ("fail", "fail")
    assert rows == {0: whole, 1: half, 2: none, 3: whole, 4: half, 5: none}
    assert summary["programs_run"] == 3 * 2 + 1  # three programs pass to the second stage, one does not
    # Before them the reference for its answers, and in those of its three tests that these answers don't settle.
    checks = 1 if mode == "split" else 3
    assert coma.workspace.newest("score").manifest["work"]["done_since_start"] == 1 + checks + 3 * 2 + 1
    STAGE.show(summary)
    shown = " ".join(capsys.readouterr().out.split())
    assert "pass@1 base │ 66.67 %" in shown and "pass@1 base + plus │ 33.33 %" in shown


def test_a_resumed_run_ends_in_the_same_artifact(coma, tmp_path):
    data = write_lines(tmp_path / "HumanEvalPlus.jsonl", [PLUS_ROW])
    texts = ["    return x / 2\n", BASE_ONLY, "    return None\n", "    return x * 0.5\n"]
    path = write_lines(
        tmp_path / "s.jsonl", [{"task_id": "HumanEval/2", "solution": PLUS_ROW["prompt"] + t} for t in texts]
    )
    base = ("--bench", "humaneval+", "--bench-data", data, "--samples", path, "--name", "run")
    coma(*base)
    artifact = coma.workspace.newest("score")
    (artifact.path / "manifest.json").unlink()
    verdicts = artifact.path / "verdicts.jsonl"
    verdicts.write_bytes(b"".join(verdicts.read_bytes().splitlines(keepends=True)[:2]))
    coma(*base)
    again = coma.workspace.newest("score")
    assert again.content_sha256 == artifact.content_sha256
    assert again.manifest["work"]["done_since_start"] == 1 + 2


def test_a_published_test_that_the_reference_fails_stops_the_run(coma, tmp_path):
    data = write_lines(tmp_path / "HumanEvalPlus.jsonl", [PLUS_ROW])
    lies = "def check(candidate):\n    assert candidate(4) == 3\n"
    write_lines(tmp_path / "HumanEvalPlus-OriginFmt.jsonl", [{"task_id": "HumanEval/2", "test": lies}])
    said = coma("--bench", "humaneval+", "--bench-data", data, "--check-references", code=1)
    assert "1 of 1 reference solutions of humaneval+ fail here (HumanEval/2: fail AssertionError" in said


def test_mini_files_score_too(coma, tmp_path):
    row = {name: value for name, value in PLUS_ROW.items() if name != "test"}
    data = write_lines(tmp_path / "HumanEvalPlus-Mini.jsonl.gz", [row])
    summary = coma("--bench", "humaneval+", "--bench-data", data, "--check-references")
    assert summary["references"] == {"checked": 1, "passed": 1, "failed": []}


MUTANT = """{reference}

_reference = {name}
def {name}(*arguments):
    answer = _reference(*arguments)
    return {change}
"""
CHANGES = {
    "none": "None",
    "off by one": "answer + 1 if type(answer) in (int, float) else ([*answer, 0] if type(answer) is list else None)",
    "wrong type": "[answer]",
}


# EvalPlus's own rules let these pass: any answer at all (164), any answer but None (794).
FORGIVING = {"Mbpp/164", "Mbpp/794"}


# Problems whose answers split mode could not take once, by benchmark: they are too long, sizes in memory, or matches.
DIFFICULT = {"humaneval+": {"HumanEval/100", "HumanEval/130"}, "mbpp+": {"Mbpp/596", "Mbpp/794"}}
SLOW = {"HumanEval/130"}  # its reference alone takes four seconds
STEM = {"humaneval+": "HumanEvalPlus", "mbpp+": "MbppPlus"}


def published_rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(shared_data() / "evalplus" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def fixed_sample(bench: str, folder: Path) -> Path:
    """A release of every sixteenth problem and of those listed above, with the tests published beside it."""
    rows = published_rows(STEM[bench])
    kept = [row for n, row in enumerate(rows) if n % 16 == 0 or row["task_id"] in (DIFFICULT[bench] | FORGIVING) - SLOW]
    write_lines(folder / f"{STEM[bench]}.jsonl", kept)
    write_lines(folder / f"{STEM[bench]}-OriginFmt.jsonl", published_rows(f"{STEM[bench]}-OriginFmt"))
    return folder


def references_and_mutants(coma: Coma, folder: Path, bench: str, data: Path, mode: str) -> int:
    """Score three mutants of each reference; how many problems there are, all of whose references have passed."""
    rows = [
        {"task_id": p.task_id, "solution": MUTANT.format(reference=p.reference, name=p.entry_point, change=change)}
        for p in BENCHMARKS[bench].load(data).problems
        for change in CHANGES.values()
    ]
    path = write_lines(folder / "s.jsonl", rows)
    summary = coma("--bench", bench, "--bench-data", data, "--samples", path, "--mode", mode, "--protocol", "as-is")
    problems = len(rows) // len(CHANGES)
    assert summary["references"] == {"checked": problems, "passed": problems, "failed": []}
    if mode == "split":
        assert summary["inproc_problems"] == []
    passed = {(row["task_id"], list(CHANGES)[row["index"]]) for row in coma.verdicts() if row["verdict"] == "pass"}
    assert summary["samples"] == len(rows)
    assert {task for task, _ in passed} <= FORGIVING, passed
    return problems


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["split", "inproc"])
@pytest.mark.parametrize(("bench", "problems"), [("humaneval+", 7), ("mbpp+", 15)])
def test_references_pass_all_that_is_published_and_no_mutant_does(
    coma, cache, monkeypatch, tmp_path, mode, bench, problems
):
    monkeypatch.setenv("COMA_CACHE", str(cache))
    data = fixed_sample(bench, tmp_path)
    assert references_and_mutants(coma, tmp_path, bench, data, mode) == problems


@pytest.mark.soak
@pytest.mark.parametrize("mode", ["split", "inproc"])
@pytest.mark.parametrize(("bench", "problems"), [("humaneval+", 82), ("mbpp+", 196)])
def test_every_reference_passes_all_that_is_published_and_no_mutant_does(
    coma, cache, monkeypatch, tmp_path, mode, bench, problems
):
    monkeypatch.setenv("COMA_CACHE", str(cache))
    data = shared_data() / "evalplus"
    assert references_and_mutants(coma, tmp_path, bench, data, mode) == problems
