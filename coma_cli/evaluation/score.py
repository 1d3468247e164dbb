"""`coma score`: samples in, verdicts and a defended pass@k out.

    samples (a run, or files)  ->  programs (extraction)  ->  verdicts (sandbox)  ->  pass@k with intervals

The references of the problems run first: a benchmark whose own solutions fail here can't score anybody else's. Rows
are journalled as verdicts come, so a killed run resumes where it stopped. Nothing here executes a program itself.
"""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from coma_cli.errors import BelowThresholdError, CliError, MissingInputError, UsageError
from coma_cli.evaluation import plot
from coma_cli.evaluation.explaining.explain import ALTERNATIVES, CAUSES, others
from coma_cli.evaluation.results import Counted, count
from coma_cli.evaluation.scoring import cluster
from coma_cli.evaluation.scoring import summary as score_summary
from coma_cli.evaluation.scoring.cluster import Runner, SandboxOptions
from coma_cli.evaluation.scoring.preparation import REFERENCES
from coma_cli.evaluation.scoring.references import ReferenceCheck
from coma_cli.evaluation.scoring.sample_choice import SampleSource, benchmark_only, choose_samples
from coma_cli.evaluation.scoring.sample_files import Skipped
from coma_cli.evaluation.scoring.score_run import VERDICTS, ScoreRun
from coma_cli.evaluation.scoring.settings import ScoreSettings, parse_threshold
from coma_cli.parallel import ray_cluster
from coma_cli.records import Problem, Verdict
from coma_cli.sandbox import (
    Isolation,
    Limits,
    Sandbox,
    SandboxError,
    SandboxUnavailable,
    begin_probing,
    default_workers,
    probe_isolation,
)
from coma_cli.sandbox.launch import find_interpreter
from coma_cli.sandbox.packages import importable_packages
from coma_cli.stage import Stage
from coma_cli.words import count_of
from coma_cli.workspace import Plan, Run, StageResult, Workspace


@dataclass(frozen=True, kw_only=True)
class ScorePlan(Plan):
    """What score resolved: the samples, the problems that they are of, and how many samples there are."""

    source: SampleSource
    problems: tuple[Problem, ...]
    samples: int
    skipped: Skipped


def plan(settings: ScoreSettings, workspace: Workspace) -> ScorePlan:
    """Find the samples, count them per problem, and see which isolation this machine permits.

    `total` counts the programs at most: references, and each sample under each protocol; equal ones run once.
    """
    begin_probing(settings.isolation, python=settings.python)
    if settings.check_references:
        source = benchmark_only(settings.bench, settings.bench_data)
    else:
        source = choose_samples(workspace, settings.bench, settings.samples, settings.bench_data)
    skipped = Skipped()
    sampled: dict[str, int] = {}
    for candidate in source.candidates(skipped) if source.paths else ():
        sampled[candidate.task_id] = sampled.get(candidate.task_id, 0) + 1
    problems = tuple(p for p in source.problems if p.task_id in sampled or not source.paths)
    samples = sum(sampled.values())
    workers = settings.runtime.workers or default_workers()
    isolation, blockers = _isolation(settings)
    no_ray = ray_cluster.blocker() if settings.runtime.cluster else None
    lacking = (plot.blocker() if settings.plot else None, no_ray)
    ways = len(settings.protocol) + (len(others(settings.protocol)) if settings.explain else 0)
    stages = 2 if any(problem.input_sets for problem in problems) else 1
    return ScorePlan(
        subject=source.bench,
        inputs=source.inputs,
        total=stages * (len(problems) + samples * ways),
        estimate={
            "problems": len(problems),
            "samples": samples,
            "samples per problem": _span(sampled),
            "workers": workers,
            "isolation": isolation.level if isolation else "none possible",
            "hours if all ran to their limit": round(samples * _mean_limit(settings, problems) / workers / 3600, 2),
        },
        blockers=(*blockers, *filter(None, lacking), *_empty(source, samples, skipped)),
        notes=tuple(_notes(source, len(problems), skipped)),
        source=source,
        problems=problems,
        samples=samples,
        skipped=skipped,
    )


