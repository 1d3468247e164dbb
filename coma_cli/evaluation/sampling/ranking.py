"""Ranks the candidates of search problems by how likely the model thinks each is as its whole answer."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from coma_cli.engines.interface import Engine
from coma_cli.errors import CliError
from coma_cli.evaluation.sampling.local_model import LocalModel
from coma_cli.evaluation.sampling.planning import SamplePlan
from coma_cli.journal import Journal
from coma_cli.records import CandidateRanking, Problem

RANKINGS = "rankings.jsonl"


@runtime_checkable
class RankingEngine(Protocol):
    """An engine that runs the model itself, and can say how likely a given text is."""

    def log_probability(self, prompt_ids: Sequence[int], continuation_ids: Sequence[int]) -> float: ...


def with_candidates(plan: SamplePlan) -> list[Problem]:
    """The problems with candidates that this plan can rank: none if a server runs the model."""
    if plan.local is None:
        return []
    return [problem for problem in plan.problems if problem.held_out and problem.held_out.candidates]


def rank(
    engine: Engine,
    plan: SamplePlan,
    problems: Sequence[Problem],
    journal: Journal[CandidateRanking],
    on_row: Callable[[], None],
) -> None:
    """Append a ranking of each problem that has none yet.

    Raises:
        CliError: the engine can't rank.
    """
    assert plan.local is not None
    if not isinstance(engine, RankingEngine):
        raise CliError("This engine gives no log-probabilities.", "Use --engine transformers.")
    for problem in problems:
        if problem.task_id not in journal:
            journal.append(_ranking(engine, plan.local, problem))
        on_row()


def _ranking(engine: RankingEngine, local: LocalModel, problem: Problem) -> CandidateRanking:
    prompt, candidates = local.prompts.token_ids[problem.task_id], local.prompts.candidate_ids[problem.task_id]
    longest = len(prompt) + max(map(len, candidates))
    if longest > local.facts.context:
        error = f"the longest candidate ends at {longest} tokens, the context at {local.facts.context}"
        return CandidateRanking(task_id=problem.task_id, error=error)
    found = tuple(engine.log_probability(prompt, ids) for ids in candidates)
    if any(value != value for value in found):
        return CandidateRanking(task_id=problem.task_id, error="the model's probabilities are not numbers")
    return CandidateRanking(task_id=problem.task_id, log_probabilities=found)
