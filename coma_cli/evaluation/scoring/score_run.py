"""One score run at work: what references answer, whether they pass, and the verdicts on all samples.

Everything that is run in the sandbox for a score is started from here; rows are journalled as they come.
"""

from collections.abc import Iterable, Mapping, Sequence

from coma_cli import console
from coma_cli.corpus.extraction.protocols import PROTOCOLS, ExtractionProtocol
from coma_cli.errors import CliError
from coma_cli.evaluation.explaining import explain as explaining
from coma_cli.evaluation.explaining.explanation import Explanation
from coma_cli.evaluation.scoring.cluster import Runner
from coma_cli.evaluation.scoring.expected_outputs import AnswerFinder, Answers, published, stages_of
from coma_cli.evaluation.scoring.references import ReferenceCheck, check_references, latest
from coma_cli.evaluation.scoring.sample_choice import SampleSource
from coma_cli.evaluation.scoring.sample_files import Skipped
from coma_cli.evaluation.scoring.scorer import Scorer
from coma_cli.evaluation.scoring.settings import ScoreSettings
from coma_cli.journal import Journal
from coma_cli.records import Problem, Verdict
from coma_cli.sandbox import Limits, Sandbox
from coma_cli.sandbox.contract import Mode
from coma_cli.workspace import Run

VERDICTS = "verdicts.jsonl"
REFERENCES = "references.jsonl"


class ScoreRun:
    """The problems of one run, where programs run, and what is known so far.

    References run in this machine's `sandbox`, the programs of samples where `runner` takes them.
    """

    def __init__(
        self,
        run: Run,
        settings: ScoreSettings,
        sandbox: Sandbox,
        runner: Runner,
        problems: Sequence[Problem],
        source: SampleSource,
    ) -> None:
        self._run = run
        self._settings = settings
        self._sandbox = sandbox
        self._runner = runner
        self._problems = {problem.task_id: problem for problem in problems}
        self._source = source
        answers = self._find_answers(problems)
        self._stages = {problem.task_id: stages_of(problem, answers) for problem in problems}
        self._modes: Mapping[str, Mode] = {}

    def _find_answers(self, problems: Sequence[Problem]) -> dict[str, Answers]:
        asked = [problem for problem in problems if problem.input_sets]
        if not asked:
            return {}
        finder = AnswerFinder(self._sandbox.isolation, self._settings.memory_mb, self._settings.python)
        with console.progress("expected answers", len(asked)) as ticker:

            def settled(ran: bool) -> None:
                self._run.count_work(1 if ran else 0)
                ticker.advance()

            return finder.find(asked, settled)

    def _limits(self, problem: Problem) -> Limits:
        cpu_s = self._settings.timeout_s or problem.cpu_limit_s
        return Limits(cpu_s=cpu_s, memory_mb=self._settings.memory_mb, allow_fork=self._settings.allow_fork)

    def check_references(self) -> dict[str, ReferenceCheck]:
        """The checks by task id; stops unless all pass or the user said to go on."""
        journal = self._run.journal(REFERENCES, ReferenceCheck)
        modes: tuple[Mode, ...] = ("split", "inproc") if self._settings.mode == "split" else ("inproc",)
        missing = sum(task_id not in journal for task_id in self._problems)
        if missing:
            parts = {task: (*stages, *published(self._problems[task])) for task, stages in self._stages.items()}
            references = {task_id: problem.reference for task_id, problem in self._problems.items()}
            with console.progress("references", len(parts), len(parts) - missing) as ticker:
                for settled in check_references(self._sandbox, parts, references, journal, self._limits, modes):
                    self._run.count_work()
                    ticker.advance(1 if settled else 0)
        checks = latest(journal.rows())
        self._modes = {task_id: check.mode for task_id, check in checks.items()}
        self._stop_if_any_failed(checks)
        return checks

    def _stop_if_any_failed(self, checks: Mapping[str, ReferenceCheck]) -> None:
        failed = [check for check in checks.values() if check.failed]
        if failed and not self._settings.runtime.go_on:
            named = "; ".join(f"{check.task_id}: {check.verdict} {check.detail}".strip() for check in failed[:5])
            raise CliError(
                f"{len(failed)} of {len(checks)} reference solutions of {self._source.bench} fail here ({named}).",
                "Raise --timeout or --memory, or choose another --python; --force goes on all the same.",
            )

    def judge(self, samples: int) -> None:
        """Give each of so many samples its verdict under each protocol that was asked for."""
        if samples:
            protocols = [PROTOCOLS[name] for name in self._settings.protocol]
            self._judge("score", samples, self._run.journal(VERDICTS, Verdict), protocols, ())

    def explain(self, samples: int) -> Explanation:
        """Name the causes of failures and judge the samples under the protocols that were not asked for."""

        def judge(journal: Journal[Verdict], others: Sequence[ExtractionProtocol], known: Iterable[Verdict]) -> None:
            self._judge("other protocols", samples, journal, others, known)

        return explaining.explain(
            self._run,
            self._run.journal(VERDICTS, Verdict),
            judge,
            lambda: self._source.candidates(Skipped()),
            self._problems,
            self._settings.protocol,
            self._settings.k,
            self._settings.seed,
        )

    def _judge(
        self,
        label: str,
        samples: int,
        journal: Journal[Verdict],
        protocols: Sequence[ExtractionProtocol],
        known: Iterable[Verdict],
    ) -> None:
        total = samples * len(protocols)
        with console.progress(label, total, min(total, len(journal))) as ticker:
            scorer = Scorer(
                journal,
                self._stages,
                protocols,
                self._modes,
                self._limits,
                share=self._settings.share,
                known=known,
                on_rows=ticker.advance,
                on_run=self._run.count_work,
            )
            scorer.run(self._runner, self._source.candidates(Skipped()))
