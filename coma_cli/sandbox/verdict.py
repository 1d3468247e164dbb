"""Turns the zygotes' reports into a verdict: pure functions, with all the rules in one place.

A pass needs a finding from the checker with the right nonce, a program that had not exited early, and no limit reached.
With trusted tests, nothing that the program reports or prints and no exit status can make it pass.
"""

import signal
from os import WEXITSTATUS, WIFSIGNALED, WTERMSIG
from typing import NamedTuple

from coma_cli.sandbox.contract import MAX_DETAIL, Limits, Verdict
from coma_cli.sandbox.inside.protocol import control
from coma_cli.sandbox.inside.protocol.control import Finding, Report

# A program is killed above the limit for its verdict: one that ends in between is borderline.
KILL_FACTOR = 1.2
_NEAR_MEMORY_LIMIT = 0.8


class Judgement(NamedTuple):
    """A verdict and its reason. `firm`: another run would give the same verdict as far as time is concerned."""

    verdict: Verdict
    detail: str
    firm: bool = True


def judge(report: Report, finding: Finding | None, limits: Limits) -> Judgement:
    """The verdict on one run; `finding` is None where no checker was involved."""
    overrun = _judge_limits(report, limits)
    if overrun is not None:
        return overrun
    return _judge_finding(report, finding, limits) if finding is not None else _judge_own_word(report, limits)


def _judge_limits(report: Report, limits: Limits) -> Judgement | None:
    used = f"{report.cpu_s:.2f} s of CPU time, {report.wall_s:.1f} s wall-clock"
    if report.reason == control.MEMORY:
        return Judgement("memory", f"its processes used more than {limits.memory_mb} MiB in total")
    if report.reason == control.CPU or report.cpu_s > limits.cpu_s:
        firm = report.cpu_s >= KILL_FACTOR * limits.cpu_s
        return Judgement("timeout", f"above {limits.cpu_s:g} s of CPU time: {used}", firm)
    if report.reason == control.WALL:
        return Judgement("timeout", f"above {limits.wall_limit_s:g} s wall-clock: {used}", firm=False)
    return None


def _judge_finding(report: Report, finding: Finding, limits: Limits) -> Judgement:
    text = safe_text(finding.text)
    if finding.kind == control.PASSED:
        return Judgement("pass", "")
    if finding.kind == control.BAD_PROGRAM:
        return Judgement("error", text)
    if finding.kind == control.NO_MEMORY:
        return Judgement("memory", text)
    if finding.kind == control.LOST:
        return _judge_end(report, text, limits)
    return Judgement("fail", text)


def _judge_own_word(report: Report, limits: Limits) -> Judgement:
    kind, text = report.text[:1], safe_text(report.text[1:])
    if report.reason != control.DONE:
        return _judge_end(report, "exited early", limits)
    if kind == b"p":
        return Judgement("pass", "")
    if kind == b"e":
        return Judgement("error", text)
    if kind == b"m":
        return Judgement("memory", "out of memory")
    return Judgement("fail", text or "did not run to completion")


def _judge_end(report: Report, text: str, limits: Limits) -> Judgement:
    """The verdict on a process that ended too early."""
    if report.reason == control.ENDED and WIFSIGNALED(report.status):
        number = WTERMSIG(report.status)
        if number == signal.SIGXCPU:
            return Judgement("timeout", f"above {limits.cpu_s:g} s of CPU time", firm=False)
        if number == signal.SIGKILL and report.max_rss >> 10 > _NEAR_MEMORY_LIMIT * limits.memory_mb:
            return Judgement("memory", "killed near its memory limit")
        return Judgement("error", f"killed by {_signal_name(number)}")
    if report.reason == control.ENDED:
        return Judgement("fail", f"{text} (exit status {WEXITSTATUS(report.status)})")
    return Judgement("fail", text)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def safe_text(text: bytes) -> str:
    """Untrusted bytes as text for a report: printable, one line, at most 300 characters."""
    letters = text.decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in letters)[:MAX_DETAIL]
