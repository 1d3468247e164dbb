"""`coma score`: samples in, verdicts and a defended pass@k out.

    samples (a run, or files)  ->  programs (extraction)  ->  verdicts (sandbox)  ->  pass@k with intervals

The references of the problems run first: a problem whose own solution fails here can't score anybody else's. Rows
are journalled as verdicts come, so a killed run resumes where it stopped. Nothing here executes a program itself.
"""

import time
from collections.abc import Container, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from coma_cli import console
from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.corpus.extraction.published_cuts import CAPYBARA_CUT, prompt_cut_by_length
from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.evaluation import plot
from coma_cli.evaluation.best_temperature import best_temperatures
from coma_cli.evaluation.explaining.explain import ALTERNATIVES, CAUSES, others
from coma_cli.evaluation.measuring import measure
from coma_cli.evaluation.measuring import summary as measure_summary
from coma_cli.evaluation.results import Counted, count, table_name
from coma_cli.evaluation.scoring import cluster
from coma_cli.evaluation.scoring import summary as score_summary
from coma_cli.evaluation.scoring.cluster import Runner, SandboxOptions
from coma_cli.evaluation.scoring.failures import FailedSamples
from coma_cli.evaluation.scoring.gates import check, find_baseline
from coma_cli.evaluation.scoring.limits import memory_limit_mb, memory_notes
from coma_cli.evaluation.scoring.other_benchmark import meant_for_another
from coma_cli.evaluation.scoring.preparation import REFERENCES, PreparedProblems
from coma_cli.evaluation.scoring.sample_choice import SampleSource, benchmark_only, choose_samples
from coma_cli.evaluation.scoring.sample_files import Skipped
from coma_cli.evaluation.scoring.score_run import VERDICTS, ScoreRun, scored
from coma_cli.evaluation.scoring.settings import ScoreSettings, parse_threshold
from coma_cli.parallel import ray_cluster
from coma_cli.records import Problem, Verdict
from coma_cli.sandbox import (
    InheritedLimitError,
    Isolation,
    Limits,
    Sandbox,
    SandboxError,
    SandboxUnavailable,
    begin_probing,
    check_inherited,
    default_workers,
    probe_isolation,
)
from coma_cli.sandbox.launch import find_interpreter
from coma_cli.sandbox.packages import importable_packages
from coma_cli.stage import Stage
from coma_cli.words import count_of
from coma_cli.workspace import Plan, Run, StageResult, Workspace

_RAISE = "Raise it in this shell with ulimit, or start coma from one without that limit"


@dataclass(frozen=True, kw_only=True)
class ScorePlan(Plan):
    """What score resolved: the samples, the problems that they are of, and how many samples there are."""

    source: SampleSource
    problems: tuple[Problem, ...]
    sampled: Mapping[str, int]  # samples by task id
    skipped: Skipped
    prompts_cut_by_length: int

    @property
    def samples(self) -> int:
        """The number of samples."""
        return sum(self.sampled.values())


def plan(settings: ScoreSettings, workspace: Workspace) -> "ScorePlan | measure.MeasurePlan":
    """Find the samples, and plan their scoring: by running programs, or by metrics if they answer held-out rows."""
    begin_probing(settings.isolation, python=settings.python)
    find_baseline(settings, workspace)
    if settings.check_references:
        return _plan(settings, benchmark_only(settings.bench, settings.bench_data))
    source = choose_samples(workspace, settings.bench, settings.samples, settings.bench_data)
    return measure.plan(settings, source) if measure.is_measured(source) else _plan(settings, source)


