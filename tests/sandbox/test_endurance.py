"""A hundred thousand programs: as fast at the end as at the beginning, and no more of anything than before."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coma_cli.sandbox import Program, Sandbox, proctree

PROGRAMS = 100_000


def programs() -> Iterator[Program]:
    for number in range(PROGRAMS):
        source = f"def f(x):\n    return x + {number}\n" if number % 10 else "def f(x):\n    raise ValueError\n"
        yield Program(
            str(number), source, f"assert f(1) == {number + 1}" if number % 3 else "assert f(0) > 0", "", ("f",)
        )


def usage() -> tuple[int, int, int]:
    """Descriptors, processes and MiB of memory of this process and all below it."""
    below = proctree.descendants(os.getpid())
    memory = sum(map(proctree.resident_bytes, [os.getpid(), *below]))
    return len(list(Path("/proc/self/fd").iterdir())), len(below), memory >> 20


@pytest.mark.soak
def test_the_hundred_thousandth_program_costs_what_the_first_did() -> None:
    seen, marks = {"pass": 0, "fail": 0}, []
    with Sandbox(workers=2) as sandbox:
        list(sandbox.run(Program(str(i), "pass", None) for i in range(20)))
        before = usage()
        started = time.monotonic()
        for done, outcome in enumerate(sandbox.run(programs()), start=1):
            seen[outcome.verdict] += 1
            if done % 5000 == 0:
                marks.append((time.monotonic() - started, usage()))
        after = usage()
    assert after[:2] == before[:2]
    assert seen["pass"] + seen["fail"] == PROGRAMS
    assert seen["fail"] == PROGRAMS // 10
    first, last = marks[0], marks[-1]
    assert last[1][2] < first[1][2] + 20
    assert last[0] - marks[-2][0] < 3 * first[0]
