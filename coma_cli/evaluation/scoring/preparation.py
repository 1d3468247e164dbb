"""What has to be known before samples are judged: what references answer, that they pass here, and in which mode.

A problem whose own solution fails on this machine can't score anybody else's. The run in which a
reference answers to the inputs of its problem is its check as far as possible, and how long it takes decides how long
the problem's programs may run. References that have passed here
before are not run again, except for a few that are drawn at each start: if one of those does not come out as it is
known to, nothing that is kept of the benchmark is believed any more, and all of it runs again. A problem without a
reference is scored too, as one of which nobody knows whether its tests can be passed.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from coma_cli import console
from coma_cli.evaluation.scoring.expected_outputs import AnswerFinder, FoundAnswers, check_parts, published, stages_of
from coma_cli.evaluation.scoring.limits import cpu_limit_for, reference_limits
from coma_cli.evaluation.scoring.reference_cache import ReferenceCache, draw, reference_key
from coma_cli.evaluation.scoring.references import ReferenceCheck, check_references, latest, mode_of
from coma_cli.evaluation.scoring.settings import ScoreSettings
from coma_cli.journal import Journal, natural_order
from coma_cli.records import Problem
from coma_cli.sandbox import Limits, Sandbox, default_workers
from coma_cli.sandbox.contract import Mode
from coma_cli.sandbox.identity import identity
from coma_cli.words import count_of
from coma_cli.workspace import Run

REFERENCES = "references.jsonl"


@dataclass(frozen=True)
class PreparedProblems:
    """The problems of a run by task id, ready for programs.

    `stages` are a problem with each set of tests that a program has to pass, the cheapest first; `checks` say how its
    reference fared. `unverified` are the modes of those without a reference.
    """

    stages: Mapping[str, Sequence[Problem]]
    checks: Mapping[str, ReferenceCheck]
    unverified: Mapping[str, Mode] = field(default_factory=dict)

    @property
    def modes(self) -> dict[str, Mode]:
        """How each problem's programs are run."""
        return {**self.unverified, **{task_id: check.mode for task_id, check in self.checks.items()}}

    @property
    def excluded(self) -> dict[str, str]:
        """The problems whose reference fails here, which no program can be held against, and how it fails."""
        return excluded(self.checks)


def excluded(checks: Mapping[str, ReferenceCheck]) -> dict[str, str]:
    """How references that fail do, by task id."""
    failed = sorted((task_id for task_id, check in checks.items() if check.failed), key=natural_order)
    return {task_id: f"{checks[task_id].verdict} {checks[task_id].detail}".strip() for task_id in failed}


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
        unverified = [problem for problem in self.problems if not problem.reference]
        if not unverified:
            return self._prepare_verified()
        verified = replace(self, problems=[problem for problem in self.problems if problem.reference])
        prepared = verified._prepare_verified() if verified.problems else PreparedProblems({}, {})
        return PreparedProblems(
            {**prepared.stages, **{problem.task_id: (problem,) for problem in unverified}},
            prepared.checks,
            {problem.task_id: mode_of(problem, self.settings.mode) for problem in unverified},
        )

    def _prepare_verified(self) -> PreparedProblems:
        """As `prepare`, of problems that all have a reference."""
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
        answers = self._answers(machine, again=again)
        stages = {problem.task_id: stages_of(problem, answers) for problem in self.problems}
        parts = {p.task_id: (*stages[p.task_id], *published(p)) for p in self.problems if p.task_id in missing}
        keys = {task_id: reference_key(of, self._limits, self.settings.mode) for task_id, of in parts.items()}
        known = cache.known(keys)
        drawn = draw(known, f"{self.settings.seed}|{self.run.fingerprint}")
        trusted = {task_id: check for task_id, check in known.items() if task_id not in drawn}
        if trusted:
            passed = count_of(len(known), "reference has", "references have")
            console.note(f"{passed} passed on this machine before; running {len(drawn)} of them again")

        running = [
            problem for problem in self.problems if problem.task_id in missing and problem.task_id not in trusted
        ]
        answered = {
            task_id: of for task_id, of in answers.items() if task_id not in drawn and self.settings.mode == "split"
        }
        checked = {p.task_id: check_parts(p, stages[p.task_id], answered.get(p.task_id)) for p in running}

        def finish(check: ReferenceCheck, cpu_s: Sequence[float]) -> ReferenceCheck:
            task_id = check.task_id
            if check.failed:
                return check  # its problem is excluded, and not all of its parts may have run
            if task_id in known and check.mode == known[task_id].mode:
                return known[task_id]  # with the limits that are in force
            answer = answered.get(task_id)
            # A run that gave no answers ended early: then the check has measured what they take.
            given = answer.cpu_s if answer and all(answer.answers) else None
            took = given or tuple(cpu_s[: len(stages[task_id])])
            return self._with_limits(check, stages[task_id], took)

        found = self._run(checked, finish)
        if any(found[task_id] != known[task_id] for task_id in drawn):
            return None
        self._journal.append_all(trusted.values())
        cache.keep(keys, found)
        checks = latest(self._journal.rows())
        limited = {task_id: _limited(of, checks[task_id]) for task_id, of in stages.items() if task_id in checks}
        return PreparedProblems(limited, checks)

    @property
    def _journal(self) -> Journal[ReferenceCheck]:
        return self.run.journal(REFERENCES, ReferenceCheck)

    def _answers(self, machine: str, *, again: bool) -> dict[str, FoundAnswers]:
        """What references answer, on all cores; `again`: whatever is kept."""
        asked = [problem for problem in self.problems if problem.input_sets]
        if not asked:
            return {}
        workers = self.settings.runtime.workers or default_workers()
        finder = AnswerFinder(
            self.sandbox.isolation, machine, self._limits, self.settings.python, workers=workers, again=again
        )
        with console.progress("expected answers", len(asked)) as ticker:

            def settled(ran: bool) -> None:
                self.run.count_work(1 if ran else 0)
                ticker.advance()

            return finder.find(asked, settled)

    def _run(
        self,
        parts: Mapping[str, Sequence[Problem]],
        finish: Callable[[ReferenceCheck, Sequence[float]], ReferenceCheck],
    ) -> dict[str, ReferenceCheck]:
        """Run references and write their rows."""
        found: dict[str, ReferenceCheck] = {}
        if not parts:
            return found
        with console.progress("references", len(parts)) as ticker:
            for check in check_references(self.sandbox, parts, self._journal, self._limits, self.settings.mode, finish):
                self.run.count_work()
                if check is not None:
                    found[check.task_id] = check
                    ticker.advance()
        # Nothing that has run a reference runs a program that is to be judged.
        self.sandbox.replace_pairs()
        return found

    def _limits(self, problem: Problem) -> Limits:
        return reference_limits(self.settings, problem)

    def _with_limits(self, check: ReferenceCheck, stages: Sequence[Problem], took: Sequence[float]) -> ReferenceCheck:
        """The row with the CPU seconds of each stage and the limits that follow."""
        limits = tuple(cpu_limit_for(self.settings, *measured) for measured in zip(stages, took, strict=True))
        rounded = tuple(round(seconds, 4) for seconds in took)
        return check.model_copy(update={"stage_cpu_s": rounded, "stage_limits_s": limits})


def _limited(stages: Sequence[Problem], check: ReferenceCheck) -> Sequence[Problem]:
    """The stages with the CPU limits that the check of their reference gave."""
    limits = check.stage_limits_s or tuple(stage.cpu_limit_s for stage in stages)
    return [stage.model_copy(update={"cpu_limit_s": limit}) for stage, limit in zip(stages, limits, strict=True)]