def _span(sampled: Mapping[str, int]) -> str:
    counts = sampled.values()
    return "0" if not counts else f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _mean_limit(settings: ScoreSettings, problems: tuple[Problem, ...]) -> float:
    return sum(settings.timeout_s or p.cpu_limit_s for p in problems) / max(1, len(problems))


def _isolation(settings: ScoreSettings) -> tuple[Isolation | None, tuple[CliError, ...]]:
    try:
        isolation = probe_isolation(settings.isolation, consent=settings.runtime.i_know, python=settings.python)
        importable_packages(find_interpreter(settings.python).site, settings.packages)
        return isolation, ()
    except SandboxUnavailable as error:
        return None, (_unavailable(error),)
    except SandboxError as error:
        return None, (UsageError(f"The sandbox can't start: {error}.", "Check --python and --packages."),)


def _unavailable(error: SandboxUnavailable) -> UsageError:
    return UsageError(
        f"Programs can't be isolated here: {error}",
        "Run on a machine that permits user namespaces or Landlock, or allow it with --isolation none --allow-unsafe",
    )


def _empty(source: SampleSource, samples: int, skipped: Skipped) -> tuple[CliError, ...]:
    if samples or not source.paths:
        return ()
    why = "; ".join(skipped.messages()) or "the files are empty"
    return (
        MissingInputError(f"No sample of {source.bench} in {source.title}: {why}.", "Check --samples and --bench."),
    )


def _notes(source: SampleSource, scored: int, skipped: Skipped) -> list[str]:
    notes = [f"Samples: {source.title}"] if source.paths else []
    if 0 < scored < source.bench_size:
        notes.append(f"Partial: {scored} of the {source.bench_size} problems of {source.bench} are scored")
    return [*notes, *(f"Warning: {message}" for message in skipped.messages())]


def work(run: Run, settings: ScoreSettings, plan: ScorePlan) -> StageResult:
    """Check the references, judge the samples that have no verdict yet, and count."""
    began = time.monotonic()
    try:
        with _options(settings).sandbox() as sandbox, _runner(settings, sandbox) as runner:
            score_run = ScoreRun(run, settings, sandbox, runner, plan.problems, plan.source, plan.samples)
            prepared = score_run.prepare()
            prepared_by = run.work_done
            score_run.judge(prepared)
            explanation = score_run.explain(prepared) if settings.explain and plan.samples else None
            isolation = sandbox.isolation
    except SandboxUnavailable as error:
        raise _unavailable(error) from error
    except SandboxError as error:
        raise CliError(f"The sandbox broke: {error}", "Rerun the same command to resume.") from error
    counted = _count(run, settings, plan)
    plot = _draw(run, plan, counted, settings.seed) if settings.plot and counted.results else None
    programs_run = run.work_done - (prepared_by if plan.samples else 0)
    seconds = time.monotonic() - began
    summary = _summarise(settings, plan, isolation, prepared.checks, counted, programs_run, seconds)
    outputs = [REFERENCES, *((VERDICTS,) if plan.samples else ()), *((CAUSES, ALTERNATIVES) if explanation else ())]
    summary = summary.model_copy(update={"explanation": explanation, "plot": plot})
    return StageResult(summary=summary, outputs=tuple(outputs))


def _options(settings: ScoreSettings) -> SandboxOptions:
    return SandboxOptions(
        limits=Limits(memory_mb=settings.memory_mb, allow_fork=settings.allow_fork),
        workers=settings.runtime.workers,
        isolation=settings.isolation,
        consent=settings.runtime.i_know,
        python=settings.python,
        packages=settings.packages,
    )


def _runner(settings: ScoreSettings, sandbox: Sandbox) -> AbstractContextManager[Runner]:
    """Where the programs of samples run."""
    if settings.runtime.cluster is None:
        return nullcontext(sandbox)
    return cluster.RayRunner(_options(settings), sandbox.isolation.level)


