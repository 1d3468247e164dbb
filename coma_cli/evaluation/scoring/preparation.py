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
        machine = identity(self.sandbox.isolation, self.settings.python, self.settings.packages)
        missing = {problem.task_id for problem in self.problems if problem.task_id not in self._journal}
        prepared = self._prepare(machine, missing, again=self.settings.check_references)
        if prepared is None:
            console.warn(f"References of {self.bench} no longer pass as they did on this machine: running all of them")
            prepared = self._prepare(machine, missing, again=True)
        assert prepared is not None
        return prepared

    def _prepare(self, machine: str, missing: Set[str], *, again: bool) -> PreparedProblems | None:
        """Give the missing references their rows; None if one that was drawn does not fare as it is known to.

        With `again` nothing that is kept counts.
        """
        cache = ReferenceCache(self.bench, machine)
        if again:
            cache.discard()
        stages = self._stages(machine, again=again)
        parts = {p.task_id: (*stages[p.task_id], *published(p)) for p in self.problems if p.task_id in missing}
        keys = {task_id: reference_key(of, self._limits, self._modes) for task_id, of in parts.items()}
        known = cache.known(keys)
        drawn = draw(known, f"{self.settings.seed}|{self.run.fingerprint}")
        trusted = [check for task_id, check in known.items() if task_id not in drawn]
        if trusted:
            passed = count_of(len(known), "reference has", "references have")
            console.note(f"{passed} passed on this machine before; running {len(drawn)} of them again")
        found = self._run({task_id: of for task_id, of in parts.items() if task_id not in known or task_id in drawn})
        if any(found[task_id].failed or found[task_id].mode != known[task_id].mode for task_id in drawn):
            return None
        self._journal.append_all(trusted)
        cache.keep(keys, found)
        return PreparedProblems(stages, latest(self._journal.rows()))

    @property
    def _journal(self) -> Journal[ReferenceCheck]:
        return self.run.journal(REFERENCES, ReferenceCheck)

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

    def _run(self, parts: Mapping[str, Sequence[Problem]]) -> dict[str, ReferenceCheck]:
        """Run references and write their rows."""
        found: dict[str, ReferenceCheck] = {}
        if not parts:
            return found
        with console.progress("references", len(parts)) as ticker:
            for check in check_references(self.sandbox, parts, self._journal, self._limits, self._modes):
                self.run.count_work()
                if check is not None:
                    found[check.task_id] = check
                    ticker.advance()
        # Nothing that has run a reference runs a program that is to be judged.
        self.sandbox.replace_pairs()
        return found

    def _limits(self, problem: Problem) -> Limits:
        return limits_of(self.settings, problem)

    @property
    def _modes(self) -> tuple[Mode, ...]:
        return ("split", "inproc") if self.settings.mode == "split" else ("inproc",)
