"""From the reports of the zygotes to a verdict: one row a rule."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.sandbox.contract import MAX_DETAIL, Limits
from coma_cli.sandbox.inside.protocol import control
from coma_cli.sandbox.inside.protocol.control import CheckReport, RunReport
from coma_cli.sandbox.verdict import (
    cpu_limit_of_tests,
    may_be_killed_from_outside,
    safe_text,
    timeout_is_certain,
    verdict_of,
)

LIMITS = Limits(cpu_s=1.0, wall_s=5.0, memory_mb=100)


def run(
    reason: int = control.DONE, status: int = signal.SIGKILL, cpu: float = 0.1, rss_kib: int = 9000, text: bytes = b""
) -> RunReport:
    return RunReport(1, status, reason, cpu, 0.2, rss_kib, text)


def check(kind: bytes, text: bytes = b"") -> CheckReport:
    return CheckReport(1, 2, kind, 0.0, text)


@pytest.mark.parametrize(
    ("seen", "tests", "verdict"),
    [
        (run(), check(control.PASSED), "pass"),
        (run(), check(control.FAILED, b"no"), "fail"),
        (run(), check(control.BAD_PROGRAM), "error"),
        (run(), check(control.NO_MEMORY), "memory"),
        # A limit that was reached outweighs whatever the checker reports.
        (run(cpu=1.1), check(control.PASSED), "timeout"),
        (run(control.CPU, cpu=1.3), check(control.LOST), "timeout"),
        (run(control.WALL), check(control.PASSED), "timeout"),
        (run(control.MEMORY), check(control.PASSED), "memory"),
        # The program was gone: the way it died distinguishes its own failure from an external one.
        (run(control.ENDED, status=0), check(control.LOST), "fail"),
        (run(control.ENDED, status=3 << 8), check(control.LOST), "fail"),
        (run(control.ENDED, status=signal.SIGSEGV), check(control.LOST), "error"),
        (run(control.ENDED, status=signal.SIGKILL), check(control.LOST), "error"),
        (run(control.ENDED, status=signal.SIGKILL, rss_kib=95 << 10), check(control.LOST), "memory"),
        (run(control.ENDED, status=signal.SIGXCPU), check(control.LOST), "timeout"),
        (run(control.DONE), check(control.LOST), "fail"),
        # It was still ending when it was looked for.
        (run(control.DONE, status=signal.SIGSEGV), check(control.LOST), "error"),
        (run(control.DONE, status=signal.SIGSEGV), None, "error"),
        (run(), check(control.OVERTIME), "timeout"),
        # Programs that report their own result.
        (run(text=b"p"), None, "pass"),
        (run(text=b"fno"), None, "fail"),
        (run(text=b"eno"), None, "error"),
        (run(text=b"m"), None, "memory"),
        (run(text=b"?"), None, "fail"),
        (run(control.ENDED, status=0), None, "fail"),
        (run(control.ENDED, status=0, text=b"p"), None, "fail"),
        (run(control.WALL, text=b"p"), None, "timeout"),
    ],
)
def test_rules(seen: RunReport, tests: CheckReport | None, verdict: str) -> None:
    assert verdict_of(seen, tests, LIMITS)[0] == verdict


@pytest.mark.parametrize(
    ("seen", "certain"),
    [
        (run(control.CPU, cpu=1.25), True),
        (run(cpu=1.1), False),
        (run(control.WALL, cpu=0.1), False),
        (run(control.ENDED, status=signal.SIGXCPU), False),
    ],
)
def test_only_cpu_time_well_above_its_limit_needs_no_second_run(seen: RunReport, certain: bool) -> None:
    assert verdict_of(seen, check(control.LOST), LIMITS)[0] == "timeout"
    assert timeout_is_certain(seen, check(control.LOST), LIMITS) == certain


def test_tests_that_took_too_long_need_no_second_run() -> None:
    assert timeout_is_certain(run(cpu=0.1), check(control.OVERTIME), LIMITS)
    assert verdict_of(run(), check(control.OVERTIME), LIMITS)[1] == (
        f"the tests used more than {cpu_limit_of_tests(LIMITS):g} s of CPU time on its values"
    )


@pytest.mark.parametrize(
    ("seen", "tests", "killed"),
    [
        (run(control.ENDED), check(control.LOST), True),
        (run(control.ENDED, rss_kib=95 << 10), check(control.LOST), True),  # the memory limit does not kill
        (run(control.DONE), check(control.LOST), True),
        (run(control.ENDED), None, True),
        (run(control.DONE), check(control.KILLED), True),
        (run(), check(control.PASSED), False),  # ended by us, as each program is
        (run(), check(control.FAILED), False),
        (run(text=b"p"), None, False),
        (run(text=b"fno"), None, False),
        (run(control.ENDED, status=signal.SIGSEGV), check(control.LOST), False),
        (run(control.ENDED, status=0), check(control.LOST), False),
        (run(control.CPU, cpu=1.3), check(control.LOST), False),
        (run(control.WALL), None, False),
        (run(control.MEMORY), check(control.LOST), False),
    ],
)
def test_what_may_have_been_killed_from_outside(seen: RunReport, tests: CheckReport | None, killed: bool) -> None:
    assert may_be_killed_from_outside(seen, tests, LIMITS) == killed


@given(text=st.binary(max_size=2000))
def test_text_from_programs_is_made_printable_and_short(text: bytes) -> None:
    safe = safe_text(text)
    assert len(safe) <= MAX_DETAIL
    assert safe.isprintable()
    safe.encode("utf-8")
