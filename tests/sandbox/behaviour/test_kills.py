"""What is killed from outside is run again alone: no verdict is decided by a kill, whichever process it hits."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from coma_cli.jsonl import read_rows
from coma_cli.sandbox import Limits, Outcome, Program, Sandbox, proctree
from coma_cli.workspace import Workspace
from tests.evaluation.sampled import HUMANEVAL, right
from tests.sandbox.disturber import Disturber
from tests.support.command import start_coma
from tests.support.files import write_lines

LIMITS = Limits(cpu_s=2.0, wall_s=20.0)
SUICIDE = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
# It computes for long enough to be found, and ends by itself.
BUSY = "import time\ndef f():\n    while time.process_time() < 0.25: pass\n    return 1\n"
BUSY_TESTS = "import sys, time\nwhile time.process_time() < 0.25: pass\nassert f() == 1 and open\n"


def kill_while(outcomes: Iterator[Outcome], find: Callable[[], list[int]], times: int) -> tuple[list[Outcome], int]:
    """The outcomes, and how many processes were killed: each once, as soon as it is found."""
    killed: list[int] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.01) and len(killed) < times:
            for pid in find():
                if pid not in killed and len(killed) < times:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)

    thread = threading.Thread(target=look)
    thread.start()
    found = list(outcomes)
    stop.set()
    thread.join()
    return found, len(killed)


def busy_ones(sandbox: Sandbox, role: int) -> list[int]:
    """Processes of programs (0) or of tests in a fork of their checker (1) that have computed for a while."""
    pairs = [pids for pids in sandbox.zygote_pids if len(pids) > role]
    tops = [pid for pids in pairs for pid in (proctree.children(pids[0]) if role == 0 else [pids[1]])]
    return [child for top in tops for child in proctree.children(top) if proctree.cpu_seconds(child) > 0.1]


PROGRAMS = {
    "split": Program("p", BUSY, "assert f() == 1", entry_points=("f",)),
    "inproc": Program("p", BUSY, "assert f() == 1", mode="inproc"),
    "self": Program("p", BUSY + "f()\n", None),
}


@pytest.mark.parametrize(("level", "mode"), [("ns", "split"), ("ns", "inproc"), ("ns", "self"), ("landlock", "split")])
def test_a_program_that_is_killed_is_run_again_alone(level: str, mode: str) -> None:
    with Sandbox(limits=LIMITS, workers=1, isolation=level) as sandbox:  # type: ignore[arg-type]
        (outcome,), killed = kill_while(sandbox.run([PROGRAMS[mode]]), lambda: busy_ones(sandbox, 0), 1)
    assert (outcome.verdict, outcome.attempts, outcome.runner_crash, killed) == ("pass", 2, False, 1), outcome


def test_tests_that_are_killed_are_run_again_and_do_not_fail_the_program() -> None:
    program = Program("p", "def f(): return 1\n", BUSY_TESTS, entry_points=("f",))
    with Sandbox(limits=LIMITS, workers=1) as sandbox:
        (outcome,), killed = kill_while(sandbox.run([program]), lambda: busy_ones(sandbox, 1), 1)
        assert (outcome.verdict, outcome.attempts, killed) == ("pass", 2, 1), outcome
        (outcome,), killed = kill_while(sandbox.run([program]), lambda: busy_ones(sandbox, 1), 9)
        assert (outcome.verdict, outcome.attempts, outcome.runner_crash, killed) == ("error", 4, True, 4), outcome


# Each way to send a signal (x86-64 and arm64 numbers of tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo).
SUICIDES = """
import ctypes, os, platform, signal, threading
call, me, info = ctypes.CDLL(None).syscall, os.getpid(), ctypes.create_string_buffer(128)
tkill, tgkill, queue, queue_to = (200, 234, 129, 297) if platform.machine() == 'x86_64' else (130, 131, 138, 240)
ways = [
    lambda: os.kill(me, 9), lambda: os.kill(0, 9), lambda: os.killpg(os.getpgrp(), 9), lambda: signal.raise_signal(9),
    lambda: signal.pthread_kill(threading.get_ident(), 9), lambda: call(tkill, me, 9), lambda: call(tgkill, me, me, 9),
    lambda: call(queue, me, 9, info), lambda: call(queue_to, me, me, 9, info), lambda: os.kill(-1, 9),
]
for way in ways:
    try:
        way()
    except OSError:
        pass
