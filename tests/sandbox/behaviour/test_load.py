"""Verdicts do not depend on the machine's load: CPU time decides, and the wall clock only for sleeping programs."""

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.requirements import ROOT, skip_unless

CGROUP = Path("/sys/fs/cgroup/cpu")
# Wall-clock limits so tight that a program sharing its core would exceed them.
RUN = """
import json, sys, time
from coma_cli.sandbox import Limits, Program, Sandbox
many = int(sys.argv[1])
BURN = "import time\\nwhile time.process_time() < {}: pass\\n"
LIMITS = Limits(cpu_s=0.15 * many, wall_s=0.25 * many)
programs = [Program(f"burn{i}", BURN.format(0.075 * many), None, limits=LIMITS) for i in range(many)]
programs += [Program(f"endless{i}", "while True: pass", None, limits=LIMITS) for i in range(many // 2)]
right, wrong = "def f(x): return x + 1", "def f(x): return x"
programs += [Program(f"right{i}", right, "assert f(1) == 2", "", ("f",), limits=LIMITS) for i in range(5 * many)]
programs += [Program(f"wrong{i}", wrong, "assert f(1) == 2", "", ("f",), limits=LIMITS) for i in range(5 * many)]
programs += [Program("sleeper", "import time\\ntime.sleep(30)", None, limits=LIMITS)]
with Sandbox(workers=2) as sandbox:
    print(json.dumps({outcome.key: outcome.verdict for outcome in sandbox.run(programs)}))
"""
# Number of programs and their CPU time: in the default run, and at full size.
MANY = [2, pytest.param(4, marks=pytest.mark.soak)]


def expected(many: int) -> dict[str, str]:
    return (
        {f"burn{i}": "pass" for i in range(many)}
        | {f"endless{i}": "timeout" for i in range(many // 2)}
        | {f"right{i}": "pass" for i in range(5 * many)}
        | {f"wrong{i}": "fail" for i in range(5 * many)}
        | {"sleeper": "timeout"}
    )


def verdicts(many: int, cgroup: Path | None = None) -> dict[str, str]:
    join = f"open({str(cgroup / 'cgroup.procs')!r}, 'w').write('0')\n" if cgroup else ""
    command = [sys.executable, "-c", join + textwrap.dedent(RUN), str(many)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-1000:]
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("many", MANY)
def test_spinners_on_every_core_change_no_verdict(many: int) -> None:
    spin = [sys.executable, "-c", "while True: pass"]
    spinners = [subprocess.Popen(spin) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        assert verdicts(many) == expected(many)
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


@pytest.fixture
def small_quota() -> Iterator[Path]:
    """A cgroup (v1) with a fifth of a core."""
    group = CGROUP / f"coma-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "cpu.cfs_quota_us").write_text("20000")
    except OSError as error:
        skip_unless("cgroup", False, f"no CPU quota can be set here: {error}")
    yield group
    (group / "cpu.cfs_quota_us").write_text("-1")  # killed processes in it still have to be reaped, at full speed
    deadline = time.monotonic() + 20
    while (group / "cgroup.procs").read_text().strip() and time.monotonic() < deadline:
        time.sleep(0.05)
    group.rmdir()


@pytest.mark.slow
@pytest.mark.parametrize("many", MANY)
def test_a_small_cpu_quota_changes_no_verdict(small_quota: Path, many: int) -> None:
    assert verdicts(many, small_quota) == expected(many)
