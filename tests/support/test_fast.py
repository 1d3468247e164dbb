"""`--fast` leaves out what takes long, says why, and nothing else; a promise of COMA_REQUIRE is not asked for then."""

import os
import subprocess
import sys

import pytest

from tests.requirements import ROOT

TESTS = """
import subprocess, sys, threading
from tests.requirements import shared_data

def test_that_computes(): assert 1 + 1 == 2
def test_that_starts_a_process(): subprocess.run([sys.executable, "-c", "pass"])
def test_that_loads_torch(): import torch
def test_that_reads_the_shared_data(): shared_data()
def test_with_a_thread():
    ended = []
    thread = threading.Thread(target=lambda: ended.append(subprocess.run(["true"])))
    thread.start()
    thread.join(20)
    assert ended
def test_that_fails(): assert not subprocess.__name__
"""
ENDS = {
    "test_that_computes": "PASSED",
    "test_that_starts_a_process": "SKIPPED",
    "test_that_loads_torch": "SKIPPED",
    "test_that_reads_the_shared_data": "SKIPPED",
    "test_with_a_thread": "PASSED",
    "test_that_fails": "FAILED",
}


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two"])
def test_what_takes_long_is_left_out_and_the_rest_runs(tmp_path, workers):
    (tmp_path / "test_made.py").write_text(TESTS)
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "-vrs", *workers]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--fast", *options, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "COMA_REQUIRE": "shared"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    for name, end in ENDS.items():
        lines = [line for line in done.stdout.splitlines() if f"::{name}" in line and end in line]
        assert lines, (name, done.stdout)
    assert "it starts a process" in done.stdout
    assert "shared is left out of this run" in done.stdout