def _plan(settings: ScoreSettings, source: SampleSource) -> ScorePlan:
    """Count the samples per problem, and see which isolation this machine permits.

    `total` counts the programs at most: references, and each sample under each protocol; equal ones run once.
    """
    skipped = Skipped()
    sampled: dict[str, int] = {}
    ways = _ways(settings)
    prompts = {problem.task_id: problem for problem in source.problems if CAPYBARA_CUT in ways}
    cut_by_length = 0
    for candidate in source.candidates(skipped) if source.paths else ():
        sampled[candidate.task_id] = sampled.get(candidate.task_id, 0) + 1
        cut_by_length += bool(prompts) and prompt_cut_by_length(prompts[candidate.task_id], candidate.text)
    problems = tuple(p for p in source.problems if p.task_id in sampled or not source.paths)
    samples = sum(sampled.values())
    workers = settings.runtime.workers or default_workers()
    isolation, blockers = _isolation(settings, source.bench)
    no_ray = ray_cluster.blocker() if settings.runtime.cluster else None
    unscorable = _unscorable(source, samples, skipped)
    lacking = (plot.blocker() if settings.plot else None, no_ray)
    stages = 2 if any(problem.input_sets for problem in problems) else 1
    return ScorePlan(
        subject=source.bench,
        inputs=source.inputs,
        total=stages * (len(problems) + samples * len(ways)),
        estimate={
            "problems": len(problems),
            "samples": samples,
            "samples per problem": _span(sampled),
            "workers": workers,
            "memory limit (MB)": memory_limit_mb(settings, source.bench),
            "isolation": isolation.level if isolation else "none possible",
            "hours if all ran to their limit": round(samples * _mean_limit(settings, problems) / workers / 3600, 2),
        },
        blockers=(*blockers, *filter(None, lacking), *unscorable),
        notes=(
            *_notes(source, 0 if unscorable else len(problems), skipped),
            *_unneeded_risk(settings),
            *memory_notes(settings, source.bench, workers),
        ),
        source=source,
        problems=problems,
        sampled=sampled,
        skipped=skipped,
        prompts_cut_by_length=cut_by_length,
    )


def _ways(settings: ScoreSettings) -> list[str]:
    """The protocols under which samples are judged."""
    return [*settings.protocol, *(protocol.name for protocol in others(settings.protocol) if settings.explain)]


def _span(sampled: Mapping[str, int]) -> str:
    counts = sampled.values()
    return "0" if not counts else f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _mean_limit(settings: ScoreSettings, problems: tuple[Problem, ...]) -> float:
    return sum(settings.timeout_s or p.cpu_limit_s for p in problems) / max(1, len(problems))


def _isolation(settings: ScoreSettings, bench: str) -> tuple[Isolation | None, tuple[CliError, ...]]:
    try:
        check_inherited(_options(settings, bench).limits, settings.runtime.workers or default_workers())
        isolation = probe_isolation(settings.isolation, consent=settings.runtime.i_know, python=settings.python)
        importable_packages(find_interpreter(settings.python).site, settings.packages)
        return isolation, ()
    except SandboxUnavailable as error:
        return None, (_unavailable(error, _level_here(settings) if settings.isolation == "none" else None),)
    except InheritedLimitError as error:
        return None, (UsageError(f"A limit is too low: {error}.", _RAISE),)
    except SandboxError as error:
        return None, (UsageError(f"The sandbox can't start: {error}.", "Check --python and --packages."),)


def _level_here(settings: ScoreSettings) -> str | None:
    """The best isolation that this machine permits, whatever was requested; None if there is none."""
    try:
        return probe_isolation("auto", python=settings.python).level
    except SandboxError:
        return None


def _unneeded_risk(settings: ScoreSettings) -> list[str]:
    """A warning where programs run without the isolation that this machine could give them."""
    if settings.isolation != "none" or not settings.runtime.i_know:
        return []
    level = _level_here(settings)
    warning = f"Warning: this machine can isolate programs (level {level}); --isolation none runs them without"
    return [warning] if level else []


def _unavailable(error: SandboxUnavailable, level: str | None = None) -> UsageError:
    """The error where there is no sandbox; `level` is what this machine would permit."""
    if level is not None:
        return UsageError(
            f"--isolation none: {error}. This machine can isolate them (level {level}).",
            "Leave --isolation out, or allow it with --allow-unsafe",
        )
    return UsageError(
        f"Programs can't be isolated here: {error}",
        "Run on a machine that permits user namespaces or Landlock, or allow it with --isolation none --allow-unsafe",
    )


