"""Runs a benchmark's own solutions first: they must pass here, and they alone decide how their problem is run.

A problem whose reference can't be tested from another process (its tests hand over objects of its own classes, say)
runs in one process with its tests. No candidate has a say in that.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from coma_cli.corpus.extraction.programs import program_of
from coma_cli.journal import Journal
from coma_cli.records import DETAIL_LIMIT, Problem, Record, VerdictName
from coma_cli.sandbox import Limits, Outcome, Sandbox
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


def check_references(
    sandbox: Sandbox,
    parts: Mapping[str, Sequence[Problem]],
    journal: Journal[ReferenceCheck],
    limits_of: Callable[[Problem], Limits],
    modes: Sequence[Mode],
    finish: Callable[[ReferenceCheck, Sequence[float]], ReferenceCheck] = lambda check, cpu_s: check,
) -> Iterator[ReferenceCheck | None]:
    """Run the references of these problems, each in the first mode in which it passes all its tests.

    `parts` are, by task id, the problem with each set of tests that its reference has to pass. Yields a row for each
    reference that is settled, and None for a run that settles nothing yet. A reference that passes in none of the
    `modes` is journalled as such. `finish` completes a row, given the CPU seconds of each of its problem's parts.
    """
    missing = list(parts)
    for mode in modes:
        programs = (
            program_of(part, part.reference, f"{number}|{task_id}", mode, limits_of(part))
            for task_id in missing
            for number, part in enumerate(parts[task_id])
        )
        seen: dict[str, list[Outcome]] = {}
        failed: set[str] = set()
        for outcome in sandbox.run(programs):
            task_id = outcome.key.partition("|")[2]
            outcomes = seen.setdefault(task_id, [])
            outcomes.append(outcome)
            complete = len(outcomes) == len(parts[task_id])
            row = _row(task_id, seen.pop(task_id), mode, modes, finish) if complete else None
            if row is None or (row.failed and mode != modes[-1]):
                failed.update([] if row is None else [task_id])
                yield None
                continue
            journal.append(row)
            yield row
        missing = [task_id for task_id in missing if task_id in failed]


def _row(
    task_id: str,
    outcomes: Sequence[Outcome],
    mode: Mode,
    modes: Sequence[Mode],
    finish: Callable[[ReferenceCheck, Sequence[float]], ReferenceCheck],
) -> ReferenceCheck:
    """The row of a reference: the first of its tests that failed speaks for all."""
    in_order = sorted(outcomes, key=lambda outcome: int(outcome.key.partition("|")[0]))
    worst = next((outcome for outcome in in_order if outcome.verdict != "pass"), in_order[0])
    row = ReferenceCheck(
        task_id=task_id,
        # A problem whose reference passes nowhere gets no exception from the first mode.
        mode=mode if worst.verdict == "pass" else modes[0],
        verdict=worst.verdict,
        detail=worst.detail[:DETAIL_LIMIT],
        cpu_s=round(sum(outcome.cpu_s for outcome in outcomes), 4),
    )
    return finish(row, [outcome.cpu_s for outcome in in_order])


def latest(rows: Iterable[ReferenceCheck]) -> dict[str, ReferenceCheck]:
    """The row that counts, by task id: the last one."""
    return {row.task_id: row for row in rows}
