"""References that are known to pass: a score with them is the score without them, and a wrong one is found out."""

import json
from collections.abc import Sequence

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS, mbpp
from coma_cli.evaluation.scoring.expected_outputs import AnswerFinder, Answers, FoundAnswers, published, stages_of
from coma_cli.evaluation.scoring.limits import reference_limits
from coma_cli.evaluation.scoring.reference_cache import DRAWN, ReferenceCache, reference_key
from coma_cli.evaluation.scoring.references import ReferenceCheck
from coma_cli.evaluation.scoring.settings import ScoreSettings
from coma_cli.jsonl import read_rows
from coma_cli.records import Problem
from coma_cli.sandbox import Sandbox, probe_isolation
from coma_cli.sandbox.contract import Mode
from coma_cli.sandbox.identity import identity
from tests.catalog.benchmarks.plus_rows import PLUS_ROW
from tests.evaluation.sampled import HUMANEVAL, right
from tests.evaluation.score_command import Coma
from tests.support.files import write_lines

PROBLEMS = HUMANEVAL[:9]
VOLATILE = {"programs_per_s"}


@pytest.fixture
def coma(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COMA_CACHE", str(tmp_path / "cache"))
    return Coma(tmp_path, capsys)


@pytest.fixture
def base(tmp_path):
    rows = [{"task_id": p.task_id, "completion": text} for p in PROBLEMS for text in (right(p), "    return 7\n")]
    return ("--bench", "humaneval", "--samples", write_lines(tmp_path / "s.jsonl", rows))


def references(coma: Coma) -> list[dict[str, object]]:
    """The rows of the newest run without what differs between runs."""
    artifact = coma.workspace.newest("score")
    rows = read_rows(artifact.file("references.jsonl"))
    return [{name: value for name, value in row.items() if not name.endswith("cpu_s")} for row in rows]


def work_done(coma: Coma) -> int:
    return coma.workspace.newest("score").manifest["work"]["done_since_start"]


def test_a_second_score_runs_five_references_and_is_the_same(coma, base):
    found = []
    for name in ("cold", "warm"):
        summary = coma(*base, "--name", name)
        found.append((references(coma), coma.workspace.newest("score").content_sha256))
        found[-1] += ({key: value for key, value in summary.items() if key not in VOLATILE},)
        assert work_done(coma) == len(PROBLEMS) * (name == "cold") + DRAWN * (name == "warm") + 2 * len(PROBLEMS)
    assert found[0] == found[1]


def test_what_has_run_references_judges_no_sample(coma, base, monkeypatch):
    replaced = []
    real = Sandbox.replace_pairs
    monkeypatch.setattr(Sandbox, "replace_pairs", lambda self: replaced.append(self.zygote_pids) or real(self))
    coma(*base)
    assert len(replaced) == 1 and replaced[0]
    coma(*base)  # everything is known, so nothing has run a reference
    assert len(replaced) == 1


def test_checking_references_runs_all_of_them_each_time(coma, base):
    coma(*base)
    for name in ("first", "second"):
        summary = coma("--bench", "humaneval", "--check-references", "--name", name)
        assert summary["programs_run"] == work_done(coma) == 164
    coma(*base, "--seed", 1)
    assert work_done(coma) == DRAWN + 2 * len(PROBLEMS)


@pytest.mark.parametrize(
    "change",
    [("--memory", 512), ("--timeout", 2), ("--mode", "inproc"), ("--allow-fork",), ("--isolation", "landlock")],
)
def test_under_other_conditions_nothing_is_known(coma, base, change):
    coma(*base)
    coma(*base, *change)
    assert work_done(coma) == len(PROBLEMS) + 2 * len(PROBLEMS)


def test_a_cache_that_can_not_be_written_changes_nothing(coma, base, tmp_path):
    (tmp_path / "cache").write_text("a file is in the way")
    for name in ("a", "b"):
        assert coma(*base, "--name", name)["verdicts"]["pass"] == len(PROBLEMS)
        assert work_done(coma) == len(PROBLEMS) + 2 * len(PROBLEMS)


def test_a_damaged_cache_is_made_again(coma, base, tmp_path):
    coma(*base, "--name", "a")
    (kept,) = (tmp_path / "cache" / "references").iterdir()
    kept.write_bytes(kept.read_bytes()[:-9])
    for name, runs in (("b", len(PROBLEMS)), ("c", DRAWN)):
        coma(*base, "--name", name)
        assert work_done(coma) == runs + 2 * len(PROBLEMS)


def key_of(*parts: Problem) -> str:
    """The key of a problem's reference under the default settings."""
    return reference_key(parts, lambda part: reference_limits(ScoreSettings(), part), "split")


def known_as(problems: Sequence[Problem], mode: Mode = "split") -> ReferenceCache:
    """A cache that takes the references of these problems for passing."""
    keys = {p.task_id: key_of(p) for p in problems}
    cache = ReferenceCache(problems[0].bench, identity(probe_isolation()))
    cache.keep(keys, {task_id: ReferenceCheck(task_id=task_id, mode=mode, verdict="pass") for task_id in keys})
    assert len(cache.known(keys)) == len(problems)
    return cache


MBPP_ROW = {
    "text": "Write a function to double a number.",
    "code": "def double(x):\n    return 2 * x",
    "task_id": 11,
    "test_setup_code": "",
    "test_list": ["assert double(2) == 4"],
    "challenge_test_list": [],
}


def test_a_drawn_reference_that_fails_has_the_benchmark_run_again(coma, tmp_path):
    broken = {**MBPP_ROW, "task_id": 12, "code": "def double(x):\n    return x"}
    data = write_lines(tmp_path / "mbpp.jsonl", [MBPP_ROW, broken])
    samples = write_lines(tmp_path / "s.jsonl", [{"task_id": n, "solution": MBPP_ROW["code"]} for n in (11, 12)])
    problems = BENCHMARKS["mbpp"].load(data).problems
    cache = known_as(problems)
    arguments = ("--bench", "mbpp", "--bench-data", data, "--samples", samples)
    said = coma(*arguments, "--strict-references", code=1)
    assert "running all of them" in said and "1 of 2 reference solutions of mbpp fail here (MBPP/12: fail" in said
    assert cache.known({p.task_id: key_of(p) for p in problems}).keys() == {"MBPP/11"}
    summary = coma(*arguments)
    assert summary["references"]["failed"] == ["MBPP/12"]


def test_a_drawn_reference_that_passes_otherwise_has_the_benchmark_run_again(coma, base):
    known_as(PROBLEMS, mode="inproc")
    summary = coma(*base)
    assert summary["inproc_problems"] == []
    assert {row["mode"] for row in references(coma)} == {"split"}
    assert work_done(coma) == DRAWN + len(PROBLEMS) + 2 * len(PROBLEMS)


def test_wrong_answers_in_the_cache_are_found_out_by_a_drawn_reference(coma, tmp_path):
    data = write_lines(tmp_path / "HumanEvalPlus.jsonl", [PLUS_ROW])
    samples = write_lines(tmp_path / "s.jsonl", [{"task_id": "HumanEval/2", "completion": "    return x / 2\n"}])
    arguments = ("--bench", "humaneval+", "--bench-data", data, "--samples", samples)
    first = coma(*arguments, "--name", "first")
    (problem,) = BENCHMARKS["humaneval+"].load(data).problems
    (kept,) = (tmp_path / "cache" / "expected-answers").iterdir()
    isolation = probe_isolation()
    finder = AnswerFinder(isolation, identity(isolation), lambda part: reference_limits(ScoreSettings(), part))
    finder.kept.write(kept.name, b"[9, 9]\n[9, 9]\n")
    assert finder.find([problem], lambda ran: None) == {"HumanEval/2": FoundAnswers(Answers("[9, 9]", "[9, 9]"))}
    stages = stages_of(problem, finder.find([problem], lambda ran: None))
    keys = {"HumanEval/2": key_of(*stages, *published(problem))}
    passed = ReferenceCheck(task_id="HumanEval/2", mode="split", verdict="pass")
    ReferenceCache("humaneval+", identity(isolation)).keep(keys, {"HumanEval/2": passed})
    again = coma(*arguments, "--name", "again")
    assert {**again, "programs_per_s": None} == {**first, "programs_per_s": None}
    assert kept.read_bytes().splitlines()[1:] == [b"[2.0, 0.5]", b"[1.75, 5e+29]"]


def test_a_resumed_run_with_known_references_ends_in_the_same_artifact(coma, base):
    coma(*base, "--name", "cold")
    whole = coma.workspace.newest("score").content_sha256
    coma(*base, "--name", "warm")
    artifact = coma.workspace.newest("score")
    for name, lines in (("references.jsonl", 3), ("verdicts.jsonl", 5)):
        path = artifact.path / name
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:lines]))
    (artifact.path / "manifest.json").unlink()
    coma(*base, "--name", "warm")
    assert coma.workspace.newest("score").content_sha256 == whole


