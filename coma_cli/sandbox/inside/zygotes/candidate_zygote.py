"""The candidate zygote: forks one process per program, watches its CPU time, and cleans up after it.

A program can search all memory that its zygote had at the fork, and walk up the frames above it. So no text ever enters
the zygote: a program's comes as a descriptor that the new process reads, and that process returns from all calls of the
zygote before it does. What a program says of itself in the one-process modes passes through a buffer that is wiped.

A fork shares all memory until one side writes to a page, which is then copied, and in Python even reading an object
writes to it. Most of a program's cost is such copies, so as much work as possible is done before the fork or after the
program's end, and what has to be done in between uses few objects.
"""

from __future__ import annotations

import _socket
import gc
import os
import resource
import select
import struct
import sys
import time
from collections import deque
from typing import NamedTuple

from coma_cli.sandbox.inside.isolation import rlimits
from coma_cli.sandbox.inside.protocol import control, wire
from coma_cli.sandbox.inside.protocol.control import Job, RunReport
from coma_cli.sandbox.inside.zygotes import candidate, memory
from coma_cli.sandbox.inside.zygotes.zygote_ops import ZygoteOps

# How often a running program is checked; the CPU limit and orders to end it take effect with at most this delay.
_TICK_MS = 20
_SETTLE_S = 0.3
_FAR_DESCRIPTOR = 1 << 30
_NONCE_BYTES = 8
_WORD_MAX = 400
_FORGED = b"fit wrote where its own verdict belongs"
_ROOM_FOR_TEXTS = _socket.CMSG_SPACE(16 * 4)


class Entry(NamedTuple):
    """What the new process of a program holds: its mode, its link, its text, and what its own report begins with."""

    mode: int
    link: int
    text: int
    nonce: bytes = b""


