"""One score run at work: what references answer, whether they pass, and the verdicts on all samples.

Everything that is run in the sandbox for a score is started from here; rows are journalled as they come.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from coma_cli import console
from coma_cli.corpus.extraction.candidate import Candidate
from coma_cli.corpus.extraction.protocols import PROTOCOLS, ExtractionProtocol
from coma_cli.errors import CliError, UsageError
from coma_cli.evaluation.explaining import explain as explaining
from coma_cli.evaluation.explaining.explanation import Explanation
from coma_cli.evaluation.scoring.cluster import Runner
from coma_cli.evaluation.scoring.failures import (
    FAILURES,
    FailedPrograms,
    FailedSamples,
    FailuresSummary,
    write_failures,
)
from coma_cli.evaluation.scoring.limits import limits_of
from coma_cli.evaluation.scoring.preparation import Preparation, PreparedProblems
from coma_cli.evaluation.scoring.sample_choice import SampleSource
from coma_cli.evaluation.scoring.sample_files import Skipped
from coma_cli.evaluation.scoring.scorer import Scorer
from coma_cli.evaluation.scoring.settings import ScoreSettings
from coma_cli.journal import Journal
from coma_cli.records import Problem, Verdict
from coma_cli.sandbox import Sandbox
from coma_cli.words import count_of
from coma_cli.workspace import Run

VERDICTS = "verdicts.jsonl"
_NAMED = 5  # references that fail are named in messages, if they are not more


@dataclass(frozen=True)
class ScoreRun:
    """The problems and the samples of one run, and where programs run.

    References run in this machine's `sandbox`, programs of samples where `runner` takes them. `sampled` are the numbers
    of samples by task id.
    """

    run: Run
    settings: ScoreSettings
    sandbox: Sandbox
    runner: Runner
    problems: Sequence[Problem]
    source: SampleSource
    sampled: Mapping[str, int]

    def prepare(self) -> PreparedProblems:
        """Find what references answer and check that they pass.

        Raises:
            CliError: all fail, or one does and they are to be strict. UsageError: they alone are to be checked, and
                there are none.
        """
        bench = self.source.bench
        if self.settings.check_references and not any(problem.reference for problem in self.problems):
            raise UsageError(f"No problem of {bench} has a reference to check.", "Omit --check-references.")
        prepared = Preparation(self.run, self.settings, self.sandbox, bench, self.problems).prepare()
        failed = prepared.excluded
        if failed:
            refuse_failed(self.settings, bench, failed, len(prepared.checks))
            problems = count_of(len(failed), "problem is", "problems are")
            console.warn(f"{problems} excluded, since the reference fails here ({_named(failed)})")
        return prepared

    def judge(self, prepared: PreparedProblems) -> None:
        """Give each sample its verdict under each requested protocol."""
        if self.sampled:
            protocols = [PROTOCOLS[name] for name in self.settings.protocol]
            self._judge(
                "score", prepared, self.run.journal(VERDICTS, Verdict), protocols, (), self._failed_programs.add
            )

    @cached_property
    def _failed_programs(self) -> FailedPrograms:
        """What is remembered of programs that fail; begun with what an earlier start of the run has written."""
        programs = FailedPrograms(self.settings.keep_failures)
        programs.recall(self.run.path / FAILURES)
        return programs

    def keep_failures(self, failed: FailedSamples) -> tuple[FailuresSummary | None, Container[str]]:
        """Write the programs of failed samples, as many as are to be kept: what was kept, and the keys of it."""
        path = self.run.path / FAILURES
        if not self.settings.keep_failures:
            path.unlink(missing_ok=True)
            return None, ()
        chosen = failed.chosen(self.settings.keep_failures, self.run.journal(VERDICTS, Verdict).rows)
        problems = {problem.task_id: problem for problem in self.problems}
        kept = write_failures(path, chosen, self._failed_programs, lambda: self.source.candidates(Skipped()), problems)
        return FailuresSummary(file=FAILURES, kept=len(kept), failed=len(failed)), kept

    def explain(self, prepared: PreparedProblems, kept: Container[str]) -> Explanation:
        """Name the causes of failures and judge the samples under the protocols that were not requested."""

        def judge(journal: Journal[Verdict], others: Sequence[ExtractionProtocol], known: Iterable[Verdict]) -> None:
            self._judge("other protocols", prepared, journal, others, known)

        return explaining.explain(
            self.run,
            self.run.journal(VERDICTS, Verdict),
            judge,
            lambda: self._candidates(prepared),
            {problem.task_id: problem for problem in self.problems},
            self.settings.protocol,
            self.settings.k,
            self.settings.seed,
            kept,
        )

    def _judge(
        self,
        label: str,
        prepared: PreparedProblems,
        journal: Journal[Verdict],
        protocols: Sequence[ExtractionProtocol],
        known: Iterable[Verdict],
        on_failed: Callable[[str, str, str], None] = lambda task_id, sha256, source: None,
    ) -> None:
        total = scored(self.sampled, prepared.excluded) * len(protocols)
        with console.progress(label, total, min(total, len(journal))) as ticker:
            scorer = Scorer(
                journal,
                prepared.stages,
                protocols,
                prepared.modes,
                lambda problem: limits_of(self.settings, problem),
                share=self.settings.share,
                known=known,
                on_rows=ticker.advance,
                on_run=self.run.count_work,
                on_failed=on_failed,
            )
            scorer.run(self.runner, self._candidates(prepared))

    def _candidates(self, prepared: PreparedProblems) -> Iterator[Candidate]:
        """The samples of the problems that are not excluded."""
        excluded = prepared.excluded
        return (c for c in self.source.candidates(Skipped()) if c.task_id not in excluded)


def scored(sampled: Mapping[str, int], excluded: Container[str]) -> int:
    """How many samples are of problems that are not excluded."""
    return sum(count for task_id, count in sampled.items() if task_id not in excluded)


def refuse_failed(settings: ScoreSettings, bench: str, failed: Mapping[str, str], checked: int) -> None:
    """Refuse to go on with references that fail: `failed` of `checked` ones, if they are all or have to pass.

    Raises:
        CliError: so it is.
    """
    strict = settings.runtime.strict_references or settings.check_references
    if failed and (strict or len(failed) == checked):
        raise CliError(
            f"{len(failed)} of {checked} reference solutions of {bench} fail here ({_named(failed)}).",
            "Raise --timeout or --memory, or choose another --python.",
        )


def _named(failed: Mapping[str, str]) -> str:
    shown = [f"{task_id}: {how}" for task_id, how in list(failed.items())[:_NAMED]]
    return "; ".join([*shown, *(["..."] if len(failed) > _NAMED else [])])
