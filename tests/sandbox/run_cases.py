"""Runs hostile cases in a process of its own, which takes limits on itself and drops privileges."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.requirements import ROOT
from tests.sandbox.cases import CaseFolder


def run_cases(
    folder: CaseFolder, ids: list[str], *arguments: str
) -> tuple[dict[str, dict[str, object]], dict[str, object]]:
    """Run cases in a process of their own; results by case, and what that process says of itself at the end.

    Every case that was asked for has a result, or a package that it needs is missing; one at least has run.
    """
    python = sys.executable if "--uid" not in arguments else python_for_everyone()
    assert ids, "no case is selected"
    command = [python, "-m", "tests.sandbox.case_runner", "--cases", str(folder.path), *arguments]
    done = subprocess.run(
        [*command, "--ids", ",".join(ids)], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *lines, last = map(json.loads, done.stdout.splitlines())
    assert sorted(line["id"] for line in lines) == sorted(ids)
    results = {line["id"]: line for line in lines if "skipped" not in line}
    assert results, f"none of {', '.join(ids)} can run here: {lines}"
    return results, last


def python_for_everyone() -> str:
    """An interpreter that a user without rights can run."""
    for candidate in (sys.executable, "/usr/bin/python3", shutil.which("python3") or ""):
        if candidate and _everyone_can_enter(Path(os.path.realpath(candidate))):
            return candidate
    pytest.skip("no interpreter that an unprivileged user could run")


def _everyone_can_enter(path: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (path, *path.parents))


def failures_of(results: dict[str, dict[str, object]]) -> dict[str, object]:
    """Verdict and failures of the cases that have any."""
    return {case: (result["verdict"], result["failures"]) for case, result in results.items() if result["failures"]}
