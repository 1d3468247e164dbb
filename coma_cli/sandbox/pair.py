"""A pair of zygotes that runs programs one after the other: one forks them, the other checks them.

Two kinds of failure: a program that fails (its reports come back) and a pair that fails (`PairError`).
"""

import contextlib
import json
import os
import secrets
import selectors
import socket
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Self

from coma_cli.sandbox import launch, proctree
from coma_cli.sandbox.contract import Limits, Program, SandboxError
from coma_cli.sandbox.inside.protocol import control, wire
from coma_cli.sandbox.inside.protocol.control import Check, CheckReport, Job, ProblemFrame, RunReport
from coma_cli.sandbox.inside.zygotes.lru_cache import TESTS_WEIGHT, LruCache
from coma_cli.sandbox.launch import PairKind, Setting
from coma_cli.sandbox.link import Link
from coma_cli.sandbox.program_text import open_text
from coma_cli.sandbox.strays import end_tree
from coma_cli.sandbox.verdict import KILL_FACTOR, cpu_limit_of_tests
from coma_cli.sandbox.zygote_scratch import make_scratch, remove_scratch

# A second program is queued in the zygote's socket, so that it need not wait for the supervisor in between.
DEPTH = 2
RECYCLE_AFTER = 10_000
# The supervisor enforces the wall-clock limit, since it sees what a program waits for. Without it the zygote ends too.
_WALL_NET_S = 86_400.0
_START_TIMEOUT_S = 60.0
_MODES = {"split": control.SPLIT, "inproc": control.INPROC}


class PairError(Exception):
    """A zygote of this pair has died, or sent an invalid message."""


@dataclass
class PairTask:
    """One program in flight, with what is known about its current run."""

    program: Program
    limits: Limits
    kind: PairKind
    attempts: int = 0
    crashes: int = 0
    alone: bool = False
    seq: int = 0
    nonce: int = 0
    head_since: float = 0.0
    kill_sent: float = 0.0
    run_report: RunReport | None = None
    check_report: CheckReport | None = None
    watch: "Watch" = field(default_factory=lambda: Watch())

    @property
    def mode(self) -> int:
        return control.SELF if self.program.tests is None else _MODES[self.program.mode]

    @property
    def is_checked(self) -> bool:
        return self.mode == control.SPLIT

    @property
    def is_complete(self) -> bool:
        return self.run_report is not None and (self.check_report is not None or not self.is_checked)


@dataclass
class Watch:
    """What the supervisor has observed of a long-running program."""

    looked_at: float = 0.0
    busy: dict[int, float] = field(default_factory=dict)  # seconds that each process of the pair was busy in its life
    open_s: float = 0.0  # time of which it is not known yet whether the program was blocked,
    busy_s: float = 0.0  # and how long the pair's processes were busy in it
    blocked_s: float = 0.0
    disk_s: float = 0.0  # it waited for a disk, which is not part of the blocked time
    blocked_at_kill: float = 0.0
    sleeping: bool = False


