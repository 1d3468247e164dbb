"""The checker: runs trusted tests against a program in another process, in other namespaces.

It calls the program through proxies that send plain values over a socket and get plain values back. Only the checker
can report a pass to the supervisor, and no program ever has a descriptor of that connection.
"""

from __future__ import annotations

import _socket
import builtins
import contextlib
import gc
import os
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, NamedTuple, NoReturn

from coma_cli.sandbox.inside.protocol import control, exceptions, iterators, values, wire
from coma_cli.sandbox.inside.protocol.arguments import copy_into
from coma_cli.sandbox.inside.protocol.control import Check, CheckReport, ProblemFrame
from coma_cli.sandbox.inside.zygotes import candidate, side_effects
from coma_cli.sandbox.inside.zygotes.failed_assertion import CALLS_THE_PROGRAM, LastCall, failed_assertion

_COLLECT_EVERY = 500
_NO_ROOM = "the tests ran out of memory on its values"
# Of all answers of one program: reading them costs the checker more than writing them costs the program.
_ANSWERS_MAX = 256 << 20


class ProgramLost(BaseException):
    """The program can no longer answer, or its answer is not a value. Tests can't change that by catching it."""


class PreparedTests(NamedTuple):
    """The compiled tests of a problem."""

    entry_points: tuple[str, ...]
    prelude: CodeType | None
    tests: CodeType | None
    lines: list[str]
    broken: str  # why the tests can't run
    tidy: bool
    seeds: bool


