"""From the zygotes' reports to a verdict: one row per rule."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.sandbox.contract import MAX_DETAIL, Limits
from coma_cli.sandbox.inside.protocol import control
from coma_cli.sandbox.inside.protocol.control import Finding, Report
from coma_cli.sandbox.verdict import judge, safe_text

LIMITS = Limits(cpu_s=1.0, wall_s=5.0, memory_mb=100)


def report(
    reason: int = control.DONE, status: int = signal.SIGKILL, cpu: float = 0.1, rss_kib: int = 9000, text: bytes = b""
) -> Report:
    return Report(1, status, reason, cpu, 0.2, rss_kib, text)


def finding(kind: bytes, text: bytes = b"") -> Finding:
    return Finding(1, 2, kind, 0.0, text)


@pytest.mark.parametrize(
    ("seen", "found", "verdict"),
    [
        (report(), finding(control.PASSED), "pass"),
        (report(), finding(control.FAILED, b"no"), "fail"),
        (report(), finding(control.BAD_PROGRAM), "error"),
        (report(), finding(control.NO_MEMORY), "memory"),
        # A reached limit takes precedence over the checker's finding.
        (report(cpu=1.1), finding(control.PASSED), "timeout"),
        (report(control.CPU, cpu=1.3), finding(control.LOST), "timeout"),
        (report(control.WALL), finding(control.PASSED), "timeout"),
        (report(control.MEMORY), finding(control.PASSED), "memory"),
        # The program was gone: the way it died distinguishes its own failure from an external one.
        (report(control.ENDED, status=0), finding(control.LOST), "fail"),
        (report(control.ENDED, status=3 << 8), finding(control.LOST), "fail"),
        (report(control.ENDED, status=signal.SIGSEGV), finding(control.LOST), "error"),
        (report(control.ENDED, status=signal.SIGKILL), finding(control.LOST), "error"),
        (report(control.ENDED, status=signal.SIGKILL, rss_kib=95 << 10), finding(control.LOST), "memory"),
        (report(control.ENDED, status=signal.SIGXCPU), finding(control.LOST), "timeout"),
        (report(control.DONE), finding(control.LOST), "fail"),
        # Programs that report their own result.
        (report(text=b"p"), None, "pass"),
        (report(text=b"fno"), None, "fail"),
        (report(text=b"eno"), None, "error"),
        (report(text=b"m"), None, "memory"),
        (report(text=b"?"), None, "fail"),
        (report(control.ENDED, status=0), None, "fail"),
        (report(control.ENDED, status=0, text=b"p"), None, "fail"),
        (report(control.WALL, text=b"p"), None, "timeout"),
    ],
)
def test_rules(seen: Report, found: Finding | None, verdict: str) -> None:
    assert judge(seen, found, LIMITS).verdict == verdict


@pytest.mark.parametrize(
    ("seen", "firm"),
    [
        (report(control.CPU, cpu=1.25), True),
        (report(cpu=1.1), False),
        (report(control.WALL, cpu=0.1), False),
        (report(control.ENDED, status=signal.SIGXCPU), False),
    ],
)
def test_only_cpu_time_well_above_its_limit_needs_no_second_run(seen: Report, firm: bool) -> None:
    judgement = judge(seen, finding(control.LOST), LIMITS)
    assert (judgement.verdict, judgement.firm) == ("timeout", firm)


@given(text=st.binary(max_size=2000))
def test_text_from_programs_is_made_printable_and_short(text: bytes) -> None:
    safe = safe_text(text)
    assert len(safe) <= MAX_DETAIL
    assert safe.isprintable()
    safe.encode("utf-8")
