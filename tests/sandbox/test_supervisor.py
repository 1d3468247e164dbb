# Plain paths, as given in the cases.
# ruff: noqa: PTH208
"""The supervisor: every program has one outcome, whatever dies; nothing is read ahead or left behind."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from coma_cli.sandbox import Limits, Outcome, Program, Sandbox, SandboxError, SandboxUnavailable, proctree
from tests.requirements import ROOT
from tests.sandbox.conftest import Runner
from tests.support.processes import is_alive


def adder(key: str, body: str = "return a + b") -> Program:
    return Program(key, f"def add(a, b):\n    {body}\n", "assert add(1, 2) == 3", entry_points=("add",))


def verdicts(outcomes: Iterator[Outcome]) -> dict[str, str]:
    return {outcome.key: outcome.verdict for outcome in outcomes}


def test_every_program_has_one_outcome_in_any_order(shared_sandbox: Sandbox) -> None:
    programs = [adder(str(i), "return a + b" if i % 3 else "return a - b") for i in range(200)]
    outcomes = list(shared_sandbox.run(programs))
    assert Counter(outcome.key for outcome in outcomes) == Counter(str(i) for i in range(200))
    assert {outcome.verdict for outcome in outcomes if int(outcome.key) % 3} == {"pass"}
    assert {outcome.verdict for outcome in outcomes if not int(outcome.key) % 3} == {"fail"}


def test_no_programs_give_no_outcomes(shared_sandbox: Sandbox) -> None:
    assert list(shared_sandbox.run([])) == []


def test_programs_are_taken_only_when_there_is_room(shared_sandbox: Sandbox) -> None:
    taken = ahead = 0

    def source() -> Iterator[Program]:
        nonlocal taken
        while True:
            taken += 1
            yield adder(str(taken))

    run = shared_sandbox.run(source())
    for given, _ in enumerate(run, start=1):
        # Two workers, each with one running, one waiting and one finished but not yet yielded; and one in hand.
        ahead = max(ahead, taken - given)
        if given == 200:
            break
    run.close()
    assert ahead <= 2 * 4 + 1


def test_leaving_early_kills_what_is_running_and_the_sandbox_still_works(shared_sandbox: Sandbox) -> None:
    run = shared_sandbox.run([adder("a"), adder("b", "while True: pass"), adder("c", "while True: pass")])
    assert next(run).key == "a"
    started = time.monotonic()
    run.close()
    assert time.monotonic() - started < 1
    assert verdicts(shared_sandbox.run([adder("d")])) == {"d": "pass"}


def test_two_concurrent_runs_are_refused(shared_sandbox: Sandbox) -> None:
    run = shared_sandbox.run([adder("a")])
    next(run)
    with pytest.raises(SandboxError, match="already running"):
        next(shared_sandbox.run([adder("b")]))
    assert list(run) == []
    assert verdicts(shared_sandbox.run([adder("c")])) == {"c": "pass"}


def test_a_sandbox_that_is_not_open_says_so() -> None:
    sandbox = Sandbox(workers=1)
    with pytest.raises(SandboxError, match="not open"):
        next(sandbox.run([adder("a")]))
    with sandbox:
        assert verdicts(sandbox.run([adder("a")])) == {"a": "pass"}
    sandbox.close()
    with pytest.raises(SandboxError, match="not open"):
        next(sandbox.run([adder("a")]))


def test_an_exception_in_the_source_is_passed_on_and_leaves_a_working_sandbox(shared_sandbox: Sandbox) -> None:
    def source() -> Iterator[Program]:
        yield adder("a")
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        list(shared_sandbox.run(source()))
    assert verdicts(shared_sandbox.run([adder("b")])) == {"b": "pass"}


def test_kinds_and_limits_may_be_mixed_in_one_run(shared_sandbox: Sandbox) -> None:
    programs = []
    for i in range(40):
        programs += [
            adder(f"split{i}"),
            Program(f"inproc{i}", "def add(a, b): return a + b", "assert add(1, 2) == 3", mode="inproc"),
            Program(f"self{i}", "assert True", None),
            Program(f"limited{i}", "x = bytearray(200 << 20)", None, limits=Limits(memory_mb=100)),
        ]
    found = verdicts(shared_sandbox.run(programs))
    assert len(found) == 160
    assert {
        key: verdict for key, verdict in found.items() if verdict != ("memory" if "limited" in key else "pass")
    } == {}


def test_big_programs_do_not_block_the_supervisor(shared_sandbox: Sandbox) -> None:
    big = "# " + "x" * (20 << 20) + "\n"
    programs = [Program(str(i), big + "def f(): return 1\n", "assert f() == 1", entry_points=("f",)) for i in range(3)]
    assert set(verdicts(shared_sandbox.run(programs)).values()) == {"pass"}


# --- time ---


def test_an_endless_program_is_killed_as_soon_as_its_cpu_time_is_used_up(runner: Runner) -> None:
    outcome = runner.call("def f():\n    while True: pass\n", "f()", "f", limits=Limits(cpu_s=0.5))
    assert (outcome.verdict, outcome.attempts) == ("timeout", 1)
    assert 0.5 < outcome.cpu_s < 0.8


def test_a_program_that_ends_just_above_its_limit_runs_again_alone(runner: Runner) -> None:
    spin = "import time\ndef f():\n    while time.process_time() < 0.55: pass\n    return 1\n"
    outcome = runner.call(spin, "assert f() == 1", "f", limits=Limits(cpu_s=0.5))
    assert (outcome.verdict, outcome.attempts) == ("timeout", 2)
    assert runner.call(spin, "assert f() == 1", "f", limits=Limits(cpu_s=0.8)).verdict == "pass"


def test_a_sleeper_is_a_timeout_only_after_a_second_run_alone(runner: Runner) -> None:
    outcome = runner.call("import time\ndef f():\n    time.sleep(60)\n", "f()", "f", limits=Limits(wall_s=0.6))
    assert (outcome.verdict, outcome.attempts) == ("timeout", 2)
    assert outcome.cpu_s < 0.1


def test_sleepers_do_not_hold_up_the_others(shared_sandbox: Sandbox) -> None:
    sleep = "import time\ntime.sleep(3.5)\n"
    programs = [Program(f"s{i}", sleep, None, limits=Limits(cpu_s=2, wall_s=10)) for i in range(2)]
    workers = [Program(f"w{i}", "sum(range(1000))", None, limits=Limits(cpu_s=2, wall_s=10)) for i in range(20)]
    order = [outcome.key for outcome in shared_sandbox.run([*programs, *workers])]
    # At most one program waits behind each sleeper; all others overtake them.
    assert order.index("s0") >= 16
    assert order.index("s1") >= 16


def test_the_time_of_the_tests_does_not_count_for_the_program(runner: Runner) -> None:
    tests = "import time\nend = time.process_time() + 1.0\nwhile time.process_time() < end: pass\nassert f() == 1\n"
    outcome = runner.call("def f(): return 1\n", tests, "f", limits=Limits(cpu_s=0.3, wall_s=0.5))
    assert outcome.verdict == "pass", outcome


def test_tests_that_do_not_end_once_their_program_was_stopped_are_a_timeout(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coma_cli.sandbox.verdict.TESTS_ALLOWANCE_S", 0.1)
    program = "def f():\n    import time\n    time.sleep(60)\n"
    tests = "try:\n    f()\nexcept BaseException:\n    while True: pass\n"
    outcome = runner.call(program, tests, "f", limits=Limits(cpu_s=1, wall_s=0.5))
    assert (outcome.verdict, outcome.attempts, outcome.runner_crash) == ("timeout", 2, False)


# --- crashes ---


def zygotes(sandbox: Sandbox) -> list[int]:
    """Zygotes and their reapers, but no programs."""
    pairs = sandbox.zygote_pids
    inner = [pid for reaper, _ in pairs for pid in proctree.children(reaper)]
    return [*(pid for pair in pairs for pid in pair), *inner]


def test_killing_zygotes_at_any_time_loses_no_verdict() -> None:
    programs = [adder(str(i), "return a + b" if i % 2 else "return a - b") for i in range(300)]
    with Sandbox(workers=2) as sandbox:
        found = {}
        for outcome in sandbox.run(programs):
            found[outcome.key] = outcome
            if len(found) % 60 == 30:
                pids = zygotes(sandbox)
                os.kill(pids[len(found) % len(pids)], signal.SIGKILL)
    assert {key: outcome.verdict for key, outcome in found.items()} == {
        str(i): "pass" if i % 2 else "fail" for i in range(300)
    }


def test_a_zygote_that_dies_each_time_with_a_program_is_a_runner_error() -> None:
    stop = threading.Event()
    with Sandbox(workers=1) as sandbox:

        def kill_whenever_it_runs() -> None:
            while not stop.wait(0.02):
                for reaper, _ in sandbox.zygote_pids:
                    _, *programs = proctree.descendants(reaper) or [reaper]
                    # Of the two programs only the victim computes for so long.
                    if any(proctree.cpu_seconds(program) > 0.2 for program in programs):
                        with suppress(ProcessLookupError):
                            os.kill(reaper, signal.SIGKILL)

        killer = threading.Thread(target=kill_whenever_it_runs)
        killer.start()
        outcomes = {
            outcome.key: outcome for outcome in sandbox.run([adder("victim", "while True: pass"), adder("next")])
        }
        stop.set()
        killer.join()
    assert outcomes["victim"].verdict == "error"
    assert outcomes["victim"].runner_crash
    assert outcomes["next"].verdict == "pass"


@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_nothing_is_left_one_second_after_the_supervisor_is_killed(level: str) -> None:
    text = f"""
    import os
    from coma_cli.sandbox import Program, Sandbox, Limits
    with Sandbox(workers=2, isolation='{level}') as sandbox:
        loop = [Program(str(i), "while True: pass", None, limits=Limits(cpu_s=60)) for i in range(9)]
        run = sandbox.run([Program("first", "pass", None), *loop])
        next(run)
        print("running", flush=True)
        next(run)
    """
    scratch = Path(tempfile.mkdtemp())
    scratch.chmod(0o777)
    environment = {**os.environ, "TMPDIR": str(scratch)}
    command = [sys.executable, "-c", textwrap.dedent(text)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == b"running\n"
    time.sleep(0.2)
    below = proctree.descendants(process.pid)
    assert len(below) >= 6
    process.kill()
    process.wait()
    process.stdout.close()
    time.sleep(1.0)
    assert [pid for pid in below if is_alive(pid)] == []
    assert list(scratch.iterdir()) == []
    scratch.rmdir()


def test_closing_leaves_no_process_and_no_descriptor() -> None:
    def state() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), len(proctree.descendants(os.getpid()))

    with Sandbox(workers=1) as sandbox:
        list(sandbox.run([adder("warm")]))
    before = state()
    for _ in range(3):
        with Sandbox(workers=2) as sandbox:
            list(sandbox.run([adder(str(i)) for i in range(20)]))
    assert state() == before


def test_many_programs_leave_no_more_behind_than_few() -> None:
    with Sandbox(workers=1) as sandbox:
        list(sandbox.run([adder(str(i)) for i in range(20)]))

        def state() -> tuple[int, int, list[int]]:
            pids = zygotes(sandbox)
            return len(os.listdir("/proc/self/fd")), len(pids), [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids]

        before = state()
        list(sandbox.run([adder(str(i), "return a + b" if i % 2 else "import os; os._exit(1)") for i in range(600)]))
        time.sleep(0.1)
        assert state() == before


def test_zygotes_are_replaced_on_request_and_not_while_programs_run() -> None:
    with Sandbox(workers=2) as sandbox:
        before = run_and_pids(sandbox)
        assert run_and_pids(sandbox) == before
        sandbox.replace_pairs()
        assert sandbox.zygote_pids == []
        assert not any(is_alive(pid) for pids in before for pid in pids)
        assert not {*before} & {*run_and_pids(sandbox)}
        running = sandbox.run(Program(str(n), "pass", None) for n in range(9))
        next(running)
        with pytest.raises(SandboxError, match="is running"):
            sandbox.replace_pairs()
        assert len(list(running)) == 8


def run_and_pids(sandbox: Sandbox) -> list[tuple[int, ...]]:
    outcomes = list(sandbox.run(Program(str(n), "pass", None) for n in range(6)))
    assert [outcome.verdict for outcome in outcomes] == ["pass"] * 6
    return sandbox.zygote_pids


def test_zygotes_are_replaced_after_many_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coma_cli.sandbox.pair.RECYCLE_AFTER", 30)
    with Sandbox(workers=1) as sandbox:
        list(sandbox.run([adder("a")]))
        first = set(zygotes(sandbox))
        found = verdicts(sandbox.run([adder(str(i)) for i in range(100)]))
        assert set(found.values()) == {"pass"}
        assert len(found) == 100
        assert not first & set(zygotes(sandbox))


# --- invalid requests ---


@pytest.mark.parametrize("fields", [{"cpu_s": 0}, {"cpu_s": -1}, {"wall_s": 0}, {"memory_mb": 1}])
def test_limits_that_make_no_sense_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be between"):
        Limits(**fields)  # type: ignore[arg-type]


def test_zero_workers_are_refused() -> None:
    with pytest.raises(ValueError, match="workers"):
        Sandbox(workers=0)


def test_a_file_that_is_not_an_interpreter_is_refused() -> None:
    with pytest.raises(SandboxError, match="does not run as a Python interpreter"):
        Sandbox(python="/bin/false").__enter__()
    with pytest.raises(SandboxError, match="does not run as a Python interpreter"):
        Sandbox(python="/no/such/python").__enter__()


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("echo", "it prints something else"),
        ('echo "can not open $3" >&2; exit 2;', "exit code 2"),
        ('echo "No module named encodings" >&2; exit 1;', "exit code 1: No module named encodings"),
    ],
)
def test_what_another_program_says_of_the_question_is_not_shown(tmp_path: Path, program: str, reason: str) -> None:
    path = tmp_path / "python"
    path.write_text(f'#!/bin/sh\n{program} "$@"\n')
    path.chmod(0o755)
    with pytest.raises(SandboxError) as error:
        Sandbox(python=str(path)).__enter__()
    assert str(error.value) == f"{path} does not run as a Python interpreter: {reason}"


def test_an_interpreter_that_is_too_old_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text("""#!/bin/sh\necho '[[3, 9], "/usr", "/usr", "/usr", "/usr", "", "/usr/bin/python3.9"]'\n""")
    old.chmod(0o755)
    with pytest.raises(SandboxError, match=r"is Python 3\.9; programs need 3\.10 or newer"):
        Sandbox(python=str(old)).__enter__()


def test_running_without_isolation_needs_consent() -> None:
    with pytest.raises(SandboxUnavailable, match="consent"):
        Sandbox(isolation="none").__enter__()
    with Sandbox(isolation="none", consent=True, workers=1) as sandbox:
        assert sandbox.isolation.level == "rlimit"
        assert sandbox.isolation.lost
        found = verdicts(sandbox.run([adder("a"), adder("b", "return 0"), adder("c", "import os; os._exit(0)")]))
        assert found == {"a": "pass", "b": "fail", "c": "fail"}


def test_another_interpreter_can_run_the_programs() -> None:
    other = "/usr/bin/python3"
    if not os.access(other, os.X_OK) or os.path.realpath(other) == os.path.realpath(sys.executable):
        pytest.skip("there is no other interpreter")
    with Sandbox(python=other, workers=1) as sandbox:
        outcome = Runner(sandbox).script("import sys\nassert sys.executable.startswith('/usr/bin'), sys.executable\n")
        assert outcome.verdict == "pass", outcome
        assert verdicts(sandbox.run([adder("a")])) == {"a": "pass"}
