"""`coma score` of held-out rows: answers in, the metrics of each task out, with intervals.

    samples (a run)  ->  answers (without fences and thinking)  ->  measurements.jsonl  ->  figures by task and language

No program runs here but those of rows that bring tests, in the sandbox (`tested.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.evaluation.measuring import tested
from coma_cli.evaluation.measuring.groups import MEASUREMENTS, Measuring
from coma_cli.evaluation.measuring.intervals import RESAMPLES
from coma_cli.evaluation.measuring.summary import MeasureSummary
from coma_cli.evaluation.scoring.sample_choice import SampleSource
from coma_cli.evaluation.scoring.sample_files import Skipped
from coma_cli.evaluation.scoring.settings import ScoreSettings
from coma_cli.jsonl import read_rows, write_rows
from coma_cli.records import CandidateRanking, Problem
from coma_cli.words import count_of
from coma_cli.workspace import Plan, Run, StageResult


@dataclass(frozen=True, kw_only=True)
class MeasurePlan(Plan):
    """What is measured: the samples of a run, the held-out rows that they answer, and how many of each."""

    source: SampleSource
    sampled: Mapping[str, int]  # samples by task id
    problems: tuple[Problem, ...]


def is_measured(source: SampleSource) -> bool:
    """Whether the answers to these problems are compared with references, instead of being run."""
    return any(problem.held_out for problem in source.problems)


def plan(settings: ScoreSettings, source: SampleSource) -> MeasurePlan:
    """Count the samples, and say what can't be measured.

    Raises:
        MissingInputError: there are no samples.
    """
    skipped = Skipped()
    sampled: dict[str, int] = {}
    for candidate in source.candidates(skipped):
        sampled[candidate.task_id] = sampled.get(candidate.task_id, 0) + 1
    problems = tuple(problem for problem in source.problems if problem.task_id in sampled)
    if not problems:
        raise MissingInputError(f"No sample of {source.bench} in {source.title}.", "Check --samples and --bench.")
    with_tests = [problem for problem in problems if problem.tests]
    blockers: list[CliError] = []
    if settings.runtime.fail_under:
        blockers.append(UsageError("--fail-under takes pass@k, and these rows have task metrics.", "Omit it."))
    tested_plan = tested.plan(settings, source, with_tests)
    return MeasurePlan(
        subject=source.bench,
        inputs=source.inputs,
        total=sum(sampled.values()),
        estimate={
            "rows": len(problems),
            "samples": sum(sampled.values()),
            "tasks": len({problem.held_out.task for problem in problems if problem.held_out}),
            "rows with tests": len(with_tests),
        },
        blockers=(*blockers, *tested_plan.blockers),
        notes=(
            f"Samples: {source.title}",
            *_notes(source, len(problems)),
            *tested_plan.notes,
            *(f"Warning: {message}" for message in skipped.messages()),
        ),
        source=source,
        sampled=sampled,
        problems=problems,
    )


def _notes(source: SampleSource, measured: int) -> list[str]:
    if measured == len(source.problems):
        return []
    return [f"Partial: {count_of(measured, 'row')} of {len(source.problems)} have samples"]


def work(run: Run, settings: ScoreSettings, plan: MeasurePlan) -> StageResult:
    """Measure each sample, sum up, and run the programs of rows that have tests."""
    rankings = _rankings(plan.source)
    measuring = Measuring(plan.problems, rankings)
    samples = plan.source.candidates(Skipped())
    write_rows(run.path / MEASUREMENTS, (measuring.take(sample).to_row() for sample in samples))
    run.count_work(sum(plan.sampled.values()))
    results = measuring.results(settings.seed)
    with_tests = [problem for problem in plan.problems if problem.tests]
    passed = tested.work(run, settings, plan.source, with_tests, plan.sampled) if with_tests else None
    searches = [p.task_id for p in plan.problems if p.held_out and p.held_out.candidates]
    summary = MeasureSummary(
        bench=plan.source.bench,
        samples_from=plan.source.title,
        rows=len(plan.problems),
        samples=sum(plan.sampled.values()),
        resamples=RESAMPLES,
        unranked=sum(task_id not in rankings for task_id in searches),
        results=results,
        tested=passed.summary if passed else None,
    )
    return StageResult(summary, (MEASUREMENTS, *(passed.outputs if passed else ())))


def _rankings(source: SampleSource) -> dict[str, tuple[float, ...]]:
    """The log-probabilities of candidates that the sample run left, by task id."""
    if source.rankings is None:
        return {}
    rows = (CandidateRanking.from_row(row, str(source.rankings)) for row in read_rows(source.rankings))
    return {row.task_id: row.log_probabilities for row in rows if row.log_probabilities}
