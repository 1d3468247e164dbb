"""Calls functions of a program that runs in the sandbox and brings their values back.

The program runs behind the same walls as a candidate in split mode; this end plays the part of its checker. Values
come as the sandbox's plain values, so nothing of the program is ever unpickled or evaluated here.
"""

import json
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from coma_cli.sandbox import launch
from coma_cli.sandbox.contract import Limits, SandboxError
from coma_cli.sandbox.inside import candidate, control, values, wire
from coma_cli.sandbox.isolation import Isolation
from coma_cli.sandbox.zygote_scratch import make_scratch, remove_scratch

_START_TIMEOUT_S = 60.0
_ZYGOTE_INDEX = 799  # the last id that zygotes may have; those of a sandbox are counted from 0
_ENDS = {control.CPU: "it ran out of CPU time", control.WALL: "it ran out of time", control.MEMORY: "out of memory"}


class CallError(Exception):
    """The program did not give a value; the message says why."""


class ProgramCaller:
    """One zygote that runs programs, one after the other; a context manager.

    `numpy` gives them the installed packages.

    Raises:
        SandboxError: the zygote can't start.
    """

    def __init__(self, isolation: Isolation, limits: Limits, *, python: str | None = None, numpy: bool = False) -> None:
        self._limits = limits
        self._sequence = 0
        setting = launch.Setting(isolation.level, launch.find_interpreter(python))
        kind = launch.Kind(site=numpy, memory_mb=limits.memory_mb)
        self._scratch = make_scratch(setting, launch.uid_of(_ZYGOTE_INDEX))
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._zygote = launch.start_zygote("candidate", setting, kind, theirs, _ZYGOTE_INDEX, self._scratch)
        self._zygote.control.settimeout(_START_TIMEOUT_S)
        self._control = wire.Decoder(wire.CONTROL_FRAME_MAX)
        try:
            answer = json.loads(self._frame())
            if answer.get("ready") is not True:
                raise SandboxError(f"the zygote of the called programs can't start: {answer.get('broken', '')}")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the zygote and what runs under it."""
        self._zygote.control.close()
        self._channel.close()
        self._zygote.process.kill()
        self._zygote.process.wait()
        if self._scratch:
            remove_scratch(self._scratch)

    def values(self, source: str, name: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """What function `name` of a program answers to each of the calls, all within one CPU limit.

        Raises:
            CallError: the program can't be loaded, raised, ran out of its limits, or answered no plain value.
        """
        with self._started(source) as (link, reader):
            # Without this sign of life, a program that can't be loaded would answer the first call in its own way.
            wire.send(link, values.encode([]))
            _expect(_answer(reader), candidate.READY)
            found = []
            for arguments in calls:
                wire.send(link, values.encode([name, list(arguments), {}]))
                answer = _answer(reader)
                _expect(answer, candidate.VALUE)
                found.append(answer[1])
            return found

    @contextmanager
    def _started(self, source: str) -> Iterator[tuple[int, wire.Reader]]:
        """Start a program; on leaving it is ended, and if it had ended before by a limit, that is the error."""
        self._sequence += 1
        cpu_s, wall_s = self._limits.cpu_s, 10 * self._limits.wall_limit_s
        job = control.Job(self._sequence, cpu_s, wall_s, control.SPLIT, b"", source.encode("utf-8", "surrogatepass"))
        self._zygote.control.settimeout(wall_s + _START_TIMEOUT_S)
        self._channel.settimeout(_START_TIMEOUT_S)
        lost = False
        try:
            self._zygote.control.sendall(wire.encode(job.encode()))
            link = self._take_link()
        except OSError as error:
            raise SandboxError(f"the zygote of the called programs is gone: {error}") from None
        try:
            yield link, wire.Reader(link, wire.PROGRAM_FRAME_MAX)
        except wire.GoneError:
            lost = True
        finally:
            os.close(link)
            report = self._end(lost)
        if lost:
            raise CallError(_ENDS.get(report.reason, "it left before it answered"))

    def _take_link(self) -> int:
        data, ancillary, _, _ = self._channel.recvmsg(8, socket.CMSG_SPACE(4))
        links = [int(struct.unpack("i", content[:4])[0]) for _, _, content in ancillary]
        if len(links) != 1 or data != struct.pack("<Q", self._sequence):
            raise OSError("no link to the program came")
        return links[0]

    def _end(self, lost: bool) -> control.Report:
        try:
            self._channel.send(control.encode_release(self._sequence, lost))
            return control.Report.decode(self._frame())
        except (OSError, control.MessageError) as error:
            raise SandboxError(f"the zygote of the called programs is gone: {error}") from None

    def _frame(self) -> bytes:
        while (frame := self._control.next()) is None:
            data = self._zygote.control.recv(1 << 16)
            if not data:
                raise SandboxError("the zygote of the called programs is gone")
            self._control.feed(data)
        return frame


def _answer(reader: wire.Reader) -> list[Any]:
    try:
        answer = values.decode(reader.receive())
    except wire.FrameError as error:
        raise CallError(f"an answer that is {error}") from None
    if type(answer) is not list or not answer:
        raise CallError("an answer out of turn")
    return answer


def _expect(answer: list[Any], kind: str) -> None:
    if answer[0] != kind:
        raise CallError(": ".join(str(word)[:200] for word in answer[1:3]) or "an answer out of turn")