"""


@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_a_program_can_not_kill_itself_so_that_a_kill_is_never_its_own(level: str) -> None:
    split = "import os\ndef f():\n    os.kill(os.getpid(), 9)\n"
    programs = [
        Program("split", split, "assert f() == 1", "", ("f",)),
        Program("inproc", SUICIDE, "pass", mode="inproc"),
        Program("self", SUICIDE, None),
        Program("ways", SUICIDES, None),
        Program("other", "import os\nos.kill(os.getpid(), 15)\n", None),
    ]
    with Sandbox(limits=LIMITS, workers=1, isolation=level) as sandbox:  # type: ignore[arg-type]
        outcomes = {outcome.key: outcome for outcome in sandbox.run(programs)}
    assert {key: (outcome.verdict, outcome.attempts) for key, outcome in outcomes.items()} == {
        "split": ("fail", 1),
        "inproc": ("fail", 1),
        "self": ("fail", 1),
        "ways": ("pass", 1),
        "other": ("error", 1),
    }


def test_where_a_program_can_kill_itself_it_gets_the_same_verdict_each_time() -> None:
    program = Program("p", SUICIDE, None, limits=Limits(cpu_s=2, allow_fork=True))
    with Sandbox(workers=1) as sandbox:
        for _ in range(2):
            (outcome,) = sandbox.run([program])
            assert (outcome.verdict, outcome.detail) == ("error", "killed by SIGKILL")
            assert (outcome.attempts, outcome.runner_crash) == (4, False)


def test_a_program_that_is_killed_each_time_counts_as_a_failure_of_the_machine() -> None:
    with Sandbox(limits=LIMITS, workers=1) as sandbox:
        (outcome,), killed = kill_while(sandbox.run([PROGRAMS["split"]]), lambda: busy_ones(sandbox, 0), 9)
    assert (outcome.verdict, outcome.attempts, outcome.runner_crash, killed) == ("error", 4, True, 4), outcome


def test_a_suspect_runs_in_zygotes_that_have_run_no_other_program() -> None:
    seen: list[tuple[int, ...]] = []
    with Sandbox(limits=LIMITS, workers=1) as sandbox:
        list(sandbox.run([Program("first", "pass", None)]))
        seen += sandbox.zygote_pids

        def watch() -> list[int]:
            seen.extend(pids for pids in sandbox.zygote_pids if pids not in seen)
            return busy_ones(sandbox, 0)

        (outcome,), _ = kill_while(sandbox.run([PROGRAMS["self"]]), watch, 2)
        watch()
    assert outcome.verdict == "pass"
    assert len(seen) == 3


# --- at random ---


def mixed(count: int) -> Iterator[tuple[Program, str]]:
    """Programs of all kinds with their verdicts."""
    for n in range(count):
        right, wrong = f"def f(x):\n    return x + {n}\n", "def f(x):\n    raise ValueError\n"
        tests = f"assert f(1) == {n + 1}"
        key = str(n)
        if n % 100 == 99:
            yield (
                Program(key, "def f(x):\n    while True: pass\n", tests, "", ("f",), limits=Limits(cpu_s=0.1)),
                "timeout",
            )
        elif n % 100 == 49:
            yield Program(key, SUICIDE, None), "fail"
        elif n % 7 == 6:
            yield Program(key, right, f"import sys\n{tests} and open", "", ("f",)), "pass"
        elif n % 7 == 5:
            yield Program(key, right, tests, mode="inproc"), "pass"
        elif n % 7 == 4:
            yield Program(key, "import os\nos._exit(0)\n", tests, "", ("f",)), "fail"
        else:
            yield Program(key, right if n % 2 else wrong, tests, "", ("f",)), "pass" if n % 2 else "fail"


@pytest.mark.soak
@pytest.mark.parametrize("level", ["ns", "landlock"])
@pytest.mark.parametrize("seed", range(3))
def test_frequent_kills_change_no_verdict(level: str, seed: int) -> None:
    programs = dict(mixed(400))
    with (
        Sandbox(limits=LIMITS, workers=2, isolation=level) as sandbox,  # type: ignore[arg-type]
        Disturber(os.getpid(), random.Random(seed), mean_s=0.5) as disturber,
    ):
        outcomes = list(sandbox.run(programs))
    wrong = {program.key: verdict for program, verdict in programs.items()}
    found = {outcome.key: outcome.verdict for outcome in outcomes}
    assert {key: (found[key], verdict) for key, verdict in wrong.items() if found[key] != verdict} == {}
    assert disturber.kills.total() > 1


# --- a whole run of the command, which may be killed itself ---


def sample_file(path: Path, each: int) -> Path:
    """Samples of HumanEval of which all differ: right ones, wrong ones, and a few that are ended at a limit or die."""
    rows = []
    for number, problem in enumerate(HUMANEVAL):
        for index in range(each):
            text = right(problem) if (number + index) % 3 else "    return None\n"
            if index == 0 and number % 40 == 0:
                text = "    while True: pass\n"
            elif index == 0 and number % 40 == 20:
                text = "    import os\n    os.kill(os.getpid(), 9)\n"
            rows.append({"task_id": problem.task_id, "completion": f"{text.rstrip()}\n    # {index}\n"})
    return write_lines(path, rows)


class Scored:
    """Runs `coma score` on a sample file, each time in a new workspace, disturbed or not."""

    def __init__(self, samples: Path, folder: Path) -> None:
        self._arguments = ["--bench", "humaneval", "--samples", str(samples), "--timeout", "0.5", "--protocol", "as-is"]
        self._environment = {"COMA_CACHE": str(folder / "cache")}

    def run(self, root: Path, dice: random.Random | None) -> tuple[str, int]:
        """The content hash of the verdicts, and how many kills it took."""
        kills = 0
        deadline = time.monotonic() + 900
        while time.monotonic() < deadline:
            words = ["score", "-w", str(root), *self._arguments]
            process = start_coma(words, environment=self._environment)
            disturber = Disturber(process.pid, dice or random.Random(), mean_s=0.8, root_share=0.04)
            if dice is not None:
                disturber.__enter__()
            said = process.communicate(timeout=900)
            if dice is not None:
                disturber.__exit__(None, None, None)
            kills += disturber.kills.total()
            artifact = Workspace(root).newest("score")
            if process.returncode == 0 and artifact is not None and artifact.is_whole:
                rows = list(read_rows(artifact.file("verdicts.jsonl")))
                assert not any(row.get("runner_crash") for row in rows)
                return artifact.manifest["outputs"]["verdicts.jsonl"]["content_sha256"], kills
            # Killed itself, or told that the sandbox broke: the same command goes on.
            assert process.returncode in (0, 1, -signal.SIGKILL), said
        raise AssertionError("it does not come to an end")


@pytest.mark.soak
@pytest.mark.parametrize(("runs", "each"), [(30, 10)])
def test_runs_with_random_kills_end_in_the_verdicts_of_an_undisturbed_run(tmp_path: Path, runs: int, each: int) -> None:
    scored = Scored(sample_file(tmp_path / "samples.jsonl", each), tmp_path)
    expected, _ = scored.run(tmp_path / "undisturbed", None)
    found = []
    for number in range(runs):
        found.append(scored.run(tmp_path / str(number), random.Random(number)))
        print(number, *found[-1], found[-1][0] == expected, flush=True)  # noqa: T201
    assert [digest for digest, _ in found] == [expected] * runs
    assert sum(kills for _, kills in found) > runs