def _unscorable(source: SampleSource, samples: int, skipped: Skipped) -> tuple[CliError, ...]:
    """Why these samples can't be scored: there are none, or they are those of another benchmark."""
    if not source.paths:
        return ()
    other = meant_for_another(source.bench, skipped)
    if other is not None:
        return (other.error(source.title),)
    if samples:
        return ()
    why = "; ".join(skipped.messages()) or "the files are empty"
    return (
        MissingInputError(f"No sample of {source.bench} in {source.title}: {why}.", "Check --samples and --bench."),
    )


def _notes(source: SampleSource, scored: int, skipped: Skipped) -> list[str]:
    notes = [f"Samples: {source.title}"] if source.paths else []
    if source.benchmark.difference:
        facts = score_summary.benchmark_summary(source)
        name = f"{facts.source} (sha256 {facts.sha256[:12]})"
        notes.append(f"Warning: {name} {score_summary.differs(facts.model_dump(), source.bench)}")
    if 0 < scored < source.bench_size:
        notes.append(f"Partial: {scored} of the {source.bench_size} problems of {source.bench} are scored")
    return [*notes, *(f"Warning: {message}" for message in skipped.messages())]


def work(run: Run, settings: ScoreSettings, plan: "ScorePlan | measure.MeasurePlan") -> StageResult:
    """Check the references, judge the samples that have no verdict yet, and count; or measure answers."""
    if isinstance(plan, measure.MeasurePlan):
        return measure.work(run, settings, plan)
    began = time.monotonic()
    try:
        options = _options(settings, plan.source.bench)
        with options.sandbox() as sandbox, _runner(settings, options, sandbox) as runner:
            score_run = ScoreRun(run, settings, sandbox, runner, plan.problems, plan.source, plan.sampled)
            prepared = score_run.prepare()
            prepared_by = run.work_done
            score_run.judge(prepared)
            failed = FailedSamples()
            counted = _count(run, settings, plan, prepared.excluded, failed)
            failures, kept = score_run.keep_failures(failed) if plan.samples else (None, ())
            explanation = score_run.explain(prepared, kept) if settings.explain and plan.samples else None
            isolation = sandbox.isolation
    except SandboxUnavailable as error:
        raise _unavailable(error) from error
    except SandboxError as error:
        raise CliError(f"The sandbox broke: {error}", "Rerun the same command to resume.") from error
    plot = _draw(run, plan, counted, settings.seed) if settings.plot and counted.results else None
    programs_run = run.work_done - (prepared_by if plan.samples else 0)
    seconds = time.monotonic() - began
    summary = _summarise(settings, plan, isolation, prepared, counted, programs_run, seconds)
    outputs = [
        *((REFERENCES,) if prepared.checks else ()),
        *((VERDICTS,) if plan.samples else ()),
        *((CAUSES, ALTERNATIVES) if explanation else ()),
    ]
    summary = summary.model_copy(update={"failures": failures, "explanation": explanation, "plot": plot})
    broken = len(run.journal(VERDICTS, Verdict).failed) if plan.samples else 0
    if broken:
        console.warn(f"The sandbox broke under {count_of(broken, 'sample')}; the same command runs them again.")
    return StageResult(summary=summary, outputs=tuple(outputs), to_do_over=broken)


def _options(settings: ScoreSettings, bench: str) -> SandboxOptions:
    return SandboxOptions(
        limits=Limits(memory_mb=memory_limit_mb(settings, bench), allow_fork=settings.allow_fork),
        workers=settings.runtime.workers,
        isolation=settings.isolation,
        consent=settings.runtime.i_know,
        python=settings.python,
        packages=settings.packages,
    )


def _runner(settings: ScoreSettings, options: SandboxOptions, sandbox: Sandbox) -> AbstractContextManager[Runner]:
    """Where the programs of samples run."""
    if settings.runtime.cluster is None:
        return nullcontext(sandbox)
    return cluster.RayRunner(options, sandbox.isolation.level)


