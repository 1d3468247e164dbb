"""What programs may use: data of the benchmark, grown to the reference, never more memory than there is."""

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.evaluation.scoring import limits
from coma_cli.evaluation.scoring.limits import (
    cpu_limit_for,
    limits_of,
    memory_limit_mb,
    memory_notes,
    reference_limits,
)
from coma_cli.evaluation.scoring.settings import ScoreSettings
from coma_cli.records import Problem
from coma_cli.sandbox import Limits

PLAIN = ScoreSettings()
PROBLEM = Problem(
    task_id="t/1", bench="mbpp+", prompt="", instruction="", tests="", reference="", entry_point="f", cpu_limit_s=3
)


@pytest.mark.parametrize(
    ("bench", "has", "asked", "limit"),
    [
        ("humaneval", 64_000, None, 1024),
        ("mbpp", 64_000, None, 1024),
        ("humaneval+", 64_000, None, 4096),
        ("mbpp+", 64_000, None, 4096),
        ("mbpp+", 2000, None, 2000),
        ("humaneval", 600, None, 600),
        ("mbpp+", 64_000, 512, 512),
        ("mbpp+", 2000, 8000, 8000),
        ("my-own", 64_000, None, 1024),
    ],
)
def test_memory_is_the_benchmarks_and_never_more_than_there_is_unless_it_is_given(
    monkeypatch, bench, has, asked, limit
):
    monkeypatch.setattr(limits, "memory_mb", lambda: has)
    settings = ScoreSettings(memory_mb=asked)
    assert memory_limit_mb(settings, bench) == limit
    assert limits_of(settings, PROBLEM.model_copy(update={"bench": bench})).memory_mb == limit


@pytest.mark.parametrize(
    ("has", "workers", "words"),
    [
        (2000, 1, "mbpp+ allows a program 4096 MB; this machine has 2000, so that is the limit"),
        (24_000, 8, "8 programs at a time may use 4096 MB each, and this machine has 24000 MB: lower --workers"),
        (24_000, 5, None),
    ],
)
def test_a_machine_with_little_memory_is_named(monkeypatch, has, workers, words):
    monkeypatch.setattr(limits, "memory_mb", lambda: has)
    notes = memory_notes(PLAIN, "mbpp+", workers)
    assert len(notes) == bool(words) and (words or "") in " ".join(notes)


@pytest.mark.parametrize(
    ("reference_s", "limit"),
    [(0, 3), (0.75, 3), (0.76, 6), (1.5, 6), (1.6, 12), (72, 384), (20_000, 86_400), (1e9, 86_400)],
)
def test_the_cpu_limit_is_at_least_four_times_what_the_reference_needs(reference_s, limit):
    assert cpu_limit_for(PLAIN, PROBLEM, reference_s) == limit
    assert limit >= min(4 * reference_s, 86_400)


def test_a_timeout_that_is_given_stays_as_it_is():
    settings = ScoreSettings(timeout_s=0.5, allow_fork=True)
    assert cpu_limit_for(settings, PROBLEM, 72) == 0.5
    assert limits_of(settings, PROBLEM) == reference_limits(settings, PROBLEM)
    assert limits_of(settings, PROBLEM) == Limits(
        cpu_s=0.5, memory_mb=memory_limit_mb(settings, "mbpp+"), allow_fork=True
    )


def test_references_have_room_to_be_measured_in():
    # Mbpp/599 needs 72 s on a slow processor, where the limit of programs begins at 60.
    plus = PROBLEM.model_copy(update={"cpu_limit_s": BENCHMARKS["mbpp+"].cpu_limit_s})
    assert limits_of(PLAIN, plus).cpu_s == 60 and reference_limits(PLAIN, plus).cpu_s == 600
    longest = PROBLEM.model_copy(update={"cpu_limit_s": 80_000})
    assert reference_limits(PLAIN, longest).cpu_s == 86_400


@pytest.mark.parametrize(("own", "has", "asked", "limit"), [
    (64, 64_000, None, 64), (2048, 64_000, None, 2048), (2048, 1000, None, 1000), (64, 64_000, 512, 512),
])  # fmt: skip
def test_a_problems_own_memory_limit_holds_unless_one_is_given(monkeypatch, own, has, asked, limit):
    monkeypatch.setattr(limits, "memory_mb", lambda: has)
    settings = ScoreSettings(memory_mb=asked)
    problem = PROBLEM.model_copy(update={"memory_mb": own})
    assert limits_of(settings, problem).memory_mb == reference_limits(settings, problem).memory_mb == limit
