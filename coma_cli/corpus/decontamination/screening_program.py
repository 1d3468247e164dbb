# ruff: noqa: S102, S307  # it runs what it is given, in the sandbox and nowhere else
"""What tries functions against the tests of many problems within one process of the sandbox.

Its text is a program: `screening` appends the problems and the comparisons that tests call (see `plain_comparison`).
Nothing here decides that a function solves a problem, it only says where running the whole test is worthwhile, so a
function that deceives it gains nothing.

What a function may do is counted in steps, not in seconds, so that the answer is the same on any machine. A problem's
test ends at its first failed assertion. Problems whose arguments are of a kind that a function has rejected twice with
a TypeError or an AttributeError are skipped.
"""

import base64
import gc
import marshal
import random
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

# Steps that one test may take; fewer for a function that has run out of them once, as a slow one does again and again;
# more, a few times, where the first assertion holds. `TOTAL_STEPS` is for all tests of a function but those.
MOST_STEPS, FEWER_STEPS, EXTENDED_STEPS, TOTAL_STEPS = 10_000, 1_000, 150_000, 100_000
EXTENSIONS = 1
REJECTED = 2
FLOODS = 1  # times that a function may run out of memory
COMPARE = "_coma_compare"
PLAIN = frozenset((int, float, bool, str, type(None)))
CANDIDATE = "<candidate>"
STEP = "_coma_step"
# Setup and tests (marshalled code), the names that tests call, numbers of arguments, their kind, the first assertion
# (marshalled: arguments, form, expected value; empty if it has another form).
PackedProblem = tuple[bytes, bytes, tuple[str, ...], tuple[int, ...], str, bytes]
PROBLEMS: list[PackedProblem] = []


class OutOfStepsError(BaseException):
    """A test has taken too many steps."""


class Steps:
    """Counts the steps that a function takes (see `step_counting`), and ends what takes too many."""

    def __init__(self) -> None:
        self.left = 0

    def count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OutOfStepsError


class Silence:
    """Takes the place of the output."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


STEPS = Steps()
_fitting: dict[tuple[int, int], list[int]] = {}
_unpacked: dict[int, tuple[dict[str, Any], Any]] = {}


class Attempt:
    """One function on its way through the problems."""

    def __init__(self, program: str, function: str) -> None:
        self._expression = compile(function, CANDIDATE, "eval")
        self._names: dict[str, Any] = {"__name__": "candidate", STEP: STEPS.count}
        self._rejected: Counter[str] = Counter()
        self._accepted: set[str] = set()
        self._overruns = 0
        self._floods = 0
        self._extensions = 0
        self._left = TOTAL_STEPS
        code = compile(program, CANDIDATE, "exec")
        self._ended(lambda: exec(code, self._names), MOST_STEPS)

    def passes(self, number: int) -> bool:
        """Whether the function seems to pass the tests of a problem."""
        kind, first = PROBLEMS[number][4:]
        if (
            self._left <= 0
            or self._floods >= FLOODS
            or (kind not in self._accepted and self._rejected[kind] >= REJECTED)
        ):
            return False
        calls = [0, 0]  # begun and ended
        steps = FEWER_STEPS if self._overruns else MOST_STEPS
        error = self._ended(lambda: self._try_first(first, calls), steps) if first else None
        if error is None:
            self._left -= steps - STEPS.left
            error = self._ended(lambda: self._try_all(number, calls), steps)
            if isinstance(error, OutOfStepsError) and calls[1] and self._extensions < EXTENSIONS:
                self._extensions += 1
                error = self._ended(lambda: self._try_all(number, calls), EXTENDED_STEPS)
        else:
            self._left -= steps - STEPS.left
        if calls[1]:
            self._accepted.add(kind)
        elif kind and isinstance(error, (TypeError, AttributeError)):
            self._rejected[kind] += 1
        self._floods += isinstance(error, MemoryError)
        self._overruns += isinstance(error, OutOfStepsError)
        return error is None

    def _try_first(self, first: bytes, calls: list[int]) -> None:
        """The first assertion by itself, which hardly any function passes."""
        arguments, form, expected = marshal.loads(first)  # noqa: S302  # written by this process's host
        calls[0] += 1
        value = eval(self._expression, self._names)(*arguments)
        calls[1] += 1
        if form == "==":
            right = value == expected if type(value) in PLAIN else COMPARISONS[COMPARE](("==",), value, expected)
        else:
            right = bool(value) is expected
        if not right:
            raise AssertionError

    def _try_all(self, number: int, calls: list[int]) -> None:
        function = eval(self._expression, self._names)

        def counted(*arguments: Any, **named: Any) -> Any:
            calls[0] += 1
            value = function(*arguments, **named)
            calls[1] += 1
            return value

        setup, tests = unpacked(number)
        random.seed(0)  # some tests draw their arguments
        names = dict(setup)
        entry_point, *others = PROBLEMS[number][2]
        names.update({name: self._names[name] for name in others})
        names[entry_point] = counted
        exec(tests, names)

    @staticmethod
    def _ended(work: Callable[[], object], steps: int) -> BaseException | None:
        """How something ends that may take so many steps."""
        STEPS.left = steps
        try:
            work()
        except BaseException as error:  # an exit too
            error.__traceback__ = error.__context__ = None  # what it has made is not kept for the next function
            if isinstance(error, MemoryError):
                gc.collect()
            return error
        return None


def unpacked(number: int) -> tuple[dict[str, Any], Any]:
    """The names that a problem's tests find, and their code."""
    if number not in _unpacked:
        setup, tests = PROBLEMS[number][:2]
        names = dict(COMPARISONS)
        if setup:
            exec(marshal.loads(setup), names)  # noqa: S302  # written by this process's host
        _unpacked[number] = names, marshal.loads(tests)  # noqa: S302
    return _unpacked[number]


def fitting(least: int, most: int) -> list[int]:
    """The problems whose tests call a function with these numbers of arguments at least and at most."""
    key = (least, most)
    if key not in _fitting:
        found = [n for n, problem in enumerate(PROBLEMS) if all(least <= count <= most for count in problem[3])]
        _fitting[key] = found
    return _fitting[key]


_attempts: list[Attempt] = []


def answer(question: str, *arguments: Any) -> Any:
    """What this program is called for: all problems that a function seems to solve, or one after the other."""
    if question == "all":
        program, function, least, most = arguments
        attempt = Attempt(program, function)
        return [number for number in fitting(least, most) if attempt.passes(number)]
    if question == "begin":
        _attempts[:] = [Attempt(*arguments)]
        return None
    return _attempts[0].passes(*arguments)


COMPARISONS: dict[str, Any] = {}


def begin(problems: str, compare: object) -> None:
    """Make this process ready: it prints nothing, and waits for nothing. `problems` are marshalled, packed as text."""
    PROBLEMS[:] = marshal.loads(zlib.decompress(base64.b64decode(problems)))  # noqa: S302
    COMPARISONS[COMPARE] = compare
    sys.stdout = sys.stderr = Silence()
    time.sleep = lambda seconds: None
