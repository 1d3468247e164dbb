"""Runs programs in a sandbox of their own, in this process or in one of an ordinary user."""

import json
import subprocess
from collections.abc import Iterable

from coma_cli.sandbox import Limits, Outcome, Program, Sandbox, SandboxUnavailable
from tests.requirements import ROOT, skip_unless

LIMITS = Limits(cpu_s=20, wall_s=40)
NOBODY = 65534
MANY = 4


def run(level: str, programs: Iterable[Program], workers: int = 1, **settings: object) -> dict[str, Outcome]:
    try:
        with Sandbox(isolation=level, limits=LIMITS, workers=workers, **settings) as sandbox:  # type: ignore[arg-type]
            return {outcome.key: outcome for outcome in sandbox.run(programs)}
    except SandboxUnavailable as error:
        skip_unless("namespaces", False, str(error))
        raise


def run_as_nobody(
    python: str, level: str, programs: Iterable[Program], workers: int, *layers_off: str
) -> dict[str, Outcome]:
    """The same in a process of an ordinary user."""
    options = ["--uid", str(NOBODY), "--isolation", level, "--workers", str(workers), "--cpu", str(LIMITS.cpu_s)]
    lines = "".join(
        json.dumps({**vars(program), "entry_points": [*program.entry_points]}) + "\n" for program in programs
    )
    command = [python, "-m", "tests.sandbox.user_runner", *options, "--layers-off", ",".join(layers_off)]
    done = subprocess.run(command, cwd=ROOT, input=lines, capture_output=True, text=True, check=False)
    if "SandboxUnavailable" in done.stderr:
        skip_unless("namespaces", False, done.stderr[-300:])
    assert done.returncode == 0, done.stderr[-2000:]
    return {
        key: Outcome(key, verdict, detail, 0.0, 0.0)
        for key, verdict, detail in map(json.loads, done.stdout.splitlines())
    }
