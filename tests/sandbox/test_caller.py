"""Limits and signals inherited from a shell: named as the cause, or made harmless."""

import resource
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from coma_cli.sandbox import InheritedLimitError, Limits, SandboxError, check_inherited
from tests.requirements import ROOT

RUN = """
import sys
from coma_cli.sandbox import Limits, Program, Sandbox
right = Program("right", "def f(x): return x + 1", "import sys\\nassert f(1) == 2 and open", "", ("f",))
with Sandbox(limits=Limits(cpu_s=2), workers=1, isolation=sys.argv[1]) as sandbox:
    for outcome in sandbox.run([right, Program("exit", "import sys; sys.exit(3)", None)]):
        print(outcome.key, outcome.verdict, outcome.attempts)
"""


def test_limits_as_they_are_here_are_enough() -> None:
    check_inherited(Limits(), workers=2)


@pytest.mark.parametrize(
    ("limit", "value", "option"),
    [
        (resource.RLIMIT_CPU, 1, "t"),
        (resource.RLIMIT_AS, 1 << 30, "v"),
        (resource.RLIMIT_DATA, 1 << 30, "d"),
        (resource.RLIMIT_STACK, 1 << 18, "s"),
        (resource.RLIMIT_FSIZE, 1 << 20, "f"),
        (resource.RLIMIT_NOFILE, 40, "n"),
        (resource.RLIMIT_NPROC, 20, "u"),
    ],
)
def test_a_limit_that_is_too_low_is_named(monkeypatch: pytest.MonkeyPatch, limit: int, value: int, option: str) -> None:
    real = resource.getrlimit
    monkeypatch.setattr(resource, "getrlimit", lambda what: (value, value) if what == limit else real(what))
    with pytest.raises(InheritedLimitError, match=rf"limited to .* here \(ulimit -{option}\), and the sandbox needs"):
        check_inherited(Limits(), workers=2)


def test_more_memory_and_time_need_higher_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    real = resource.getrlimit
    for limit, value in ((resource.RLIMIT_AS, 2 << 30), (resource.RLIMIT_CPU, 400)):
        monkeypatch.setattr(resource, "getrlimit", lambda what: (value, value) if what == limit else real(what))  # noqa: B023
        check_inherited(Limits(), workers=2)
        with pytest.raises(InheritedLimitError):
            check_inherited(Limits(memory_mb=4096, cpu_s=60), workers=2)


def run_in_shell(before: str, level: str = "landlock") -> subprocess.CompletedProcess[str]:
    command = f"{before}; exec {sys.executable} -c '{textwrap.dedent(RUN)}' {level}"
    return subprocess.run(
        ["/bin/sh", "-c", command.replace('"', '"')], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def test_a_limit_of_the_shell_stops_a_sandbox_before_any_program_fails() -> None:
    done = run_in_shell("ulimit -t 5")
    assert done.returncode == 1
    assert "(ulimit -t), and the sandbox needs" in done.stderr.splitlines()[-1]
    assert done.stdout == ""


@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_a_parent_that_ignores_the_end_of_children_changes_nothing(level: str) -> None:
    done = run_in_shell("trap '' CHLD", level)
    assert sorted(done.stdout.splitlines()) == ["exit fail 1", "right pass 1"], done.stderr


def test_only_a_main_thread_can_undo_it() -> None:
    errors: list[SandboxError] = []

    def check() -> None:
        try:
            check_inherited(Limits(), workers=1)
        except SandboxError as error:
            errors.append(error)

    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        thread = threading.Thread(target=check)
        thread.start()
        thread.join()
        assert [str(error) for error in errors] == [
            "this process ignores SIGCHLD, so that it can't hear how its children end"
        ]
        check_inherited(Limits(), workers=1)
        assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGCHLD, before)
