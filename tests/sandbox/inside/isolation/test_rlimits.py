"""Limits of a zygote, and whose processes count."""

import os
import resource
import subprocess
import sys
import textwrap

import pytest

from coma_cli.sandbox.inside.isolation import rlimits
from tests.requirements import ROOT, skip_unless
from tests.sandbox.run_cases import python_for_everyone

TRY = """
import os, sys, time
from coma_cli.sandbox.inside.isolation import namespaces, rlimits
own_proc = namespaces.open_own_proc()
if os.getuid() == 0:
    namespaces.become(65533)
sleepers = []
for _ in range(3):
    sleepers.append(os.fork())
    if sleepers[-1] == 0:
        time.sleep(20)
        os._exit(0)
found = [rlimits.counts_others(1)]
try:
    namespaces.unshare_user(own_proc, pid=False)
    found.append(rlimits.counts_others(1))
except OSError:
    found.append(None)
for pid in sleepers:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
print(*found)
"""


def test_other_processes_of_the_user_count_outside_of_a_namespace_and_not_inside() -> None:
    python = python_for_everyone() if os.getuid() == 0 else sys.executable
    done = subprocess.run([python, "-c", textwrap.dedent(TRY)], cwd=ROOT, capture_output=True, text=True, check=True)
    outside, inside = done.stdout.split()
    assert outside == "True"
    skip_unless("namespaces", inside != "None", "this machine permits no namespaces")
    assert inside == str(rlimits.others_of(65533, own_namespace=True) != 0)


def test_a_program_s_memory_is_its_limit_and_room_for_what_was_there_before() -> None:
    mib = 1 << 20
    for packages, addresses, private in ((False, 32, 24), (True, 544, 256)):
        limits = dict(rlimits.fixed_limits(1000, packages=packages, others=7))
        assert limits[resource.RLIMIT_AS] == (1000 + addresses) * mib
        assert limits[resource.RLIMIT_DATA] == (1000 + private) * mib
        assert limits[resource.RLIMIT_NPROC] == rlimits.PROCESSES + 7
        assert limits[resource.RLIMIT_SIGPENDING] == rlimits.QUEUED_SIGNALS


@pytest.mark.parametrize("most", [1, 1000])
def test_no_limit_is_raised(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda what: (0, most))
    monkeypatch.setattr(resource, "setrlimit", lambda what, values: asked.append((what, values)))
    rlimits.apply([(resource.RLIMIT_NOFILE, 64)])
    assert asked == [(resource.RLIMIT_NOFILE, (min(64, most),) * 2)]
