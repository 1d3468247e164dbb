"""Turns the reports of the zygotes into a verdict: pure functions, with all rules in one place.

A pass needs the checker's report with the right nonce, a program that had not ended by itself, and no limit reached.
What the program said, how it exited and what it printed never make a pass where there are trusted tests.
"""

import signal
from os import WEXITSTATUS, WIFSIGNALED, WTERMSIG

from coma_cli.sandbox.contract import MAX_DETAIL, FailedTest, Limits, VerdictName
from coma_cli.sandbox.inside.protocol import control
from coma_cli.sandbox.inside.protocol.control import CheckReport, RunReport

# A program is killed above the limit that decides a timeout: one that finishes in between is borderline.
KILL_FACTOR = 1.2
# CPU seconds that the tests themselves may use on one program's values, beyond its own limit.
TESTS_ALLOWANCE_S = 5.0
_NEAR_MEMORY_LIMIT = 0.8

WithReason = tuple[VerdictName, str]


def verdict_of(run: RunReport, check: CheckReport | None, limits: Limits) -> WithReason:
    """The verdict on one run and its reason; `check` is None where no checker was involved."""
    overrun = _overrun(run, limits)
    if overrun is not None:
        return overrun
    return _by_tests(run, check, limits) if check is not None else _by_own_word(run, limits)


def failed_test_of(check: CheckReport | None) -> FailedTest | None:
    """What the checker saw of a failed assertion; None if it reported none."""
    if check is None or check.kind != control.FAILED or not check.failed:
        return None
    return FailedTest(*map(safe_text, check.failed[: control.FAILED_PARTS]))


def cpu_limit_of_tests(limits: Limits) -> float:
    """CPU seconds after which tests are ended, and their program with them."""
    return limits.cpu_s + TESTS_ALLOWANCE_S


def overtime_verdict(limits: Limits) -> WithReason:
    """The verdict on a program whose values keep the tests busy for too long."""
    return "timeout", f"the tests used more than {cpu_limit_of_tests(limits):g} s of CPU time on its values"


def may_be_killed_from_outside(run: RunReport, check: CheckReport | None, limits: Limits) -> bool:
    """Whether a run may have ended by somebody else's SIGKILL, as the kernel's when memory runs out.

    A program that kills itself, or that hides from its tests by closing its link, looks the same in one run.
    """
    if check is not None and check.kind == control.KILLED:
        return True
    if _overrun(run, limits) is not None:
        return False
    was_lost = check.kind == control.LOST if check is not None else not run.text
    return was_lost and WIFSIGNALED(run.status) and WTERMSIG(run.status) == signal.SIGKILL


def is_near_memory_limit(run: RunReport, limits: Limits) -> bool:
    """Whether a killed program was so large that the kernel may have killed it for that."""
    return run.max_rss >> 10 > _NEAR_MEMORY_LIMIT * limits.memory_mb


def timeout_is_certain(run: RunReport, check: CheckReport | None, limits: Limits) -> bool:
    """Whether a run that timed out used so much CPU time that another one would time out too."""
    return run.cpu_s >= KILL_FACTOR * limits.cpu_s or (check is not None and check.kind == control.OVERTIME)


def _overrun(run: RunReport, limits: Limits) -> WithReason | None:
    used = f"{run.cpu_s:.2f} s of CPU time, {run.wall_s:.1f} s wall-clock"
    if run.reason == control.MEMORY:
        return "memory", f"its processes used more than {limits.memory_mb} MiB in total"
    if run.reason == control.CPU or run.cpu_s > limits.cpu_s:
        return "timeout", f"above {limits.cpu_s:g} s of CPU time: {used}"
    if run.reason == control.WALL:
        return "timeout", f"above {limits.wall_limit_s:g} s wall-clock: {used}"
    return None


def _by_tests(run: RunReport, check: CheckReport, limits: Limits) -> WithReason:
    text = safe_text(check.text)
    if check.kind == control.PASSED:
        return "pass", ""
    if check.kind == control.BAD_PROGRAM:
        return "error", text
    if check.kind == control.NO_MEMORY:
        return "memory", text
    if check.kind == control.OVERTIME:
        return overtime_verdict(limits)
    if check.kind == control.LOST:
        return _by_end(run, text, limits)
    return "fail", text


def _by_own_word(run: RunReport, limits: Limits) -> WithReason:
    kind, text = run.text[:1], safe_text(run.text[1:])
    if run.reason != control.DONE or not run.text:
        return _by_end(run, "exited early", limits)
    if kind == b"p":
        return "pass", ""
    if kind == b"e":
        return "error", text
    if kind == b"m":
        return "memory", "out of memory"
    return "fail", text or "did not run to completion"


def _by_end(run: RunReport, text: str, limits: Limits) -> WithReason:
    """How a process that was gone too early has died; one that was still there when it was looked for died of us."""
    number = WTERMSIG(run.status) if WIFSIGNALED(run.status) else 0
    if number and (run.reason == control.ENDED or number != signal.SIGKILL):
        if number == signal.SIGXCPU:
            return "timeout", f"above {limits.cpu_s:g} s of CPU time"
        if number == signal.SIGKILL and is_near_memory_limit(run, limits):
            return "memory", "killed near its memory limit"
        return "error", f"killed by {_signal_name(number)}"
    if run.reason == control.ENDED:
        return "fail", f"{text} (exit status {WEXITSTATUS(run.status)})"
    return "fail", text


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def safe_text(text: bytes) -> str:
    """Untrusted bytes as text for a report: printable, one line, at most 300 characters."""
    letters = text.decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in letters)[:MAX_DETAIL]