class CandidateZygote:
    """A loop that takes a job, runs it and reports."""

    def __init__(self, control_fd: int, channel: _socket.socket, ops: ZygoteOps) -> None:
        self._control = control_fd
        self._channel = channel
        self._ops = ops
        self._decoder = wire.Decoder(wire.SMALL_READ)
        self._orders_in = _socket.socket(fileno=control_fd)
        self._texts: deque[int] = deque()  # descriptors, in the order of the jobs
        self._jobs: deque[Job] = deque()
        self._killed: tuple[int, int] | None = None
        self._word = bytearray(_NONCE_BYTES + _WORD_MAX)
        self._wiped = bytes(len(self._word))
        # The next job arrives while a program runs. Waking up for it would cost more than reading it, so messages from
        # the supervisor are read between two programs and at each tick.
        self._orders, self._releases, self._words = select.poll(), select.poll(), select.poll()
        self._orders.register(control_fd, select.POLLIN)
        self._releases.register(channel.fileno(), select.POLLIN)

    def run(self) -> Entry:
        """Serve until the supervisor hangs up; returns in the new process of each program."""
        candidate.warm_up()
        sys.setrecursionlimit(candidate.PLAIN_RECURSION_LIMIT + candidate.FRAMES_ABOVE)
        gc.collect()
        memory.use_up_gaps()
        gc.freeze()
        while True:
            while not self._jobs:
                self._read_control()
            job, text = self._jobs.popleft(), self._texts.popleft()
            report = self._run_split(job, text) if job.mode == control.SPLIT else self._run_alone(job, text)
            if isinstance(report, Entry):
                return report
            if job.mode == control.SPLIT:
                wire.send(self._control, report.encode())
            if self._ops.scratch_touched():
                self._ops.renew_scratch()

    def _read_control(self) -> None:
        data, ancillary, _, _ = self._orders_in.recvmsg(wire.SMALL_READ, _ROOM_FOR_TEXTS)
        if not data:
            os._exit(0)
        for _, _, content in ancillary:
            self._texts.extend(struct.unpack(f"{len(content) // 4}i", content))
        self._decoder.feed(data)
        while (frame := self._decoder.next()) is not None:
            if frame[:1] == control.JOB:
                self._jobs.append(Job.decode(frame))
            else:
                self._killed = control.decode_kill(frame)

    # --- split mode: a program whose checker has the other end of its link ---

    def _run_split(self, job: Job, text: int) -> RunReport | Entry:
        seq, cpu_kill, wall_kill, mode = job
        theirs, ours = _socket.socketpair()
        # The checker gets its end before the fork, so that it can prepare while the program loads.
        rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("i", ours.fileno()))
        self._channel.sendmsg([struct.pack("<Q", seq)], [rights])
        ours.close()
        link = theirs.fileno()
        cpu = rlimits.cpu_limit(cpu_kill)
        started = time.monotonic()
        pid = self._ops.fork()
        if pid == 0:
            self._enter_program(theirs.detach(), text, cpu)
            return Entry(mode, link, text)
        theirs.close()
        os.close(text)
        reason = self._await_release(seq, pid, cpu_kill, started + wall_kill)
        return self._end(seq, pid, reason, started)

    def _await_release(self, seq: int, pid: int, cpu_kill: float, deadline: float) -> int:
        """Wait until the checker releases the program or a limit is reached; return why it ended."""
        while True:
            if self._releases.poll(_TICK_MS):
                released, lost = control.decode_release(self._channel.recv(64))
                if released == seq:
                    return _settle(pid) if lost else control.DONE
            elif (reason := self._reason_to_end(seq, pid, cpu_kill, deadline)) is not None:
                return reason

    # --- one-process modes: a program that reports its own result ---

    def _run_alone(self, job: Job, text: int) -> RunReport | Entry:
        seq, cpu_kill, wall_kill, mode = job
        # A report without the nonce is forged; a program that searches its own memory can find it: hence split mode.
        nonce = os.urandom(_NONCE_BYTES)
        ours, link = os.pipe()
        cpu = rlimits.cpu_limit(cpu_kill)
        started = time.monotonic()
        pid = self._ops.fork()
        if pid == 0:
            self._enter_program(link, text, cpu)
            return Entry(mode, link, text, nonce)
        os.close(link)
        os.close(text)
        self._words.register(ours, select.POLLIN)
        reason, size = self._await_word(ours, seq, pid, cpu_kill, started + wall_kill)
        report = self._end(seq, pid, reason, started)
        self._words.unregister(ours)
        os.close(ours)
        self._pass_on(report, size, nonce)
        return report

    def _await_word(self, ours: int, seq: int, pid: int, cpu_kill: float, deadline: float) -> tuple[int, int]:
        """Why the run ended, and how much of the buffer its word fills."""
        while True:
            if self._words.poll(_TICK_MS):
                size = os.readv(ours, [self._word])
                return (control.DONE if size else _settle(pid)), size
            if (reason := self._reason_to_end(seq, pid, cpu_kill, deadline)) is not None:
                return reason, 0

    def _pass_on(self, report: RunReport, size: int, nonce: bytes) -> None:
        """Send the report with the program's word; a copy that stayed in memory would be there for the next program."""
        forged = size > 0 and self._word[:_NONCE_BYTES] != nonce
        with memoryview(self._word) as word, word[min(size, _NONCE_BYTES) : size] as text:
            wire.send_short(self._control, report.encode(), _FORGED if forged else text)
        self._word[:] = self._wiped

    # --- start and end in both modes ---

    def _enter_program(self, link: int, text: int, cpu: tuple[int, int]) -> None:
        """In the new process: give up everything that is not the program's."""
        # Each call costs this process some pages.
        first, second = (link, text) if link < text else (text, link)
        if first > 3:
            os.closerange(3, first)
        if second > first + 1:
            os.closerange(first + 1, second)
        os.closerange(second + 1, _FAR_DESCRIPTOR)
        if self._ops.limit_cpu:
            resource.setrlimit(resource.RLIMIT_CPU, cpu)
        self._ops.shut_in()

    def _reason_to_end(self, seq: int, pid: int, cpu_kill: float, deadline: float) -> int | None:
        """Why a running program must end: the supervisor's order, or a limit; None if it may continue."""
        while self._orders.poll(0):
            self._read_control()
        if self._killed is not None and self._killed[0] == seq:
            return self._killed[1]
        return _limit_reached(pid, cpu_kill, deadline)

    def _end(self, seq: int, pid: int, reason: int, started: float) -> RunReport:
        """Kill the program and everything it started, and collect their resource usage."""
        wall = time.monotonic() - started
        self._ops.kill_all(pid)
        _, status, usage = os.wait4(pid, 0)
        cpu, max_rss = usage.ru_utime + usage.ru_stime, usage.ru_maxrss
        if not self._ops.alone:
            cpu, max_rss = _reap_others(cpu, max_rss)
        return RunReport(seq, status, reason, cpu, wall, max_rss, b"")


def _reap_others(cpu: float, max_rss: int) -> tuple[float, int]:
    """Reap a program's other processes, adding to its own CPU time and maximum resident set size."""
    while True:
        try:
            _, _, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return cpu, max_rss
        cpu += usage.ru_utime + usage.ru_stime
        max_rss = max(max_rss, usage.ru_maxrss)


def _settle(pid: int) -> int:
    """Wait for a program that has closed its link to exit, so that its status tells how it died."""
    deadline = time.monotonic() + _SETTLE_S
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return control.ENDED
        time.sleep(0.0005)
    return control.DONE


def _limit_reached(pid: int, cpu_kill: float, deadline: float) -> int | None:
    try:
        # The clock id of another process's CPU clock (include/linux/posix-timers.h).
        if time.clock_gettime(((~pid) << 3) | 2) >= cpu_kill:
            return control.CPU
    except OSError:
        pass
    return control.WALL if time.monotonic() >= deadline else None
