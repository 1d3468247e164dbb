"""What is seen of a process from outside."""

import mmap
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from coma_cli.sandbox import proctree

MIB = 1 << 20
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