def _count(
    run: Run, settings: ScoreSettings, plan: ScorePlan, excluded: Container[str], failed: FailedSamples
) -> Counted:
    rows = run.journal(VERDICTS, Verdict).rows() if plan.samples else ()
    rows = failed.noting(row for row in rows if row.task_id not in excluded)
    gates = [parse_threshold(text)[0] for text in settings.runtime.fail_under]
    return count(rows, settings.protocol, settings.k, gates, settings.seed)


def _draw(run: Run, plan: ScorePlan, counted: Counted, seed: int) -> str:
    """Draw pass@k against k beside the run's rows; the name of the plot."""
    curves = []
    for result, tallies in zip(counted.results, counted.tallies, strict=True):
        name = table_name(result.protocol, result.temperature, beside=[r.temperature for r in counted.results])
        curves.append(plot.curve_of(name, tallies, seed))
    path = run.scratch("plot") / plot.PLOT
    name = score_summary.bench_name(plan.source.bench, score_summary.benchmark_summary(plan.source).model_dump())
    plot.draw(curves, f"{name}, {count_of(len(counted.tallies[0]), 'problem')}", path)
    return run.place(path, plot.PLOT).name


def _summarise(
    settings: ScoreSettings,
    plan: ScorePlan,
    isolation: Isolation,
    prepared: PreparedProblems,
    counted: Counted,
    programs_run: int,
    seconds: float,
) -> score_summary.ScoreSummary:
    first = counted.results[0] if counted.results else None
    checks, failed = prepared.checks, prepared.excluded
    scored_problems = len(plan.problems) - len(failed)
    return score_summary.ScoreSummary(
        bench=plan.source.bench,
        benchmark=score_summary.benchmark_summary(plan.source),
        samples_from=plan.source.title,
        protocol=first.protocol if first else None,
        problems=scored_problems,
        bench_problems=plan.source.bench_size,
        partial=scored_problems < plan.source.bench_size,
        excluded=failed,
        samples=scored(plan.sampled, failed),
        n_min=first.n_min if first else 0,
        n_max=first.n_max if first else 0,
        pass_at_k=first.pass_at_k if first else {},
        verdicts=first.verdicts if first else {},
        base=first.base if first else None,
        results=counted.results,
        best_temperature=best_temperatures(counted.results),
        references=score_summary.ReferenceSummary(
            checked=len(checks), passed=len(checks) - len(failed), failed=list(failed)
        ),
        isolation=isolation.level,
        isolation_lost=list(isolation.lost),
        mode=settings.mode,
        inproc_problems=sorted(task_id for task_id, mode in prepared.modes.items() if mode == "inproc"),
        inproc_reasons={p.task_id: p.mode_reason for p in plan.problems if p.mode == "inproc"},
        unique_programs=counted.unique_programs,
        programs_run=programs_run,
        programs_per_s=round(programs_run / seconds, 1) if programs_run else None,
        skipped=plan.skipped.counts(),
        notes=_notes_on(plan, failed),
        prompts_cut_by_length=plan.prompts_cut_by_length,
        training_data=plan.source.contamination,
        unverified=list(prepared.unverified),
    )


def _notes_on(plan: ScorePlan, excluded: Container[str]) -> dict[str, str]:
    """What the benchmark's entry says about problems that were scored."""
    entry = BENCHMARKS.get(plan.source.bench)
    names = {task_id for task_id in plan.sampled if task_id not in excluded}
    return {task_id: note for task_id, note in entry.notes.items() if task_id in names} if entry else {}


def show(summary: Mapping[str, Any]) -> None:
    """Print the summary."""
    is_measured = measure_summary.is_of_measures(summary)
    return measure_summary.show(summary) if is_measured else score_summary.show(summary)


def headline(summary: Mapping[str, Any]) -> str:
    """One line on what was made."""
    is_measured = measure_summary.is_of_measures(summary)
    return measure_summary.headline(summary) if is_measured else score_summary.headline(summary)


STAGE = Stage(
    settings=ScoreSettings,
    plan=plan,
    work=work,
    show=show,
    headline=headline,
    check=check,
)
