"""Verdicts do not depend on what else the machine is doing: CPU time decides, and the clock only for who sleeps."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.requirements import skip_unless

ROOT = Path(__file__).resolve().parents[2]
CGROUP = Path("/sys/fs/cgroup/cpu")
# Wall clock limits so tight that a program which has to share its core would break them.
RUN = """
import json, sys, time
from coma_cli.sandbox import Limits, Program, Sandbox
BURN = "import time\\nwhile time.process_time() < {}: pass\\n"
LIMITS = Limits(cpu_s=0.6, wall_s=1.0)
programs = [Program(f"burn{i}", BURN.format(0.3), None, limits=LIMITS) for i in range(4)]
programs += [Program(f"endless{i}", "while True: pass", None, limits=LIMITS) for i in range(2)]
right, wrong = "def f(x): return x + 1", "def f(x): return x"
programs += [Program(f"right{i}", right, "assert f(1) == 2", "", ("f",), limits=LIMITS) for i in range(20)]
programs += [Program(f"wrong{i}", wrong, "assert f(1) == 2", "", ("f",), limits=LIMITS) for i in range(20)]
programs += [Program("sleeper", "import time\\ntime.sleep(30)", None, limits=LIMITS)]
with Sandbox(workers=2) as sandbox:
    print(json.dumps({outcome.key: outcome.verdict for outcome in sandbox.run(programs)}))
"""
EXPECTED = (
    {f"burn{i}": "pass" for i in range(4)}
    | {f"endless{i}": "timeout" for i in range(2)}
    | {f"right{i}": "pass" for i in range(20)}
    | {f"wrong{i}": "fail" for i in range(20)}
    | {"sleeper": "timeout"}
)


def verdicts(cgroup: Path | None = None) -> dict[str, str]:
    join = f"open({str(cgroup / 'cgroup.procs')!r}, 'w').write('0')\n" if cgroup else ""
    command = [sys.executable, "-c", join + textwrap.dedent(RUN)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-1000:]
    return json.loads(done.stdout)


@pytest.mark.slow
def test_spinners_on_every_core_change_no_verdict() -> None:
    spin = [sys.executable, "-c", "while True: pass"]
    spinners = [subprocess.Popen(spin) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        assert verdicts() == EXPECTED
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
    group.rmdir()


@pytest.mark.slow
def test_a_small_cpu_quota_changes_no_verdict(small_quota: Path) -> None:
    assert verdicts(small_quota) == EXPECTED