class Pair:
    """Two zygotes, the programs that are with them, and the problems that the checker knows; `start` begins it."""

    def __init__(self, kind: PairKind) -> None:
        self.kind = kind
        self.tasks: deque[PairTask] = deque()
        self.left: list[PairTask] = []
        self.is_closed = False
        self._served = 0
        self._seq = 0
        self._problems: LruCache[tuple[str, str, tuple[str, ...]], int] = LruCache(TESTS_WEIGHT)
        self._problem_count = 0
        self._scratch = ""
        self._started = 0.0
        self._starting: set[str] = set()
        self._zygotes: list[launch.Zygote] = []
        self._links: dict[str, Link] = {}

    @classmethod
    def start(
        cls, setting: Setting, kind: PairKind, selector: selectors.BaseSelector, index: int, cpu: int | None = None
    ) -> Self:
        """Start both zygotes, which report on their connections when their isolation is set up.

        `index` is the pair's own among all that run; `cpu` the one core that it may use, if it has one of its own.
        """
        pair = cls(kind)
        pair._started = time.monotonic()
        pair._scratch = make_scratch(setting, launch.uid_of(2 * index))
        channel_ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            pair._start_zygote("candidate", setting, channel_ends[0], selector, 2 * index)
            if not kind.inproc:
                pair._start_zygote("checker", setting, channel_ends[1], selector, 2 * index + 1)
        except BaseException:
            pair.close()
            raise
        finally:
            for end in channel_ends:
                end.close()
        pair._stay_on(cpu)
        return pair

    def _start_zygote(
        self, role: str, setting: Setting, channel: socket.socket, selector: selectors.BaseSelector, index: int
    ) -> None:
        zygote = launch.start_zygote(role, setting, self.kind, channel, index, self._scratch)
        self._zygotes.append(zygote)
        self._starting.add(role)
        self._links[role] = Link(zygote.control, selector, (self, role))

    def move_to(self, selector: selectors.BaseSelector, cpu: int | None) -> None:
        """Be watched by another selector, and stay on another core."""
        for link in self._links.values():
            link.move_to(selector)
        self._stay_on(cpu)

    def _stay_on(self, cpu: int | None) -> None:
        """A program and its checker take turns: on one core that costs no signal from core to core."""
        if cpu is None:
            return
        for zygote in self._zygotes:
            for pid in (zygote.process.pid, *proctree.descendants(zygote.process.pid)):
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(pid, {cpu})

    @property
    def is_ready(self) -> bool:
        return not self._starting

    @property
    def is_spent(self) -> bool:
        """Whether it is time for a new pair, so that leaks don't accumulate."""
        return self._served >= RECYCLE_AFTER

    @property
    def is_fresh(self) -> bool:
        """Whether no program was sent yet."""
        return self._served == 0

    @property
    def has_room(self) -> bool:
        """Whether another program may be sent; none is queued behind one that has been running for a while."""
        if not self.tasks:
            return True
        return len(self.tasks) < DEPTH and time.monotonic() - self.tasks[0].head_since < 0.1

    # --- sending ---

    def send(self, task: PairTask) -> None:
        """Send a program to the zygotes."""
        self._seq += 1
        self._served += 1
        task.seq, task.nonce = self._seq, secrets.randbits(63)
        task.run_report = task.check_report = None
        task.attempts += 1
        task.kill_sent = 0.0
        task.watch = Watch()
        self.tasks.append(task)
        if len(self.tasks) == 1:
            self._begin(task)
        if task.is_checked:
            self._send_check(self._links["checker"], task)
        self._links["candidate"].send(_job(task).encode(), fd=open_text(*_text_of(task)))

    def _send_check(self, checker: Link, task: PairTask) -> None:
        program = task.program
        tests = program.tests or ""
        key = (tests, program.prelude, program.entry_points)
        frames = []
        number = self._problems.get(key)
        if number is None:
            self._problem_count += 1
            number = self._problem_count
            frames = [
                control.encode_forget(old) for old in self._problems.put(key, number, len(tests) + len(program.prelude))
            ]
            frames.append(ProblemFrame(number, program.entry_points, program.prelude, tests).encode())
        checker.send(*frames, Check(task.seq, task.nonce, number, cpu_limit_of_tests(task.limits)).encode())

    def kill_program(self, task: PairTask, reason: int) -> None:
        """Tell the zygote to end a run."""
        if not task.kill_sent:
            task.kill_sent = time.monotonic()
            task.watch.blocked_at_kill = task.watch.blocked_s
            self._links["candidate"].send(control.encode_kill(task.seq, reason))

    # --- receiving ---

    def handle(self, role: str, events: int) -> list[PairTask]:
        """Take what a zygote has sent; give the programs that are done. Raises PairError and SandboxError."""
        link = self._links[role]
        if events & selectors.EVENT_WRITE:
            link.flush()
        if not events & selectors.EVENT_READ:
            return []
        self._receive(role, link)
        if link.closed:
            raise PairError(f"the {role} zygote has died")
        return self._collect()

    def _receive(self, role: str, link: Link) -> int:
        """Take the frames that have arrived, and count them."""
        try:
            frames = link.receive()
            for frame in frames:
                self._take(role, frame)
        except (wire.FrameError, control.MessageError, ValueError) as error:
            raise PairError(f"the {role} zygote sent {error}") from None
        return len(frames)

    def _take(self, role: str, frame: bytes) -> None:
        if role in self._starting:
            answer = json.loads(frame)
            if answer.get("ready") is not True:
                raise SandboxError(f"the {role} zygote can't start: {answer.get('broken', 'no reason given')}")
            self._starting.remove(role)
            if self.is_ready and self.tasks:
                self._begin(self.tasks[0])
        elif role == "candidate":
            run_report = RunReport.decode(frame)
            self._task(run_report.seq).run_report = run_report
        else:
            check_report = CheckReport.decode(frame)
            task = self._task(check_report.seq)
            if check_report.nonce != task.nonce:
                raise control.MessageError("a report with a wrong nonce")
            task.check_report = check_report

    def _task(self, seq: int) -> PairTask:
        for task in self.tasks:
            if task.seq == seq:
                return task
        raise control.MessageError("a message about an unknown program")

    def _collect(self) -> list[PairTask]:
        done = []
        while self.tasks and self.tasks[0].is_complete:
            done.append(self.tasks.popleft())
            if self.tasks:
                self._begin(self.tasks[0])
        return done

    def _begin(self, task: PairTask) -> None:
        task.head_since = time.monotonic()

    # --- watching ---

    def check_start(self) -> None:
        """Raise SandboxError if the zygotes take too long to start."""
        if not self.is_ready and time.monotonic() - self._started > _START_TIMEOUT_S:
            raise SandboxError(f"a zygote did not start within {_START_TIMEOUT_S:g} s")

    @property
    def zygote_pids(self) -> tuple[int, ...]:
        """The processes started for this pair: the candidate zygote's reaper, and the checker if it has one."""
        return tuple(zygote.process.pid for zygote in self._zygotes)

    def program_pids(self) -> list[int]:
        """Pids of the running program, in the supervisor's pid namespace."""
        inner = proctree.children(self._zygotes[0].process.pid)
        return [pid for zygote in inner for pid in proctree.descendants(zygote)]

    def pids(self) -> list[int]:
        """Pids of all processes of this pair: zygotes, reaper, the running program and its tests."""
        return [pid for zygote in self.zygote_pids for pid in (zygote, *proctree.descendants(zygote))]

    def drain(self) -> list[PairTask]:
        """Take what the zygotes had sent before they died; give the programs that are done."""
        for role, link in self._links.items():
            with contextlib.suppress(PairError, SandboxError):
                while not link.closed and self._receive(role, link):
                    pass
        return self._collect()

    def overtime_task(self) -> PairTask | None:
        """In a closed pair: the program on whose values the tests used up their CPU time, if that ended the checker."""
        if self._checker_status() != -control.OVERTIME_SIGNAL:
            return None
        return next((task for task in self.left if task.is_checked and task.check_report is None), None)

    @property
    def has_retired(self) -> bool:
        """In a closed pair: whether its checker had ended on purpose, between two programs."""
        return self._checker_status() == control.RETIRED

    def _checker_status(self) -> int | None:
        return self._zygotes[1].process.returncode if len(self._zygotes) > 1 else None

    def close(self) -> list[PairTask]:
        """Kill everything of this pair and give back the programs that were with it, which are `left`."""
        self.is_closed = True
        for link in self._links.values():
            link.close()
        for zygote in self._zygotes:
            end_tree(zygote.process, self._scratch if self.kind.allow_fork else "")
        if self._scratch:
            remove_scratch(self._scratch)
        self.left = list(self.tasks)
        self.tasks.clear()
        return self.left


def _job(task: PairTask) -> Job:
    return Job(task.seq, KILL_FACTOR * task.limits.cpu_s, _WALL_NET_S, task.mode)


def _text_of(task: PairTask) -> tuple[bytes, bytes]:
    """Source and, only where both run in one process, tests."""
    tests = (task.program.tests or "") if task.mode == control.INPROC else ""
    return task.program.source.encode("utf-8", "surrogatepass"), tests.encode("utf-8", "surrogatepass")