# --- limits that follow from references ---

BURN = "def double(x, s={seconds}):\n    import time\n    while time.process_time() < s: pass\n    return 2 * x"


@pytest.fixture
def slow(tmp_path, monkeypatch):
    """MBPP with a limit of 0.3 s and a reference that takes 0.5; a right sample of 1 s, an endless and a quick one."""
    monkeypatch.setattr(mbpp, "CPU_LIMIT_S", 0.3)
    quick = {**MBPP_ROW, "task_id": 12}
    data = write_lines(tmp_path / "mbpp.jsonl", [{**MBPP_ROW, "code": BURN.format(seconds=0.5)}, quick])
    rows = [
        {"task_id": 11, "solution": BURN.format(seconds=1)},
        {"task_id": 11, "solution": "def double(x):\n    while True: pass"},
        {"task_id": 12, "solution": MBPP_ROW["code"]},
        {"task_id": 12, "solution": BURN.format(seconds=1)},
    ]
    samples = write_lines(tmp_path / "slow.jsonl", rows)
    return ("--bench", "mbpp", "--bench-data", data, "--samples", samples)


def limits_in(coma: Coma) -> dict[object, object]:
    return {row["task_id"]: row["stage_limits_s"] for row in references(coma)}


@pytest.mark.slow
def test_a_right_answer_may_take_four_times_as_long_as_a_slow_reference(coma, slow):
    coma(*slow, "--name", "cold")
    found = {(v["task_id"], v["index"]): v["verdict"] for v in coma.verdicts()}
    assert found == {
        ("MBPP/11", 0): "pass",
        ("MBPP/11", 1): "timeout",
        ("MBPP/12", 0): "pass",
        ("MBPP/12", 1): "timeout",
    }
    limits = limits_in(coma)
    assert limits["MBPP/11"] in ([2.4], [4.8]) and limits["MBPP/12"] == [0.3]
    assert coma.workspace.newest("score").settings["memory_mb"] is None