class RemoteProgram:
    """The link to one program; records what must decide the verdict even if the tests catch exceptions."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._reader = wire.Reader(fd, wire.PROGRAM_FRAME_MAX)
        self._heard = False
        self._received = 0
        self._borrowed: dict[int, Iterator[Any]] = {}
        self._borrowed_items = 0
        self.lost = ""
        self.refused = ""
        self.unloaded: CheckReport | None = None
        self.raised: BaseException | None = None
        self.latest: LastCall | None = None

    def call(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call a function of the program as if it were local."""
        answer = self._ask([name, list(arguments), keywords] if keywords else [name, list(arguments)])
        if answer[0] == candidate.VALUE and len(answer) == 2:
            return answer[1]
        if answer[0] == candidate.VALUE and len(answer) in (3, 4):
            return self._take_changes(answer, arguments, keywords)
        if answer[0] == candidate.RAISED:
            raise self._exception(answer[1:])
        return self._refuse(f"the program returned {_word(answer, 1)}")

    def make_sure_it_loaded(self) -> None:
        """Check that the program loaded, since tests that never call it must not pass otherwise."""
        if not (self._heard or self.lost or self.refused or self.unloaded):
            self._ask([])

    def _ask(self, request: list[Any]) -> list[Any]:
        if self.lost or self.refused or self.unloaded:
            raise ProgramLost
        try:
            data = values.encode(request)
        except values.CrossingError as error:
            self._refuse(f"the tests pass {error}")
        # If the program could not be loaded, its message can still be read after it has exited.
        with contextlib.suppress(wire.GoneError):
            wire.send(self._fd, data)
        try:
            data = self._reader.receive()
            self._received += len(data)
            if self._received > _ANSWERS_MAX:
                self._refuse(f"the program's answers take more than {_ANSWERS_MAX >> 20} MiB in all")
            answer = values.decode_answer(data, self._borrow)
        except wire.GoneError:
            self._lose("exited before the tests finished")
        except MemoryError:
            self._refuse("the program returned a value too large for the tests' memory")
        except wire.TooLargeError as error:
            self._refuse(f"the program returned {error}")
        except wire.FrameError as error:
            self._refuse(f"an invalid answer: {error}")
        if type(answer) is not list or not answer or type(answer[0]) is not str:
            self._refuse("an unexpected answer")
        if not self._heard and answer[0] in (candidate.UNREADABLE, candidate.UNLOADED):
            self.unloaded = _unloaded(answer)
            raise ProgramLost
        self._heard = True
        return answer

    def _borrow(self, name: str, number: int) -> Iterator[Any]:
        """An iterator that the program keeps: the same one each time that it is returned."""
        if number not in self._borrowed:
            items = iterators.BorrowedItems(lambda count: self._more_items(number, count))
            self._borrowed[number] = iterators.rebuild(name, items)
        return self._borrowed[number]

    def _more_items(self, number: int, count: int) -> tuple[list[Any], bool, BaseException | None]:
        answer = self._ask([None, number, count])
        if answer[0] == candidate.REFUSED:
            self._refuse(f"the program returned an iterator that gives {_word(answer, 1)}")
        if answer[0] != candidate.ITEMS or len(answer) not in (3, 4) or type(answer[1]) is not list:
            self._refuse("an unexpected answer")
        self._borrowed_items += len(answer[1])
        if self._borrowed_items > values.MAX_NODES:
            self._refuse(f"the program's iterators give more than {values.MAX_NODES:,} items")
        error = self._exception(answer[3]) if len(answer) == 4 else None
        return answer[1], answer[2] is True, error

    def _take_changes(self, answer: list[Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        changed, changed_keywords = answer[2], answer[3] if len(answer) > 3 else {}
        if type(changed) is not list or type(changed_keywords) is not dict or len(changed) != len(arguments):
            self._refuse("an unexpected answer")
        for old, new in zip(arguments, changed, strict=True):
            copy_into(old, new)
        for key, old in keywords.items():
            copy_into(old, changed_keywords.get(key, old))
        return answer[1]

    def _exception(self, packed: Any) -> BaseException:
        """What to raise for an exception of the program: one that ends a program ends its tests."""
        error = exceptions.unpack(packed) if type(packed) is list else None
        if error is None:
            name, message = (_word(packed, 0), _word(packed, 1)) if type(packed) is list else ("", "")
            self.lost = f"exited with {name}: {message}" if message else f"exited with {name}"
            return ProgramLost()
        self.raised = error
        return error

    def let_go(self) -> None:
        """Drop what refers back to this link, and ask nothing more over it: its descriptor may be another's soon."""
        self.lost = self.lost or "has ended"
        self._borrowed.clear()
        self.raised = self.latest = None

    def _lose(self, why: str) -> NoReturn:
        self.lost = why
        raise ProgramLost from None

    def _refuse(self, why: str) -> NoReturn:
        self.refused = why
        raise ProgramLost from None


def _unloaded(answer: list[Any]) -> CheckReport:
    what = f"{_word(answer, 1)}: {_word(answer, 2)}"
    if answer[0] == candidate.UNREADABLE:
        return _report(control.BAD_PROGRAM, what)
    if _word(answer, 1) == "MemoryError":
        return _report(control.NO_MEMORY, "out of memory while loading")
    return _report(control.FAILED, f"while loading: {what}")


def _word(answer: list[Any], index: int) -> str:
    word = answer[index] if index < len(answer) else ""
    return word if type(word) is str else ""


def _report(kind: bytes, text: str) -> CheckReport:
    return CheckReport(0, 0, kind, 0.0, text.encode("utf-8", "backslashreplace")[:390])


def prepare(problem: ProblemFrame) -> PreparedTests:
    """Compile the tests of a problem once for all programs."""
    lines = problem.tests.splitlines()
    tidy = side_effects.runs_tidily(problem.prelude, problem.tests)
    seeds = side_effects.imports("random", problem.prelude, problem.tests)
    try:
        prelude = compile(problem.prelude, "<prelude>", "exec", dont_inherit=True) if problem.prelude else None
        tests = compile(problem.tests, "<tests>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        return PreparedTests(problem.entry_points, None, None, lines, f"{type(error).__name__}: {error}", False, False)
    return PreparedTests(problem.entry_points, prelude, tests, lines, "", tidy, seeds)


def run_tests(problem: PreparedTests, link: int) -> CheckReport:
    """Run the tests of a problem against the program at the other end of the link."""
    remote = RemoteProgram(link)
    if problem.broken or problem.tests is None:
        return _report(control.FAILED, f"the tests can't run: {problem.broken}")
    if problem.seeds:
        import random

        random.seed(0)
    names: dict[str, Any] = {"__name__": "tests", "__builtins__": builtins}
    error = None
    try:
        if problem.prelude is not None:
            exec(problem.prelude, names)  # noqa: S102 - what this module is for
        for name in problem.entry_points:
            names[name] = _stand_in(remote, name)
        exec(problem.tests, names)  # noqa: S102 - what this module is for
        remote.make_sure_it_loaded()
    except BaseException as caught:
        error = caught
    report = _conclude(remote, error, problem.lines)
    # Globals and their functions form reference cycles, as do an exception and its frames: without this the values of
    # hundreds of programs would wait for the garbage collector.
    names.clear()
    remote.let_go()
    if error is not None:
        error.__traceback__ = None
    return report


def _stand_in(remote: RemoteProgram, name: str) -> Callable[..., Any]:
    def stand_in(*arguments: Any, **keywords: Any) -> Any:
        answer = remote.call(name, arguments, keywords)
        remote.latest = LastCall(name, arguments, keywords, answer)
        return answer

    stand_in.__name__ = stand_in.__qualname__ = name
    setattr(stand_in, CALLS_THE_PROGRAM, True)
    return stand_in


def _conclude(remote: RemoteProgram, error: BaseException | None, lines: list[str]) -> CheckReport:
    """The report; what happened on the link takes precedence over the result of the tests."""
    if remote.unloaded is not None:
        return remote.unloaded
    if remote.refused:
        return _report(control.FAILED, remote.refused)
    if remote.lost:
        return _report(control.LOST, remote.lost)
    if error is None:
        return _report(control.PASSED, "")
    if isinstance(error, MemoryError):
        return _report(control.NO_MEMORY, "out of memory" if error is remote.raised else _NO_ROOM)
    report = _report(control.FAILED, _explain(error, lines))
    return report._replace(failed=failed_assertion(error, lines, remote.latest, raised=error is remote.raised))


def _explain(error: BaseException, lines: list[str]) -> str:
    """The exception and the line of the tests at which it was raised."""
    number, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<tests>":
            number = trace.tb_lineno
        trace = trace.tb_next
    try:
        message = str(error)[:120]
    except Exception:
        message = ""
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    if 0 < number <= len(lines):
        text += f" at test line {number}: {lines[number - 1].strip()[:160]}"
    return text


class CheckerZygote:
    """A loop that waits for the link to a program, looks up its tests, runs them, and reports the result.

    It waits for links and not for the supervisor, whose messages have arrived by then, which saves a wake-up. When the
    supervisor hangs up, the other zygote ends and the channel closes.
    """

    def __init__(self, control_fd: int, channel: _socket.socket) -> None:
        self._control = control_fd
        self._channel = channel
        self._reader = wire.Reader(control_fd, wire.CONTROL_FRAME_MAX)
        self._problems: dict[int, PreparedTests] = {}
        self._done = 0

    def run(self) -> None:
        """Serve until the other zygote hangs up."""
        gc.collect()
        gc.freeze()
        # Collect garbage between programs instead of in the middle of a program's tests.
        gc.disable()
        while True:
            seq, link = self._take_link()
            self._check(self._take_check(seq), link)
            os.close(link)
            self._done += 1
            if self._done % _COLLECT_EVERY == 0:
                gc.collect()

    def _take_link(self) -> tuple[int, int]:
        """The next program: its number, and the descriptor sent by the other zygote."""
        while True:
            data, ancillary, _, _ = self._channel.recvmsg(8, _socket.CMSG_SPACE(4))
            if not data:
                os._exit(0)
            for _, _, content in ancillary:
                return struct.unpack("<Q", data)[0], struct.unpack("i", content[:4])[0]

    def _take_check(self, seq: int) -> Check:
        """The supervisor's order for this program; problems sent before it are stored."""
        while True:
            frame = self._reader.receive()
            kind = frame[:1]
            if kind == control.PROBLEM:
                problem = ProblemFrame.decode(frame)
                self._problems[problem.number] = prepare(problem)
            elif kind == control.FORGET:
                self._problems.pop(control.decode_forget(frame), None)
            elif (check := Check.decode(frame)).seq == seq:
                return check

    def _check(self, check: Check, link: int) -> None:
        problem = self._problems[check.problem]
        if not problem.tidy:
            self._answer_in_fork(check, problem, link)
        elif self._answer(check, problem, link).text == _NO_ROOM.encode():
            # What is left of the memory might not be enough for the tests of the next program.
            os._exit(control.RETIRED)

    def _answer(self, check: Check, problem: PreparedTests, link: int) -> CheckReport:
        """Run the tests and report; above their CPU time this process dies, whatever it is busy with."""
        signal.setitimer(signal.ITIMER_PROF, check.cpu_kill_s)
        started = time.process_time()
        report = run_tests(problem, link)
        spent = time.process_time() - started
        signal.setitimer(signal.ITIMER_PROF, 0)
        report = report._replace(seq=check.seq, nonce=check.nonce, cpu_s=spent)
        self._tell(report)
        return report

    def _answer_in_fork(self, check: Check, problem: PreparedTests, link: int) -> None:
        pid = os.fork()
        if pid == 0:
            try:
                self._answer(check, problem, link)
                os._exit(0)
            finally:
                os._exit(1)
        status = os.waitpid(pid, 0)[1]
        if status != 0:
            kind, why = _end_of_tests(status)
            self._tell(CheckReport(check.seq, check.nonce, kind, 0.0, why))

    def _tell(self, report: CheckReport) -> None:
        """Send the report to the supervisor, and to the other zygote only that this program can be ended."""
        self._channel.send(control.encode_release(report.seq, report.kind == control.LOST))
        wire.send(self._control, report.encode())


def _end_of_tests(status: int) -> tuple[bytes, bytes]:
    """What is reported of tests whose process has ended without a report of its own."""
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if ended_by == control.OVERTIME_SIGNAL:
        return control.OVERTIME, b""
    if ended_by == signal.SIGKILL:
        return control.KILLED, b"the tests were killed"
    return control.FAILED, b"the tests killed the checker"


def raise_recursion_limit() -> None:
    """Leave room for the checker's own frames below those of the tests."""
    sys.setrecursionlimit(1200)
