"""Kills processes at random while something runs, as a kernel does that is out of memory."""

import contextlib
import os
import random
import signal
import threading
from collections import Counter
from types import TracebackType
from typing import Self

from coma_cli.sandbox import proctree


class Disturber:
    """Kills one process below `root` for every `mean_s` seconds of CPU time that they use, with `root_share` the root.

    By CPU time, since a busy machine gets on more slowly and would else be disturbed all the more.
    `kills` counts by depth below the root: 0 is the root, 1 a reaper or a checker, 2 a zygote or tests in a fork, 3 a
    program.
    """

    def __init__(self, root: int, dice: random.Random, mean_s: float, root_share: float = 0.0) -> None:
        self._root = root
        self._dice = dice
        self._mean_s = mean_s
        self._root_share = root_share
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.kills: Counter[int] = Counter()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        due, spent = self._dice.expovariate(1 / self._mean_s), 0.0
        before = self._cpu_of_each()
        while not self._stop.wait(0.01):
            now = self._cpu_of_each()
            spent += sum(max(0.0, used - before.get(pid, 0.0)) for pid, used in now.items())
            before = now
            if spent >= due:
                self.kill_one()
                due += self._dice.expovariate(1 / self._mean_s)

    def _cpu_of_each(self) -> dict[int, float]:
        return {pid: proctree.cpu_seconds(pid) for pid in (self._root, *proctree.descendants(self._root))}

    def kill_one(self) -> None:
        """Kill a process: each depth is as likely as the others, however few processes it has."""
        levels = self._levels()
        if self._dice.random() < self._root_share:
            self._kill(0, self._root)
        elif levels:
            depth = self._dice.randrange(len(levels))
            self._kill(depth + 1, self._dice.choice(levels[depth]))

    def _levels(self) -> list[list[int]]:
        levels: list[list[int]] = []
        above = [self._root]
        while above := [child for pid in above for child in proctree.children(pid)]:
            levels.append(above)
        return levels

    def _kill(self, depth: int, pid: int) -> None:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            self.kills[depth] += 1
