"""Ranking with an engine that gives what it is told; the real one is in `test_measure.py` and `engines/`."""

import math
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from coma_cli.catalog.benchmarks.held_out import problem_of
from coma_cli.errors import CliError
from coma_cli.evaluation.sampling.ranking import rank, with_candidates
from tests.evaluation.measuring.rows import ROWS

SEARCH = problem_of(ROWS[2])


class Told:
    """Gives each candidate what is told for its length; counts how often it is asked."""

    def __init__(self, values: dict[int, float]) -> None:
        self.values, self.asked = values, 0

    def generate(self, requests):
        yield from ()

    def log_probability(self, prompt_ids: Sequence[int], continuation_ids: Sequence[int]) -> float:
        self.asked += 1
        return self.values[len(continuation_ids)]


class Kept(dict):
    """A journal in memory."""

    def append(self, row) -> None:
        self[row.key] = row


def plan(context: int = 100):
    prompts = SimpleNamespace(
        token_ids={SEARCH.task_id: (1, 2, 3)}, candidate_ids={SEARCH.task_id: ((4,), (5, 6), (7, 8, 9))}
    )
    local = SimpleNamespace(prompts=prompts, facts=SimpleNamespace(context=context))
    return SimpleNamespace(local=local, problems=(SEARCH, problem_of(ROWS[3])))


def ranked(engine, journal, context: int = 100) -> None:
    rank(engine, plan(context), with_candidates(plan()), journal, lambda: None)


def test_each_candidate_gets_its_log_probability_once():
    journal, engine = Kept(), Told({1: -3.0, 2: -1.0, 3: -2.0})
    ranked(engine, journal)
    ranked(engine, journal)
    assert journal[SEARCH.task_id].log_probabilities == (-3.0, -1.0, -2.0)
    assert engine.asked == 3


def test_candidates_beyond_the_context_are_not_ranked_and_it_says_why():
    journal = Kept()
    ranked(Told({}), journal, context=5)
    assert journal[SEARCH.task_id].log_probabilities == ()
    assert "context at 5" in journal[SEARCH.task_id].error


def test_what_is_not_a_number_is_no_ranking():
    journal = Kept()
    ranked(Told({1: -3.0, 2: math.nan, 3: -2.0}), journal)
    assert "not numbers" in journal[SEARCH.task_id].error


def test_an_engine_without_log_probabilities_is_refused():
    with pytest.raises(CliError, match="log-probabilities"):
        ranked(SimpleNamespace(generate=iter), Kept())


def test_a_server_ranks_nothing():
    assert with_candidates(SimpleNamespace(local=None, problems=(SEARCH,))) == []
