"""A hundred thousand programs: as cheap at the end as at the start, with no growth of any resource."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from coma_cli.sandbox import Program, Sandbox, proctree

MARKS = 20


class Usage(NamedTuple):
    """Descriptors, processes and MiB of memory of this process and all below it, and CPU seconds since the start."""

    descriptors: int
    processes: int
    memory_mb: int
    cpu_s: float


class Meter:
    """Sums CPU time by process, since that of a replaced zygote would be lost."""

    def __init__(self) -> None:
        self._seen: dict[int, float] = {}
        self._total = 0.0

    def read(self) -> Usage:
        below = proctree.descendants(os.getpid())
        now = {pid: proctree.cpu_seconds(pid) for pid in below} | {os.getpid(): time.process_time()}
        self._total += sum(max(0.0, spent - self._seen.get(pid, 0.0)) for pid, spent in now.items())
        self._seen = now
        memory = sum(map(proctree.resident_bytes, now)) >> 20
        return Usage(len(list(Path("/proc/self/fd").iterdir())), len(now), memory, self._total)


def programs(count: int) -> Iterator[Program]:
    for number in range(count):
        source = f"def f(x):\n    return x + {number}\n" if number % 10 else "def f(x):\n    raise ValueError\n"
        tests = f"assert f(1) == {number + 1}" if number % 3 else "assert f(0) > 0"
        yield Program(str(number), source, tests, "", ("f",))


@pytest.mark.parametrize("count", [1_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_the_last_program_costs_as_much_as_the_first_and_nothing_is_left(count: int) -> None:
    seen: Counter[str] = Counter()
    marks = []
    meter = Meter()
    with Sandbox(workers=2) as sandbox:
        list(sandbox.run(programs(50)))
        before = meter.read()
        for done, outcome in enumerate(sandbox.run(programs(count)), start=1):
            seen[outcome.verdict] += 1
            if done % (count // MARKS) == 0:
                marks.append(meter.read())
        time.sleep(0.1)
        after = meter.read()
    assert seen == {"pass": count - count // 10, "fail": count // 10}
    assert (after.descriptors, after.processes) == (before.descriptors, before.processes)
    assert marks[-1].memory_mb < marks[0].memory_mb + 20
    # Of CPU time, since the clock tells what else the machine does; a quarter of the run each, for the same reason.
    quarter = MARKS // 4
    first, last = marks[quarter - 1].cpu_s - before.cpu_s, marks[-1].cpu_s - marks[-1 - quarter].cpu_s
    assert last < 1.5 * first, (first, last)
