"""A finished sample run and sample files, made by the workspace itself and by hand."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.evaluation.sampling.settings import SampleSettings
from coma_cli.records import Problem, Sample
from coma_cli.workspace import Artifact, Input, Plan, StageResult, Workspace

HUMANEVAL = BENCHMARKS["humaneval"].load().problems


class Nothing(BaseModel):
    """The summary of a run that nobody reads."""


def right(problem: Problem) -> str:
    """A completion that passes."""
    return problem.reference.removeprefix(problem.prompt_code)


def sample(task_id: str, index: int, completion: str, temperature: float = 0.2, **fields: Any) -> Sample:
    """A sample as coma sample writes it."""
    values = {"finish_reason": "stop", **fields}
    return Sample(task_id=task_id, temperature=temperature, index=index, completion=completion, **values)


def sample_run(
    root: Path,
    samples: Iterable[Sample],
    problems: Iterable[Problem],
    name: str | None = None,
    made_from: Input | None = None,
    **settings: Any,
) -> Artifact:
    """A finished sample run with these rows; its model is an input of the run, or else what `model` names."""
    made = SampleSettings(**settings)
    source = made_from or Input("model", str(made.model), str(made.model))
    plan = Plan(subject=made.bench, inputs=(Input("benchmark", "b", "b"), source), total=1, estimate={})
    with Workspace(root).open_run("sample", made, plan, name=name) as run:
        run.journal("samples.jsonl", Sample).append_all(samples)
        run.journal("problems.jsonl", Problem).append_all(problems)
        return run.finish(StageResult(summary=Nothing(), outputs=("samples.jsonl", "problems.jsonl")))