def _count(run: Run, settings: ScoreSettings, plan: ScorePlan) -> Counted:
    rows = run.journal(VERDICTS, Verdict).rows() if plan.samples else ()
    gates = [parse_threshold(text)[0] for text in settings.runtime.fail_under]
    return count(rows, settings.protocol, settings.k, gates, settings.seed)


def _draw(run: Run, plan: ScorePlan, counted: Counted, seed: int) -> str:
    """Draw pass@k against k beside the run's rows; the name of the plot."""
    curves = []
    for result, tallies in zip(counted.results, counted.tallies, strict=True):
        curves.append(plot.curve_of(f"{result.protocol}, T={result.temperature:g}", tallies, seed))
    path = run.scratch("plot") / plot.PLOT
    plot.draw(curves, f"{plan.source.bench}, {count_of(len(plan.problems), 'problem')}", path)
    return run.place(path, plot.PLOT).name


def _summarise(
    settings: ScoreSettings,
    plan: ScorePlan,
    isolation: Isolation,
    checks: Mapping[str, ReferenceCheck],
    counted: Counted,
    programs_run: int,
    seconds: float,
) -> score_summary.ScoreSummary:
    first = counted.results[0] if counted.results else None
    failed = sorted(task_id for task_id, check in checks.items() if check.failed)
    return score_summary.ScoreSummary(
        bench=plan.source.bench,
        samples_from=plan.source.title,
        protocol=first.protocol if first else None,
        problems=len(plan.problems),
        bench_problems=plan.source.bench_size,
        partial=len(plan.problems) < plan.source.bench_size,
        samples=plan.samples,
        n_min=first.n_min if first else 0,
        n_max=first.n_max if first else 0,
        pass_at_k=first.pass_at_k if first else {},
        verdicts=first.verdicts if first else {},
        base=first.base if first else None,
        results=counted.results,
        references=score_summary.ReferenceSummary(checked=len(checks), passed=len(checks) - len(failed), failed=failed),
        isolation=isolation.level,
        isolation_lost=list(isolation.lost),
        mode=settings.mode,
        inproc_problems=sorted(task_id for task_id, check in checks.items() if check.mode == "inproc"),
        inproc_reasons={p.task_id: p.mode_reason for p in plan.problems if p.mode == "inproc"},
        unique_programs=counted.unique_programs,
        programs_run=programs_run,
        programs_per_s=round(programs_run / seconds, 1) if programs_run else None,
        skipped=plan.skipped.counts(),
    )


def check(settings: ScoreSettings, summary: Mapping[str, Any]) -> None:
    """Hold the result against `--fail-under`; for several protocols or temperatures the first counts.

    Raises:
        BelowThresholdError: it is below. UsageError: that pass@k is not defined here.
    """
    uncounted = summary["skipped"]["corrupt_lines"] + summary["skipped"]["rows_without_task_id"]
    if settings.runtime.fail_under and uncounted:
        raise UsageError(
            f"{count_of(uncounted, 'row')} of the samples could not be counted, so no threshold holds.",
            "Repair or remove the rows that the warnings name.",
        )
    for text in settings.runtime.fail_under:
        k, least = parse_threshold(text)
        estimate = summary["pass_at_k"].get(str(k)) or {"value": None}
        if estimate["value"] is None:
            raise UsageError(
                f"pass@{k} is not defined for these samples.", "Draw more with coma sample -n, or lower k."
            )
        if estimate["value"] < least:
            message = f"pass@{k} is {estimate['value']:.4f}, below {least:g}."
            raise BelowThresholdError(message, "The verdicts of all samples are in verdicts.jsonl of the run.")


STAGE = Stage(
    settings=ScoreSettings,
    plan=plan,
    work=work,
    show=score_summary.show,
    headline=score_summary.headline,
    check=check,
)
