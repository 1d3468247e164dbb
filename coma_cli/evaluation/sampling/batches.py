"""Plans which rows are computed together, depending only on what was requested, never on what is already done.

Rows of one batch influence each other's last bits, so a row is reproduced by recomputing its batch. The plan covers all
wanted rows in a fixed order, extent by extent: earlier requests keep their batches when more is requested later. Rows
of one problem are adjacent, because a prompt is computed once for all rows of its batch.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from coma_cli.records import sample_key


@dataclass(frozen=True, slots=True)
class RowName:
    """The identity of one completion."""

    task_id: str
    temperature: float
    index: int

    @property
    def key(self) -> str:
        """The key of its row."""
        return sample_key(self.task_id, self.temperature, self.index)


@dataclass(frozen=True)
class Wanted:
    """What one extent requests: problems in order of computation, temperatures, and rows of each."""

    task_ids: tuple[str, ...]
    temperatures: tuple[float, ...]
    n: int

    def rows(self) -> Iterator[RowName]:
        """Every wanted row. At temperature 0 all rows of a problem would be identical, so there is only one."""
        for task_id in self.task_ids:
            for temperature in self.temperatures:
                for index in range(self.n if temperature > 0 else 1):
                    yield RowName(task_id, temperature, index)


def plan_batches(history: Sequence[Wanted], size: int) -> list[tuple[RowName, ...]]:
    """The batches of everything ever requested, oldest extent first, with at most `size` rows each."""
    seen: set[RowName] = set()
    batches: list[tuple[RowName, ...]] = []
    for wanted in history:
        new = [row for row in wanted.rows() if row not in seen]
        batches += [tuple(new[start : start + size]) for start in range(0, len(new), size)]
        seen.update(new)
    return batches


def unfinished(
    batches: Sequence[tuple[RowName, ...]], wanted: Wanted, done: Collection[str]
) -> list[tuple[RowName, ...]]:
    """The batches with a wanted row that is missing; each has to be computed as a whole."""
    now = set(wanted.rows())
    return [batch for batch in batches if any(row in now and row.key not in done for row in batch)]
