"""The harness that runs hostile cases: any folder of the documented form, its own tasks, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coma_cli.sandbox import proctree
from tests.requirements import ROOT
from tests.sandbox import case_runner
from tests.sandbox.cases import CaseFolder, CaseFolderError, read_folder
from tests.sandbox.run_cases import run_cases
from tests.support.files import write_lines

HALF = {
    "task_id": "Own/half",
    "format": "humaneval",
    "entry_point": "half",
    "prompt": 'def half(x):\n    """Half of x."""\n',
    "canonical_solution": "    return x / 2\n",
    "test": "def check(candidate):\n    assert candidate(3) == 1.5\n",
}
TWICE = {
    "task_id": "Own/twice",
    "format": "mbpp",
    "text": "Write a function to double a number.",
    "code": "def plus(a, b):\n    return a + b\n\n\ndef twice(x):\n    return plus(x, x)\n",
    "test_setup_code": "",
    "test_list": ["assert twice(4) == 8"],
}


def case(name: str, kind: str = "legit", *, program: str = "", verdict: str = "pass", **fields: object) -> dict:
    """A case with one verdict that counts as right; a whole program unless it names a task."""
    answer = fields if "task_id" in fields else {"format": "program", "program": program, **fields}
    common = {
        "id": name,
        "class": kind,
        "expected_verdict": verdict,
        "accept": [verdict],
        "level": "base",
        "checks": [],
    }
    return {**common, **answer}


def own(name: str, completion: str, **fields: object) -> dict:
    """An answer to the first task."""
    return case(name, format="humaneval", task_id="Own/half", completion=completion, **fields)


def write_folder(path: Path, cases: list[dict], tasks: list[dict] | None = None) -> CaseFolder:
    path.mkdir(exist_ok=True)
    write_lines(path / "cases.jsonl", cases)
    if tasks is not None:
        write_lines(path / "tasks.jsonl", tasks)
    return read_folder(path)


def test_a_folder_is_run_with_its_own_tasks(tmp_path: Path) -> None:
    path = str(tmp_path / "planted")
    cases = [
        own("right", "    return x / 2\n", checks=[{"kind": "peers_unaffected"}]),
        own("wrong", "    return x\n", verdict="fail"),
        own("not as expected", "    return x\n"),
        case("mbpp", format="mbpp", task_id="Own/twice", solution="def twice(x):\n    return x + x\n", after="right"),
        case(
            "script", program=f"open({path!r}, 'w')\n", verdict="fail", checks=[{"kind": "path_absent", "path": path}]
        ),
        case("needy", program="import no_such_package\n", needs=["json", "no_such_package"]),
    ]
    folder = write_folder(tmp_path / "own", cases, [HALF, TWICE])
    results, end = run_cases(folder, list(folder.cases), "--cpu", "2", "--settle", "0.1")
    assert {name: result["verdict"] for name, result in results.items()} == {
        "right": "pass",
        "wrong": "fail",
        "not as expected": "fail",
        "mbpp": "pass",
        "script": "fail",
    }
    assert {name for name, result in results.items() if result["failures"]} == {"not as expected"}
    assert end["left"] == []


def test_whole_programs_need_no_tasks(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "own", [case("script", program="assert __name__ == '__main__'\n")])
    results, _ = run_cases(folder, ["script"], "--settle", "0.1")
    assert results["script"]["failures"] == []


def test_a_run_of_nothing_is_no_success(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "own", [case("needy", program="pass", needs=["no_such_package"])])
    with pytest.raises(AssertionError, match="none of needy can run here"):
        run_cases(folder, ["needy"])
    with pytest.raises(AssertionError, match="no case is selected"):
        run_cases(folder, [])


@pytest.mark.parametrize(
    ("cases", "tasks", "message"),
    [
        (None, None, "there is no .*cases.jsonl"),
        ([], None, "holds no case"),
        ([{"id": "x"}], None, r"cases\.jsonl:1: no field accept, checks, class"),
        ([[1]], None, "not an object"),
        ([case("x", format="shell")], None, "unknown format shell"),
        ([own("x", "")], None, "no task Own/half in tasks.jsonl"),
        ([own("x", "")], [TWICE], "no task Own/half in tasks.jsonl"),
        ([own("x", "")], [{"task_id": "Own/half", "format": "humaneval"}], "tasks.jsonl:1: no field canonical_sol"),
        ([case("x"), case("x")], None, r"cases\.jsonl:2: the id x is a duplicate"),
        ([case("x", after="y")], None, "x is to run after y, which is not there"),
    ],
)
def test_a_folder_of_another_form_is_named(
    tmp_path: Path, cases: list | None, tasks: list | None, message: str
) -> None:
    for name, rows in (("cases", cases), ("tasks", tasks)):
        if rows is not None:
            write_lines(tmp_path / f"{name}.jsonl", rows)
    with pytest.raises(CaseFolderError, match=message):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "checks", "message"),
    [
        (["--ids", "x,y"], [], "has no case y"),
        ([], [{"kind": "no_smoke"}], "checks that this harness does not know: no_smoke"),
    ],
)
def test_what_can_not_be_run_stops_the_harness(tmp_path: Path, arguments: list, checks: list, message: str) -> None:
    folder = write_folder(tmp_path / "own", [case("x", program="pass", checks=checks)])
    command = [sys.executable, "-m", "tests.sandbox.case_runner", "--cases", str(folder.path), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert message in done.stderr


def test_named_cases_are_chosen_and_else_one_of_each_class(tmp_path: Path) -> None:
    kinds = [("a", "kill", "fail"), ("b", "kill", "pass"), ("c", "proc", "fail"), ("d", "sleep", "timeout")]
    folder = write_folder(tmp_path / "own", [case(name, kind, verdict=verdict) for name, kind, verdict in kinds])
    assert folder.choose(["b", "z"], ["proc"]) == ["b"]
    assert folder.choose(["z"]) == ["a", "c", "d"]
    assert folder.choose(["z"], ["kill", "disk"]) == ["a"]
    assert folder.choose(verdicts=["pass", "timeout"]) == ["b", "d"]
    with pytest.raises(CaseFolderError, match="no case of class disk"):
        folder.choose(["z"], ["disk"])


def planted() -> list[str]:
    """What a harness leaves behind; no other one plants anything while this one holds the lock."""
    homes = Path(os.environ.get("TMPDIR", "/tmp")).glob("coma-home-*")
    return sorted(str(path) for path in (*map(Path, case_runner.CANARIES), *homes) if path.exists())


def test_canaries_are_taken_away_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    paths = [Path(path) for path in (*case_runner.CANARIES, tmp_path / ".coma-canary")]
    looks = {}

    def fail() -> None:
        with case_runner.planted_canaries(["/etc/hostname"]) as found:
            looks.update(found)
            assert all(path.exists() for path in paths)
            raise RuntimeError("stop")

    with case_runner.alone_on_this_machine():
        with pytest.raises(RuntimeError, match="stop"):
            fail()
        assert not any(path.exists() for path in paths)
    assert looks.keys() == {*map(str, paths), "/etc/hostname"}


def test_a_harness_that_is_terminated_leaves_nothing(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "own", [case("sleep", program="import time\ntime.sleep(60)\n", verdict="timeout")])
    command = [sys.executable, "-m", "tests.sandbox.case_runner", "--cases", str(folder.path)]
    with case_runner.alone_on_this_machine():
        before = planted()
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(proctree.descendants(process.pid)) < 4 and time.monotonic() < deadline:  # the zygotes come last
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
    with case_runner.alone_on_this_machine():
        assert planted() == before


@pytest.mark.slow
def test_the_tests_of_the_cases_run_on_any_folder_and_fail_where_they_select_nothing(tmp_path: Path) -> None:
    """One class of attack only: the tests that need another one fail, the others pass, none is empty."""
    program = "import os\nassert 'HF_TOKEN' not in os.environ\n"
    write_folder(tmp_path / "own", [case("env", "secrets", program=program)])
    command = [sys.executable, "-m", "pytest", "tests/sandbox/behaviour/test_cases.py", "-m", "not soak", "-rA"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--sandbox-cases", str(tmp_path / "own")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    failed = {line.rpartition("[")[2].partition("]")[0] for line in done.stdout.splitlines() if "FAILED" in line[:6]}
    assert failed == {"rlimits", "dumpable", "pdeathsig", "uid"}, done.stdout
    assert done.stdout.count("has no case of class") >= len(failed)
    assert "PASSED tests/sandbox/behaviour/test_cases.py::test_a_sample_of_the_cases_as_root" in done.stdout
    (tmp_path / "own" / "cases.jsonl").write_text("")
    empty = subprocess.run(
        [*command, "--sandbox-cases", str(tmp_path / "own")], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert empty.returncode == 1
    assert "holds no case" in empty.stdout
