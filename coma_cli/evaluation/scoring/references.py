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
    """How one reference solution fared, and in which mode its problem's candidates are run."""

    task_id: str
    mode: Literal["split", "inproc"]
    verdict: VerdictName
    detail: str = ""
    cpu_s: float = 0.0

    @property
    def key(self) -> str:
        return self.task_id

    @property
    def failed(self) -> bool:
        return self.verdict != "pass"

    @classmethod
    def volatile_fields(cls) -> frozenset[str]:
        return super().volatile_fields() | {"detail"}


def check_references(
    sandbox: Sandbox,
    parts: Mapping[str, Sequence[Problem]],
    journal: Journal[ReferenceCheck],
    limits_of: Callable[[Problem], Limits],
    modes: Sequence[Mode],
) -> Iterator[ReferenceCheck | None]:
    """Run the references of these problems, each in the first mode in which it passes all its tests.

    `parts` are, by task id, the problem with each set of tests that its reference has to pass. Yields a row for each
    reference that is settled, and None for a run that settles nothing yet. A reference that passes in none of the
    `modes` is journalled as such.
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
            row = _row(task_id, seen.pop(task_id), mode, modes) if len(outcomes) == len(parts[task_id]) else None
            if row is None or (row.failed and mode != modes[-1]):
                failed.update([] if row is None else [task_id])
                yield None
                continue
            journal.append(row)
            yield row
        missing = [task_id for task_id in missing if task_id in failed]


def _row(task_id: str, outcomes: Sequence[Outcome], mode: Mode, modes: Sequence[Mode]) -> ReferenceCheck:
    """The row of a reference: the first of its tests that failed speaks for all."""
    in_order = sorted(outcomes, key=lambda outcome: int(outcome.key.partition("|")[0]))
    worst = next((outcome for outcome in in_order if outcome.verdict != "pass"), in_order[0])
    return ReferenceCheck(
        task_id=task_id,
        # A problem whose reference passes nowhere gets no exception from the first mode.
        mode=mode if worst.verdict == "pass" else modes[0],
        verdict=worst.verdict,
        detail=worst.detail[:DETAIL_LIMIT],
        cpu_s=round(sum(outcome.cpu_s for outcome in outcomes), 4),
    )


def latest(rows: Iterable[ReferenceCheck]) -> dict[str, ReferenceCheck]:
    """The row that counts, by task id: the last one."""
    return {row.task_id: row for row in rows}
