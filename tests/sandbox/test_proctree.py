"""What is seen of a process from outside: whether it runs, what it waits for, how long it was busy, what it holds."""

import mmap
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from coma_cli.sandbox import proctree

MIB = 1 << 20
NOBODY = 1 << 30  # above the largest id that the kernel gives
HOLDER = """
import mmap, socket, sys
private, shared = bytearray(b"x") * (24 << 20), mmap.mmap(-1, 16 << 20)
shared.write(b"x" * (16 << 20))
pairs = [socket.socketpair() for _ in range(5)]
print("holding", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def holder() -> Iterator[int]:
    """A process with memory and sockets."""
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"holding\n"
        yield process.pid
        process.kill()


def test_own_memory_is_private_and_shared_but_no_files(holder: int) -> None:
    assert 40 * MIB < proctree.own_bytes(holder) < 64 * MIB


def test_page_tables_grow_with_what_lies_far_apart() -> None:
    before = proctree.page_table_bytes(os.getpid())
    with ExitStack() as stack:
        for _ in range(3):
            far = stack.enter_context(mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
            for place in range(0, 1 << 30, 1 << 23):
                far[place] = 1
        assert proctree.page_table_bytes(os.getpid()) > before + 3 * 128 * 3000


def test_sockets_are_counted_once_however_many_processes_share_them(holder: int) -> None:
    assert proctree.sockets([holder]) == proctree.sockets([holder, holder]) == 10
    before = proctree.sockets([os.getpid()])
    first, second = socket.socketpair()
    with first, second, os.fdopen(os.dup(first.fileno())):
        assert proctree.sockets([os.getpid()]) == before + 2


def test_a_process_that_hides_its_memory_counts_whole(holder: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = open

    def refuse(path: str, mode: str = "r") -> object:
        if "smaps" in path:
            raise PermissionError(path)
        return real(path, mode)

    monkeypatch.setattr(proctree, "open", refuse, raising=False)
    assert proctree.resident_bytes(holder) == proctree.own_bytes(holder) > 40 * MIB


def test_a_process_that_is_gone_holds_nothing() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert proctree.resident_bytes(gone.pid) == proctree.own_bytes(gone.pid) == proctree.sockets([gone.pid]) == 0


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


def test_page_tables_and_own_memory_are_read_at_once(holder: int) -> None:
    assert proctree.table_and_own_bytes(holder) == (proctree.page_table_bytes(holder), proctree.own_bytes(holder))
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert proctree.table_and_own_bytes(gone.pid) == (0, 0)
