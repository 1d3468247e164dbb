"""Calls functions of a program that runs in the sandbox and returns their values.

The program is isolated like a candidate in split mode; this side takes the role of its checker, with the checker's own
code. Values are encoded as the sandbox's plain values, so nothing from the program is ever unpickled or evaluated here.
"""

import json
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from coma_cli.sandbox import launch
from coma_cli.sandbox.contract import Limits, SandboxError
from coma_cli.sandbox.inside.protocol import control, wire
from coma_cli.sandbox.inside.zygotes.checker import ProgramLost, RemoteProgram
from coma_cli.sandbox.levels import Isolation
from coma_cli.sandbox.program_text import open_text
from coma_cli.sandbox.zygote_scratch import finish_removing, make_scratch, remove_scratch

_START_TIMEOUT_S = 60.0
_REMOVING_S = 10.0
# The first call of a new caller, which has to return this before programs are run, and its wall-clock limit.
SAMPLE, SAMPLE_ANSWER, SAMPLE_WALL_S = "def f(x):\n    return [x, 'b']\n", [["a", "b"]], 10.0
LATE_S = 30.0  # how long after a program's wall-clock limit its zygote may still be silent
_LAST_ZYGOTE_INDEX = 799  # callers are counted down from here, the zygotes of a sandbox up from 0
_ENDS = {
    control.CPU: "it ran out of CPU time",
    control.WALL: "it ran out of wall time",
    control.MEMORY: "out of memory",
}


class CallError(Exception):
    """The program did not return a value; the message says why."""


class ProgramCaller:
    """One zygote that runs programs, one after the other; entered as a context manager, which starts it.

    `numpy` gives them access to that package. `place` is its number among the callers that live at a
    time. A small built-in program is called first: if the two sides disagree about the protocol, that fails within
    seconds, and no later call can wait forever.

    Raises (on entering):
        SandboxError: the zygote can't start, or does not answer as this side expects.
    """

    def __init__(
        self, isolation: Isolation, limits: Limits, *, python: str | None = None, numpy: bool = False, place: int = 0
    ) -> None:
        self._isolation = isolation
        self._limits = limits
        self._python = python
        self._numpy = numpy
        self._index = _LAST_ZYGOTE_INDEX - place
        self._sequence = 0
        self.cpu_s = 0.0  # of the latest program

    def __enter__(self) -> Self:
        setting = launch.Setting(self._isolation.level, launch.find_interpreter(self._python))
        kind = launch.PairKind(packages=("numpy",) if self._numpy else (), memory_mb=self._limits.memory_mb)
        self._scratch = make_scratch(setting, launch.uid_of(self._index))
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._zygote = launch.start_zygote("candidate", setting, kind, theirs, self._index, self._scratch)
        self._zygote.control.settimeout(_START_TIMEOUT_S)
        self._control = wire.Decoder(wire.CONTROL_FRAME_MAX)
        try:
            answer = json.loads(self._frame())
            if answer.get("ready") is not True:
                raise SandboxError(f"the zygote for called programs can't start: {answer.get('broken', '')}")
            self._try_a_call()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the zygote and its descendants."""
        self._zygote.control.close()
        self._channel.close()
        self._zygote.process.kill()
        self._zygote.process.wait()
        if self._scratch:
            remove_scratch(self._scratch)
            finish_removing(_REMOVING_S)

    def stop(self) -> None:
        """Kill the zygote with its program, from any thread; a call that waits for them raises SandboxError."""
        self._zygote.process.kill()

    def values(self, source: str, name: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """The return values of function `name` of a program for each of the calls, all within one CPU limit.

        Changes that the function makes to lists, dicts and sets in its arguments are applied to them here.

        Raises:
            CallError: the program can't be loaded, raised, exceeded its limits, or returned a value that is not plain.
            SandboxError: the zygote has died.
        """
        return list(self.each(source, name, calls))

    def each(
        self, source: str, name: str, calls: Iterable[Sequence[Any]], wall_s: float | None = None
    ) -> Iterator[Any]:
        """As `values`, one value at a time: where a call fails, those before it have given theirs.

        Closing the iterator ends the program.
        """
        # The wall-clock limit is generous: nothing here is run a second time.
        with self._started(source, 10 * self._limits.wall_limit_s if wall_s is None else wall_s) as remote:
            # Without this handshake, a program that can't be loaded could fake the answer to the first call.
            remote.make_sure_it_loaded()
            for arguments in calls:
                yield remote.call(name, tuple(arguments), {})

    def _try_a_call(self) -> None:
        try:
            answer = list(self.each(SAMPLE, "f", [("a",)], SAMPLE_WALL_S))
        except CallError as error:
            raise SandboxError(f"a trivial program could not be called: {error}") from None
        if answer != SAMPLE_ANSWER:
            raise SandboxError(f"a trivial program returned {str(answer)[:100]}")

    @contextmanager
    def _started(self, source: str, wall_s: float) -> Iterator[RemoteProgram]:
        """Start a program; on exit, kill it and raise what went wrong."""
        self._sequence += 1
        job = control.Job(self._sequence, self._limits.cpu_s, wall_s, control.SPLIT)
        self._zygote.control.settimeout(wall_s + LATE_S)
        self._channel.settimeout(LATE_S)
        try:
            self._send(job, source)
            link = self._take_link()
        except OSError as error:
            raise SandboxError(f"the zygote for called programs has died: {error}") from None
        # A zygote that no longer enforces the wall-clock limit must not block this side.
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(wall_s + LATE_S), 0))
        remote = RemoteProgram(link.fileno())
        failure = ""
        try:
            yield remote
        except ProgramLost:
            failure = _why(remote)
        except Exception as error:
            if error is not remote.raised:
                raise
            failure = f"{type(error).__name__}: {str(error)[:200]}"
        finally:
            link.close()
            report = self._end(bool(remote.lost))
            self.cpu_s = report.cpu_s
            remote.let_go()
        if failure:
            raise CallError(_ENDS.get(report.reason, failure))

    def _send(self, job: control.Job, source: str) -> None:
        text = open_text(source.encode("utf-8", "surrogatepass"))
        try:
            socket.send_fds(self._zygote.control, [wire.encode(job.encode())], [text])
        finally:
            os.close(text)

    def _take_link(self) -> socket.socket:
        data, ancillary, _, _ = self._channel.recvmsg(8, socket.CMSG_SPACE(4))
        links = [int(struct.unpack("i", content[:4])[0]) for _, _, content in ancillary]
        if len(links) != 1 or data != struct.pack("<Q", self._sequence):
            raise OSError("no connection to the program was received")
        return socket.socket(fileno=links[0])

    def _end(self, lost: bool) -> control.RunReport:
        try:
            self._channel.send(control.encode_release(self._sequence, lost))
            self._zygote.control.settimeout(LATE_S)
            return control.RunReport.decode(self._frame())
        except (OSError, control.MessageError) as error:
            raise SandboxError(f"the zygote for called programs has died: {error}") from None

    def _frame(self) -> bytes:
        while (frame := self._control.next()) is None:
            data = self._zygote.control.recv(1 << 16)
            if not data:
                raise SandboxError("the zygote for called programs has died")
            self._control.feed(data)
        return frame


def _why(remote: RemoteProgram) -> str:
    """Why there is no answer."""
    if remote.unloaded is not None:
        return remote.unloaded.text.decode("utf-8", "replace")
    return remote.lost or remote.refused
