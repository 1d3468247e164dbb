"""The floor: a warm interpreter that forks a process for every program, and nothing else; started by `score.py`.

python _bare_forks.py PROGRAMS WORKERS: each row of PROGRAMS is {"source", "tests"}. There is no isolation, no limit and
no journal, and the tests run beside the program. The last line on stdout is {"samples", "passed", "wall_s"} as JSON.
"""

import collections  # noqa: F401  # these are what the programs import
import functools  # noqa: F401
import gc
import heapq  # noqa: F401
import itertools  # noqa: F401
import json
import math  # noqa: F401
import operator  # noqa: F401
import os
import re  # noqa: F401
import sys
import time
import typing  # noqa: F401
from pathlib import Path
from typing import Any


def main(programs: Path, workers: int) -> None:
    """Run all programs, each worker its share, and print how many came to their end."""
    began = time.perf_counter()
    rows = [json.loads(line) for line in programs.read_text(encoding="utf-8").splitlines()]
    cores = sorted(os.sched_getaffinity(0))
    ends = [start_worker(rows[number::workers], cores[number % len(cores)]) for number in range(workers)]
    passed = sum(int(os.read(end, 32)) for end in ends)
    for _ in ends:
        os.wait()
    sys.stdout.write(
        f"\n{json.dumps({'samples': len(rows), 'passed': passed, 'wall_s': time.perf_counter() - began})}\n"
    )


def start_worker(rows: list[dict[str, Any]], core: int) -> int:
    """A process on a core of its own; the descriptor on which it says how many have passed."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.sched_setaffinity(0, {core})
        os.write(writing, str(sum(map(runs_to_its_end, rows))).encode())
        os._exit(0)
    os.close(writing)
    return reading


def runs_to_its_end(row: dict[str, Any]) -> bool:
    """Whether program and tests end without an exception, in a process of their own."""
    pid = os.fork()
    if pid == 0:
        try:
            exec(compile(f"{row['source']}\n{row['tests']}", "<program>", "exec"), {"__name__": "program"})
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


if __name__ == "__main__":
    gc.freeze()
    main(Path(sys.argv[1]), int(sys.argv[2]))
