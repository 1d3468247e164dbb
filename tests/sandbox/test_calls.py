"""Calling functions of sandboxed programs: what is returned, how calls fail, and that nothing waits forever."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from coma_cli.sandbox import Isolation, Limits, SandboxError, calls, proctree
from coma_cli.sandbox.calls import CallError, ProgramCaller
from coma_cli.sandbox.inside.protocol import wire
from coma_cli.sandbox.zygote_scratch import make_scratch


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def f(x:\n", "SyntaxError"),
        ("raise KeyError('no')\n", "KeyError: 'no'"),
        ("def f(x):\n    raise ValueError('bad')\n", "ValueError: bad"),
        ("def f(x):\n    return object()\n", "object"),
        ("def f(x):\n    import os\n    os._exit(3)\n", "exited before"),
        ("def f(x):\n    while True: pass\n", "it ran out of CPU time"),
        ("def g(x):\n    pass\n", "name 'f' is not defined"),
    ],
)
def test_failures_of_a_program_are_named_and_the_next_one_runs(isolation, source, words):
    with ProgramCaller(isolation, Limits(cpu_s=0.3)) as caller:
        with pytest.raises(CallError, match=words):
            caller.values(source, "f", [(1,)])
        assert caller.values("def f(x):\n    return {x: (x,)}\n", "f", [(1,), ("a",)]) == [{1: (1,)}, {"a": ("a",)}]


def test_called_programs_are_isolated(isolation):
    reads = """
def f(path):
    try:
        return open(path).read()
    except OSError as error:
        return type(error).__name__
"""
    with ProgramCaller(isolation, Limits()) as caller:
        (answer,) = caller.values(reads, "f", [("/etc/passwd",)])
        assert answer in ("FileNotFoundError", "PermissionError")
        assert caller.values("import os\ndef f():\n    return dict(os.environ).get('COMA_CACHE')\n", "f", [()]) == [
            None
        ]


def test_nothing_is_left_of_a_caller(isolation, monkeypatch):
    def state() -> tuple[list[int], int]:
        return proctree.children(os.getpid()), len(list(Path("/proc/self/fd").iterdir()))

    folders: list[str] = []
    monkeypatch.setattr(calls, "make_scratch", lambda *given: folders.append(make_scratch(*given)) or folders[-1])
    before = state()
    with ProgramCaller(isolation, Limits()) as caller:
        assert caller.values("def f():\n    return 1\n", "f", [()]) == [1]
        assert len(proctree.children(os.getpid())) == len(before[0]) + 1
    assert state() == before
    assert len(folders) == 1 and not (folders[0] and Path(folders[0]).exists())


def test_values_of_all_kinds_and_changed_arguments_are_returned(isolation: Isolation) -> None:
    source = "def f(a, b):\n    a.append(b)\n    return {b: (a, 1.5, None, {b'x'})}\n"
    given: list[object] = []
    with ProgramCaller(isolation, Limits()) as caller:
        assert caller.values(source, "f", [(given, "k")]) == [{"k": (["k"], 1.5, None, {b"x"})}]
    assert given == ["k"]


def test_calls_of_one_program_share_its_state_but_other_programs_do_not(isolation: Isolation) -> None:
    source = "n = 0\ndef f():\n    global n\n    n += 1\n    return n\n"
    with ProgramCaller(isolation, Limits()) as caller:
        assert caller.values(source, "f", [()] * 3) == [1, 2, 3]
        assert caller.values(source, "f", [()]) == [1]
        assert caller.values(source, "f", []) == []


def test_the_cpu_time_of_the_latest_program_is_known(isolation: Isolation) -> None:
    burn = "import time\ndef f(s):\n    while time.process_time() < s: pass\n"
    with ProgramCaller(isolation, Limits(cpu_s=1)) as caller:
        caller.values(burn, "f", [(0.3,)])
        assert 0.25 < caller.cpu_s < 0.9
        with pytest.raises(CallError, match="CPU time"):
            caller.values(burn, "f", [(9,)])
        assert caller.cpu_s > 0.9
        caller.values(burn, "f", [(0,)])
        assert caller.cpu_s < 0.25


def test_several_callers_work_at_a_time_and_one_can_be_stopped_by_another_thread(isolation: Isolation) -> None:
    with ProgramCaller(isolation, Limits(cpu_s=600)) as one, ProgramCaller(isolation, Limits(), place=1) as other:
        timer = threading.Timer(0.5, one.stop)
        timer.start()
        started = time.monotonic()
        with pytest.raises(SandboxError):
            one.values("def f():\n    while True: pass\n", "f", [()])
        assert time.monotonic() - started < 30
        timer.join()
        assert other.values("def f():\n    return 1\n", "f", [()]) == [1]


# --- when the two sides disagree about the protocol ---


def test_two_sides_that_wait_for_each_other_are_an_error_at_the_start(
    isolation: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As after a change of the protocol: this side waits for an answer and has asked nothing.
    monkeypatch.setattr(wire, "send", lambda fd, data: None)
    monkeypatch.setattr(calls, "SAMPLE_WALL_S", 0.3)
    started = time.monotonic()
    with (
        pytest.raises(SandboxError, match="could not be called: it ran out of wall time"),
        ProgramCaller(isolation, Limits(cpu_s=3600)),
    ):
        pass
    assert time.monotonic() - started < 10


def test_an_answer_in_another_format_is_an_error_at_the_start(
    isolation: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "SAMPLE", "def f(x):\n    return x\n")
    with pytest.raises(SandboxError, match="returned \\['a'\\]"), ProgramCaller(isolation, Limits()):
        pass


def test_a_stopped_zygote_is_an_error(isolation: Isolation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "LATE_S", 1.0)
    others = set(proctree.children(os.getpid()))
    with ProgramCaller(isolation, Limits(cpu_s=0.1, wall_s=0.05)) as caller:
        (reaper,) = set(proctree.children(os.getpid())) - others
        for pid in proctree.children(reaper):
            os.kill(pid, signal.SIGSTOP)
        with pytest.raises(SandboxError, match="has died"):
            caller.values("def f():\n    return 1\n", "f", [()])
