"""What has to be known before samples are judged: what references answer, that they pass here, and in which mode.

A benchmark whose own solutions fail on this machine can't score anybody else's. References that have passed here
before are not run again, except for a few that are drawn at each start: if one of those does not come out as it is
known to, nothing that is kept of the benchmark is believed any more, and all of it runs again.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from coma_cli import console
from coma_cli.evaluation.scoring.expected_outputs import AnswerFinder, Answers, published, stages_of
from coma_cli.evaluation.scoring.reference_cache import ReferenceCache, draw, reference_key
from coma_cli.evaluation.scoring.references import ReferenceCheck, check_references, latest
from coma_cli.evaluation.scoring.settings import ScoreSettings
from coma_cli.journal import Journal
from coma_cli.records import Problem
from coma_cli.sandbox import Limits, Sandbox
from coma_cli.sandbox.contract import Mode
from coma_cli.sandbox.identity import identity
from coma_cli.words import count_of
from coma_cli.workspace import Run

REFERENCES = "references.jsonl"

Parts = Mapping[str, Sequence[Problem]]


@dataclass(frozen=True)
class PreparedProblems:
    """The problems of a run by task id, ready for programs.

    `stages` are a problem with each set of tests that a program has to pass, the cheapest first; `checks` say how its
    reference fared.
    """

    stages: Mapping[str, Sequence[Problem]]
    checks: Mapping[str, ReferenceCheck]

    @property
    def modes(self) -> dict[str, Mode]:
        """How each problem's programs are run."""
        return {task_id: check.mode for task_id, check in self.checks.items()}

    @property
    def failed(self) -> list[ReferenceCheck]:
        """The references that fail here."""
        return [check for check in self.checks.values() if check.failed]


def limits_of(settings: ScoreSettings, problem: Problem) -> Limits:
    """What one program of a problem may use."""
    cpu_s = settings.timeout_s or problem.cpu_limit_s
    return Limits(cpu_s=cpu_s, memory_mb=settings.memory_mb, allow_fork=settings.allow_fork)


@dataclass(frozen=True)
class Preparation:
    """Finds answers and checks references in this machine's `sandbox`, and writes the rows of what it finds."""

    run: Run
    settings: ScoreSettings
    sandbox: Sandbox
    bench: str
    problems: Sequence[Problem]

    def prepare(self) -> PreparedProblems:
        """Do what is missing in the run.

        Raises:
            SandboxError: the sandbox failed.
        """
        machine = identity(self.sandbox.isolation, self.settings.python)
        journal = self.run.journal(REFERENCES, ReferenceCheck)
        missing = [problem.task_id for problem in self.problems if problem.task_id not in journal]
        again = self.settings.check_references
        stages = self._stages(machine, again=again)
        if not self._check(machine, stages, missing, journal, again=again):
            console.warn(f"References of {self.bench} no longer pass as they did on this machine; running all of them")
            stages = self._stages(machine, again=True)
            self._check(machine, stages, missing, journal, again=True)
        return PreparedProblems(stages, latest(journal.rows()))

    def _stages(self, machine: str, *, again: bool) -> dict[str, Sequence[Problem]]:
        """Each problem with its tests complete; `again`: whatever answers are kept."""
        asked = [problem for problem in self.problems if problem.input_sets]
        answers = self._answers(asked, machine, again=again) if asked else {}
        return {problem.task_id: stages_of(problem, answers) for problem in self.problems}

    def _answers(self, asked: Sequence[Problem], machine: str, *, again: bool) -> dict[str, Answers]:
        finder = AnswerFinder(
            self.sandbox.isolation, machine, self.settings.memory_mb, self.settings.python, again=again
        )
        with console.progress("expected answers", len(asked)) as ticker:

            def settled(ran: bool) -> None:
                self.run.count_work(1 if ran else 0)
                ticker.advance()

            return finder.find(asked, settled)

    def _check(
        self,
        machine: str,
        stages: Parts,
        missing: Sequence[str],
        journal: Journal[ReferenceCheck],
        *,
        again: bool,
    ) -> bool:
        """Give the missing references their rows; False if some that were drawn do not come out as they are known."""
        cache = ReferenceCache(self.bench, machine)
        if again:
            cache.discard()
        published_too = {p.task_id: (*stages[p.task_id], *published(p)) for p in self.problems}
        parts = {task_id: published_too[task_id] for task_id in missing}
        keys = {task_id: reference_key(of, self._limits, self._modes) for task_id, of in parts.items()}
        known = cache.known(keys)
        drawn = draw(known, f"{self.settings.seed}|{self.run.fingerprint}")
        trusted = [known[task_id] for task_id in parts if task_id in known.keys() - drawn]
        if trusted:
            passed = count_of(len(known), "reference has", "references have")
            console.note(f"{passed} passed on this machine before; running {len(drawn)} of them again")
        found = self._run(parts, {check.task_id for check in trusted}, journal)
        if any(found[task_id].mode != known[task_id].mode or found[task_id].failed for task_id in drawn):
            return False
        journal.append_all(trusted)
        cache.keep(keys, found)
        return True

    def _run(self, parts: Parts, skipped: Set[str], journal: Journal[ReferenceCheck]) -> dict[str, ReferenceCheck]:
        """Run references and write their rows."""
        to_run = {task_id: of for task_id, of in parts.items() if task_id not in skipped}
        found: dict[str, ReferenceCheck] = {}
        if not to_run:
            return found
        with console.progress("references", len(to_run)) as ticker:
            for check in check_references(self.sandbox, to_run, journal, self._limits, self._modes):
                self.run.count_work()
                if check is not None:
                    found[check.task_id] = check
                    ticker.advance()
        return found

    def _limits(self, problem: Problem) -> Limits:
        return limits_of(self.settings, problem)

    @property
    def _modes(self) -> tuple[Mode, ...]:
        return ("split", "inproc") if self.settings.mode == "split" else ("inproc",)
