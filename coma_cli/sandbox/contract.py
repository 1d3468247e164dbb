"""What goes into the sandbox and what comes out: plain values, independent of benchmarks and processes."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Mode = Literal["split", "inproc"]
VerdictName = Literal["pass", "fail", "timeout", "memory", "error"]
Trust = Literal["tests", "self"]
Level = Literal["ns", "landlock", "rlimit"]

MAX_DETAIL = 300


class SandboxError(Exception):
    """The sandbox itself failed (not the program that ran in it); the message says how."""


class SandboxUnavailable(SandboxError):  # noqa: N818 - the name is part of the contract
    """The requested isolation is not possible on this machine; the message names the step that failed."""


class InheritedLimitError(SandboxError):
    """A limit that this process has inherited from its shell is too low for the sandbox; the message names both."""


@dataclass(frozen=True)
class Limits:
    """What one program, with all its threads and children, may use.

    `cpu_s` decides about timeouts. `wall_s` ends programs that sleep or wait for ever: only time in which nothing of a
    program runs or waits for a core counts; None means max(10, 3 * cpu_s).
    `memory_mb` limits a program's whole process tree. `allow_fork` lets the program start processes, which die with it.
    """

    cpu_s: float = 3.0
    wall_s: float | None = None
    memory_mb: int = 1024
    allow_fork: bool = False

    def __post_init__(self) -> None:
        if not 0.05 <= self.cpu_s <= 86_400:
            raise ValueError(f"cpu_s must be between 0.05 and 86400 seconds, not {self.cpu_s}")
        if self.wall_s is not None and not 0.05 <= self.wall_s <= 86_400:
            raise ValueError(f"wall_s must be between 0.05 and 86400 seconds, not {self.wall_s}")
        if not 32 <= self.memory_mb <= 1_048_576:
            raise ValueError(f"memory_mb must be between 32 and 1048576, not {self.memory_mb}")

    @property
    def wall_limit_s(self) -> float:
        """The wall-clock limit, with its default filled in."""
        return max(10.0, 3 * self.cpu_s) if self.wall_s is None else self.wall_s


@dataclass(frozen=True)
class Program:
    """One untrusted program and how it is judged.

    `source` is a whole module. `tests` is trusted code, executed after it: in `split` mode in another process, where
    the names in `entry_points` are bound to proxies that call the program; in `inproc` mode in the program's own
    interpreter. `prelude` is trusted code that the checker of split mode executes before it binds the entry points.
    With `tests=None` the program judges itself (`trust: self`): it passes if it runs to completion with status 0. `key`
    is returned in the outcome and must be unique within one call of `Sandbox.run`.
    """

    key: str
    source: str
    tests: str | None
    prelude: str = ""
    entry_points: tuple[str, ...] = ()
    mode: Mode = "split"
    limits: Limits | None = None

    @property
    def trust(self) -> Trust:
        """Who decides about `pass`: the trusted tests, or the program itself."""
        return "self" if self.tests is None else "tests"


class FailedTest(NamedTuple):
    """What a checker saw where a test failed: each a printable text of one line, shortened, "" where it is not known.

    `test` is the assertion's source, `call` the last call of the program's function (its arguments as the call left
    them), `actual` what that call returned, and `expected` what the assertion compares it with.
    """

    test: str = ""
    call: str = ""
    expected: str = ""
    actual: str = ""


@dataclass(frozen=True)
class Outcome:
    """What the sandbox says of one program: its verdict, the reason, and how it was run.

    `detail` is printable text of at most 300 characters; it may contain text from the program, so don't trust it.
    `attempts` counts runs: timeouts that are not due to CPU time alone, and what was killed, are retried alone.
    `runner_crash` marks an `error` given because what runs programs died four times while running this one.
    `failed_test` is there where a checker reported a failed assertion; like `detail` it may contain the program's text.
    """

    key: str
    verdict: VerdictName
    detail: str
    cpu_s: float
    wall_s: float
    attempts: int = 1
    trust: Trust = "tests"
    mode: Mode = "split"
    runner_crash: bool = False
    failed_test: FailedTest | None = None