@pytest.mark.slow
def test_limits_stay_those_of_the_first_measurement(coma, slow, tmp_path):
    coma(*slow, "--name", "cold")
    doubled = {task_id: [2 * limit for limit in limits] for task_id, limits in limits_in(coma).items()}
    cache = ReferenceCache("mbpp", identity(probe_isolation()))
    rows = json.loads(cache.entries.read(cache.name))
    for row in rows.values():  # as on a processor that was slower when it was measured
        row["stage_limits_s"] = [2 * limit for limit in row["stage_limits_s"]]
    cache.entries.write(cache.name, json.dumps(rows).encode())
    coma(*slow, "--name", "warm")
    assert limits_in(coma) == doubled
    artifact = coma.workspace.newest("score")
    (artifact.path / "manifest.json").unlink()
    cache.discard()
    coma(*slow, "--name", "warm")  # a resumed run measures nothing again
    assert limits_in(coma) == doubled


def test_a_timeout_that_is_given_holds_for_references_too(coma, slow):
    summary = coma(*slow, "--timeout", 0.3)
    assert summary["excluded"].keys() == {"MBPP/11"} and "timeout above 0.3 s" in summary["excluded"]["MBPP/11"]
    assert limits_in(coma)["MBPP/12"] == [0.3]


def test_a_slow_reference_of_a_plus_benchmark_runs_once(coma, tmp_path):
    burn = "    import time\n    end = time.process_time() + 0.6\n    while time.process_time() < end: pass\n"
    row = {**PLUS_ROW, "canonical_solution": f"{burn}{PLUS_ROW['canonical_solution']}", "base_input": [[4], [1]]}
    data = write_lines(tmp_path / "HumanEvalPlus.jsonl", [row])
    coma("--bench", "humaneval+", "--bench-data", data, "--check-references")
    (check,) = read_rows(coma.workspace.newest("score").file("references.jsonl"))
    assert all(took > 1.1 for took in check["stage_cpu_s"])  # two inputs each
    assert check["cpu_s"] < 0.5  # of the check, which got the answers of that run
    assert check["stage_limits_s"][0] >= 4 * check["stage_cpu_s"][0] and check["stage_limits_s"][1] == 60
