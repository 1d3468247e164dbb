"""The messages between the supervisor and its zygotes, with fixed layouts, so that untrusted ones can be parsed."""

from __future__ import annotations

import signal
import struct
from typing import NamedTuple

# The first byte of a message to a zygote.
JOB, KILL, PROBLEM, FORGET = b"J", b"K", b"P", b"F"

SPLIT, INPROC, SELF = 0, 1, 2

# How a run of a program ended, as reported by the zygote that forked it.
ENDED, DONE, CPU, WALL, MEMORY = range(5)

_JOB = struct.Struct("<QddB")
_TEXT = struct.Struct("<Q")
_KILL = struct.Struct("<QB")
_RUN_REPORT = struct.Struct("<QiBddQ")
_CHECK = struct.Struct("<QQId")
_PROBLEM = struct.Struct("<III")
_FORGET = struct.Struct("<I")
_CHECK_REPORT = struct.Struct("<QQcdH")


class MessageError(Exception):
    """A message with an invalid layout."""


class Job(NamedTuple):
    """One program for the candidate zygote, whose text comes beside it as a descriptor.

    `cpu_kill_s`, where it is killed, is above the limit for its verdict.
    """

    seq: int
    cpu_kill_s: float
    wall_kill_s: float
    mode: int

    def encode(self) -> bytes:
        return JOB + _JOB.pack(*self)

    @classmethod
    def decode(cls, frame: bytes) -> Job:
        return cls(*_JOB.unpack_from(frame, 1))


def encode_text(source: bytes, tests: bytes) -> bytes:
    """What the file of a program holds: its source, and its tests in the modes that run both in one process."""
    return b"".join((_TEXT.pack(len(source)), source, tests))


def decode_text(data: bytes) -> tuple[bytes, bytes]:
    """Source and tests."""
    end = _TEXT.size + int(_TEXT.unpack_from(data)[0])
    return data[_TEXT.size : end], data[end:]


def encode_kill(seq: int, reason: int) -> bytes:
    """The supervisor's order to end a run that is still going."""
    return KILL + _KILL.pack(seq, reason)


def decode_kill(frame: bytes) -> tuple[int, int]:
    """Sequence number and reason."""
    seq, reason = _KILL.unpack_from(frame, 1)
    return seq, reason


def encode_release(seq: int, lost: bool) -> bytes:
    """The checker's message to the candidate zygote that a program can be ended; `lost`: it has ended by itself."""
    return _KILL.pack(seq, lost)


def decode_release(message: bytes) -> tuple[int, bool]:
    """Sequence number, and whether the program was lost."""
    seq, lost = _KILL.unpack(message)
    return seq, bool(lost)


class RunReport(NamedTuple):
    """The candidate zygote's report on one run. `text` is the program's own message in the one-process modes."""

    seq: int
    status: int
    reason: int
    cpu_s: float
    wall_s: float
    max_rss: int
    text: bytes

    def encode(self) -> bytes:
        return _RUN_REPORT.pack(*self[:6]) + self.text[:400]

    @classmethod
    def decode(cls, frame: bytes) -> RunReport:
        if len(frame) < _RUN_REPORT.size or frame[12] > MEMORY:
            raise MessageError("run report")
        seq, status, reason, cpu_s, wall_s, max_rss = _RUN_REPORT.unpack_from(frame)
        return cls(seq, status, reason, cpu_s, wall_s, max_rss, frame[_RUN_REPORT.size :])


class ProblemFrame(NamedTuple):
    """Tests that the checker stores under a number, since many programs share the same tests."""

    number: int
    entry_points: tuple[str, ...]
    prelude: str
    tests: str

    def encode(self) -> bytes:
        names, prelude = "\n".join(self.entry_points).encode(), self.prelude.encode("utf-8", "surrogatepass")
        head = _PROBLEM.pack(self.number, len(names), len(prelude))
        return b"".join((PROBLEM, head, names, prelude, self.tests.encode("utf-8", "surrogatepass")))

    @classmethod
    def decode(cls, frame: bytes) -> ProblemFrame:
        number, names, prelude = _PROBLEM.unpack_from(frame, 1)
        start = 1 + _PROBLEM.size
        listed = frame[start : start + names].decode()
        text = frame[start + names :]
        return cls(
            number,
            tuple(listed.split("\n")) if listed else (),
            text[:prelude].decode("utf-8", "surrogatepass"),
            text[prelude:].decode("utf-8", "surrogatepass"),
        )


def encode_forget(number: int) -> bytes:
    """The supervisor's order to drop a problem."""
    return FORGET + _FORGET.pack(number)


def decode_forget(frame: bytes) -> int:
    """The problem's number."""
    number: int = _FORGET.unpack_from(frame, 1)[0]
    return number


class Check(NamedTuple):
    """The order to test the next program with a problem; the nonce is returned with the verdict.

    `cpu_kill_s` is the CPU time that the tests themselves may use.
    """

    seq: int
    nonce: int
    problem: int
    cpu_kill_s: float

    def encode(self) -> bytes:
        return JOB + _CHECK.pack(*self)

    @classmethod
    def decode(cls, frame: bytes) -> Check:
        return cls(*_CHECK.unpack_from(frame, 1))


# The checker's results.
PASSED, FAILED, BAD_PROGRAM, NO_MEMORY, LOST, OVERTIME, KILLED = b"p", b"f", b"e", b"m", b"g", b"t", b"k"
_CHECK_RESULTS = (PASSED, FAILED, BAD_PROGRAM, NO_MEMORY, LOST, OVERTIME, KILLED)
# A checker that has used up the CPU time of a program's tests dies of this signal, unless they ran in a fork of it.
OVERTIME_SIGNAL = signal.SIGPROF
# The exit status of a checker that ends after its report because later programs should not have to live with its state.
RETIRED = 3
FAILED_PARTS, FAILED_PART_MAX = 4, 1000  # of what a report says of a failed assertion: texts, bytes of each


class CheckReport(NamedTuple):
    """The checker's result for one program.

    `LOST`: the program ended before the tests finished. `OVERTIME`: the tests used too much CPU time on its values.
    `KILLED`: the process that ran the tests was killed from outside.
    `failed` are up to four texts on a failed assertion: its source, the last call, the expected and the actual value.
    """

    seq: int
    nonce: int
    kind: bytes
    cpu_s: float
    text: bytes
    failed: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        text = self.text[:400]
        parts = b"\0".join(part[:FAILED_PART_MAX].replace(b"\0", b" ") for part in self.failed[:FAILED_PARTS])
        return _CHECK_REPORT.pack(self.seq, self.nonce, self.kind, self.cpu_s, len(text)) + text + parts

    @classmethod
    def decode(cls, frame: bytes) -> CheckReport:
        if len(frame) < _CHECK_REPORT.size or frame[16:17] not in _CHECK_RESULTS:
            raise MessageError("check report")
        seq, nonce, kind, cpu_s, length = _CHECK_REPORT.unpack_from(frame)
        end = _CHECK_REPORT.size + length
        parts = frame[end:].split(b"\0", FAILED_PARTS - 1) if len(frame) > end else ()
        return cls(seq, nonce, kind, cpu_s, frame[_CHECK_REPORT.size : end], tuple(parts))
