"""What is seen of a process from outside: whether it runs, what it waits for, how long it was busy."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from coma_cli.sandbox import proctree

NOBODY = 1 << 30  # above the largest id that the kernel gives


@contextmanager
def child(source: str) -> Iterator[int]:
    """A Python process that says when it has begun."""
    command = [sys.executable, "-I", "-S", "-c", f"print(1, flush=True)\n{source}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"1\n"
    try:
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def test_a_process_that_computes_is_busy_whether_it_has_a_core_or_not() -> None:
    with child("while True: pass") as pid:
        began, before = time.monotonic(), proctree.busy_seconds(pid)
        states = set()
        while time.monotonic() < began + 1:
            states |= proctree.thread_states(pid)
            time.sleep(0.01)
        assert states == {"R"}
        # A wait that is not over is not counted yet.
        assert proctree.busy_seconds(pid) - before > 0.5 * (time.monotonic() - began)


def test_a_process_that_sleeps_is_not_busy() -> None:
    with child("import time; time.sleep(60)") as pid:
        time.sleep(0.2)
        before = proctree.busy_seconds(pid)
        time.sleep(0.3)
        assert proctree.busy_seconds(pid) - before < 0.05
        assert proctree.thread_states(pid) == {"S"}
        assert proctree.is_running(pid)


def test_the_threads_of_a_process_are_seen() -> None:
    source = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\nwhile True: pass"
    with child(source) as pid:
        time.sleep(0.2)
        assert proctree.thread_states(pid) == {"R", "S"}


def test_a_process_that_has_ended_is_not_running_and_was_never_there() -> None:
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", "pass"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not proctree.is_running(process.pid)  # it waits to be collected
    process.wait()
    assert not proctree.is_running(NOBODY)
    assert proctree.thread_states(NOBODY) == set()
    assert proctree.busy_seconds(NOBODY) == 0
