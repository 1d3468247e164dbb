"""pass@k of held-out rows that bring tests: their programs run in the sandbox, as those of a benchmark do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from coma_cli.errors import CliError
from coma_cli.evaluation.measuring.summary import TestedSummary
from coma_cli.evaluation.results import count
from coma_cli.evaluation.scoring.cluster import SandboxOptions
from coma_cli.evaluation.scoring.limits import memory_limit_mb
from coma_cli.evaluation.scoring.preparation import REFERENCES, Preparation
from coma_cli.evaluation.scoring.sample_choice import SampleSource
from coma_cli.evaluation.scoring.score_run import VERDICTS, ScoreRun
from coma_cli.evaluation.scoring.settings import ScoreSettings
from coma_cli.records import Problem, Verdict
from coma_cli.sandbox import Limits, SandboxError, SandboxUnavailable, begin_probing, probe_isolation
from coma_cli.words import count_of
from coma_cli.workspace import Run


@dataclass(frozen=True)
class TestedPlan:
    """What blocks the run of programs, or what is to be known about it."""

    __test__ = False  # no test of pytest

    blockers: tuple[CliError, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TestedResult:
    """The summary, and the files that the run has of it."""

    __test__ = False  # no test of pytest

    summary: TestedSummary | None
    outputs: tuple[str, ...]


def plan(settings: ScoreSettings, source: SampleSource, problems: Sequence[Problem]) -> TestedPlan:
    """Whether this machine can run the programs; where it can't, the other metrics are still measured."""
    del source
    if not problems:
        return TestedPlan()
    rows = count_of(len(problems), "row brings", "rows bring")
    begin_probing(settings.isolation, python=settings.python)
    if not _can_run(settings):
        return TestedPlan(notes=(f"Warning: {rows} tests, but programs can't be isolated here: no pass@k",))
    return TestedPlan(notes=(f"{rows} tests: pass@k too",))


def _can_run(settings: ScoreSettings) -> bool:
    try:
        probe_isolation(settings.isolation, consent=settings.runtime.i_know, python=settings.python)
    except SandboxError:
        return False
    return True


def work(
    run: Run, settings: ScoreSettings, source: SampleSource, problems: Sequence[Problem], sampled: Mapping[str, int]
) -> TestedResult:
    """Judge the samples of problems with tests.

    Raises:
        CliError: the sandbox broke.
    """
    if not _can_run(settings):
        return TestedResult(None, ())
    names = {problem.task_id for problem in problems}
    options = SandboxOptions(
        limits=Limits(memory_mb=memory_limit_mb(settings, source.bench), allow_fork=settings.allow_fork),
        workers=settings.runtime.workers,
        isolation=settings.isolation,
        consent=settings.runtime.i_know,
        python=settings.python,
        packages=settings.packages,
    )
    of_tests = replace(source, problems=tuple(problems), only=frozenset(names))
    counts = {task_id: n for task_id, n in sampled.items() if task_id in names}
    try:
        with options.sandbox() as sandbox:
            prepared = Preparation(run, settings, sandbox, source.bench, problems).prepare()
            judging = ScoreRun(run, settings, sandbox, sandbox, problems, of_tests, counts)
            judging.judge(prepared)
            level = sandbox.isolation.level
    except (SandboxError, SandboxUnavailable) as error:
        raise CliError(f"The sandbox broke: {error}", "Rerun the same command to resume.") from error
    verdicts = [row for row in run.journal(VERDICTS, Verdict).rows() if row.task_id not in prepared.excluded]
    counted = count(verdicts, settings.protocol, settings.k, (), settings.seed)
    first = counted.results[0] if counted.results else None
    summary = TestedSummary(
        rows=len(problems),
        excluded=dict(prepared.excluded),
        isolation=level,
        pass_at_k=first.pass_at_k if first else {},
        verdicts=first.verdicts if first else {},
    )
    return TestedResult(summary, (REFERENCES, VERDICTS))
