"""Finished score runs, written by the workspace and the summary's own code, without running a program."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coma_cli.evaluation.results import count
from coma_cli.evaluation.scoring.score_run import VERDICTS
from coma_cli.evaluation.scoring.settings import ScoreSettings
from coma_cli.evaluation.scoring.summary import BenchmarkSummary, ReferenceSummary, ScoreSummary
from coma_cli.records import Verdict
from coma_cli.workspace import Artifact, Input, Plan, StageResult, Workspace

Outcomes = Mapping[str, Sequence[bool]]  # whether each sample passes, by task id


def passing(*numbers: int, of: int = 20) -> dict[str, list[bool]]:
    """One sample of each of so many problems; those of these numbers pass."""
    return {f"HumanEval/{number}": [number in numbers] for number in range(of)}


def verdicts_of(outcomes: Outcomes, protocol: str, temperature: float | None) -> list[Verdict]:
    """The rows of some samples."""
    return [
        Verdict(
            task_id=task_id,
            temperature=temperature,
            index=index,
            protocol=protocol,
            verdict="pass" if passed else "fail",
        )
        for task_id, of in outcomes.items()
        for index, passed in enumerate(of)
    ]


def score_run(
    root: Path,
    name: str,
    outcomes: Outcomes,
    *,
    protocols: Sequence[str] = ("default",),
    temperatures: Sequence[float | None] = (0.2,),
    samples: Input | None = None,
    benchmark: Mapping[str, Any] | None = None,
    excluded: Mapping[str, str] | None = None,
    bench: str = "humaneval",
    isolation: str = "ns",
    finish: bool = True,
    **settings: Any,
) -> Artifact | None:
    """A score run of that name; of a sample run if `samples` is one, else of a file. None if it is not finished."""
    made = ScoreSettings(bench=bench, protocol=protocols, **settings)
    source = samples or Input("samples 1", f"{name}.jsonl", name)
    inputs = (source,) if samples else (Input("benchmark", "b", "published"), source)
    published = {"source": "b", "sha256": "0" * 64, "as_published": True, "missing": 0, "added": 0, "changed": 0}
    rows = [row for p in protocols for t in temperatures for row in verdicts_of(outcomes, p, t)]
    dropped = dict(excluded or {})
    with Workspace(root).open_run("score", made, Plan(bench, inputs, len(rows), {}), name=name) as run:
        run.journal(VERDICTS, Verdict).append_all(rows)
        if not finish:
            return None
        counted = count((row for row in rows if row.task_id not in dropped), protocols, made.k, (), 0)
        first = counted.results[0]
        summary = ScoreSummary(
            bench=bench,
            benchmark=BenchmarkSummary(**{**published, "compared": 164, **(benchmark or {})}),
            samples_from=source.path,
            protocol=first.protocol,
            problems=first.problems,
            bench_problems=164,
            partial=first.problems < 164,
            excluded=dropped,
            samples=first.samples,
            n_min=first.n_min,
            n_max=first.n_max,
            pass_at_k=first.pass_at_k,
            verdicts=first.verdicts,
            base=None,
            results=counted.results,
            references=ReferenceSummary(checked=164, passed=164, failed=[]),
            isolation=isolation,
            isolation_lost=[],
            mode="split",
            inproc_problems=[],
            inproc_reasons={},
            unique_programs=1,
            programs_run=1,
            programs_per_s=None,
            skipped={"corrupt_lines": 0, "rows_without_task_id": 0, "unknown_task_ids": 0},
            notes={},
            prompts_cut_by_length=0,
        )
        return run.finish(StageResult(summary, (VERDICTS,)))
