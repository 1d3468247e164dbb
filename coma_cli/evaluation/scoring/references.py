"""Runs a benchmark's own solutions first: they must pass here.

Where the tests of a problem run is data of the benchmark (`Problem.mode`). Neither a candidate nor a reference that
fails, is killed or is too slow has a say in that.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from coma_cli.corpus.extraction.programs import program_of
from coma_cli.journal import Journal
from coma_cli.records import DETAIL_LIMIT, Problem, Record, VerdictName
from coma_cli.sandbox import Limits, Outcome, Program, Sandbox
from coma_cli.sandbox.contract import Mode


class ReferenceCheck(Record):
    """How one reference solution fared, in which mode its problem's candidates are run, and for how long at most.

    `stage_cpu_s` is the CPU time that the reference took for each stage of the problem, `stage_limits_s` are the CPU
    limits (s) that follow for candidates.
    """

    task_id: str
    mode: Literal["split", "inproc"]
    verdict: VerdictName
    detail: str = ""
    cpu_s: float = 0.0
    stage_cpu_s: tuple[float, ...] = ()
    stage_limits_s: tuple[float, ...] = ()

    @property
    def key(self) -> str:
        return self.task_id

    @property
    def failed(self) -> bool:
        return self.verdict != "pass"

    @classmethod
    def volatile_fields(cls) -> frozenset[str]:
        return super().volatile_fields() | {"detail", "stage_cpu_s", "stage_limits_s"}


Finish = Callable[[ReferenceCheck, Sequence[float]], ReferenceCheck]


def check_references(
    sandbox: Sandbox,
    parts: Mapping[str, Sequence[Problem]],
    journal: Journal[ReferenceCheck],
    limits_of: Callable[[Problem], Limits],
    mode: Mode,
    finish: Finish = lambda check, cpu_s: check,
) -> Iterator[ReferenceCheck | None]:
    """Run the references of these problems, each in its problem's mode; all of them in `mode` where that is inproc.

    `parts` are, by task id, the problem with each set of tests that its reference has to pass. A reference that fails
    runs once more with nothing beside it, and that run counts. Yields a row for each reference that is settled, and
    None for a run that settles nothing yet. `finish` completes a row, given the CPU seconds of each of its parts.
    """
    seen: dict[str, list[Outcome]] = {}
    failed: list[str] = []
    for outcome in sandbox.run(
        _program(part, number, mode_of(part, mode), limits_of)
        for of_one in parts.values()
        for number, part in enumerate(of_one)
    ):
        task_id = outcome.key.partition("|")[2]
        outcomes = seen.setdefault(task_id, [])
        outcomes.append(outcome)
        row = None
        if len(outcomes) == len(parts[task_id]):
            row = _row(task_id, seen.pop(task_id), mode_of(parts[task_id][0], mode), finish)
            if row.failed:
                failed.append(task_id)
                row = None
        if row is not None:
            journal.append(row)
        yield row
    for task_id in failed:
        yield from _run_alone(sandbox, task_id, parts[task_id], journal, limits_of, mode, finish)


def _run_alone(
    sandbox: Sandbox,
    task_id: str,
    parts: Sequence[Problem],
    journal: Journal[ReferenceCheck],
    limits_of: Callable[[Problem], Limits],
    mode: Mode,
    finish: Finish,
) -> Iterator[ReferenceCheck | None]:
    """The second run of a reference that has failed: what a loaded machine or a kill has done to the first is undone.

    A reference that only fails an assertion is tried in one process too, for a hint: its mode stays what it is.
    """
    mode = mode_of(parts[0], mode)
    outcomes = list(_one_by_one(sandbox, parts, mode, limits_of))
    row = _row(task_id, outcomes, mode, finish)
    yield from (None for _ in outcomes[1:])
    if row.verdict == "fail" and mode == "split":
        tried = list(_one_by_one(sandbox, parts, "inproc", limits_of))
        yield from (None for _ in tried)
        if all(outcome.verdict == "pass" for outcome in tried):
            row = row.model_copy(update={"detail": f"{row.detail[: DETAIL_LIMIT - len(_HINT)]}{_HINT}"})
    journal.append(row)
    yield row


_HINT = ' (passes in one process: if it has to run there, give its row "mode": "inproc")'


def _one_by_one(
    sandbox: Sandbox, parts: Sequence[Problem], mode: Mode, limits_of: Callable[[Problem], Limits]
) -> Iterator[Outcome]:
    """The outcomes up to the first failure, each with nothing beside it."""
    for number, part in enumerate(parts):
        (outcome,) = sandbox.run([_program(part, number, mode, limits_of)])
        yield outcome
        if outcome.verdict != "pass":
            return


def _program(part: Problem, number: int, mode: Mode, limits_of: Callable[[Problem], Limits]) -> Program:
    return program_of(part, part.reference, f"{number}|{part.task_id}", mode, limits_of(part))


def mode_of(problem: Problem, mode: Mode) -> Mode:
    """Where the tests of a problem run; all of them in `mode` where that is inproc."""
    return problem.mode if mode == "split" else mode


def _row(task_id: str, outcomes: Sequence[Outcome], mode: Mode, finish: Finish) -> ReferenceCheck:
    """The row of a reference: the first of its tests that failed speaks for all."""
    in_order = sorted(outcomes, key=lambda outcome: int(outcome.key.partition("|")[0]))
    worst = next((outcome for outcome in in_order if outcome.verdict != "pass"), in_order[0])
    row = ReferenceCheck(
        task_id=task_id,
        mode=mode,
        verdict=worst.verdict,
        detail=worst.detail[:DETAIL_LIMIT],
        cpu_s=round(sum(outcome.cpu_s for outcome in outcomes), 4),
    )
    return finish(row, [outcome.cpu_s for outcome in in_order])


def latest(rows: Iterable[ReferenceCheck]) -> dict[str, ReferenceCheck]:
    """The row that counts, by task id: the last one."""
    return {row.task_id: row for row in rows}
