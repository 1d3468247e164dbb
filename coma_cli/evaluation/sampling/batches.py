"""Which rows are computed together: a plan that depends on what was asked for, never on what happens to be done.

Rows of one batch touch one another's last bits, so a row is reproduced by computing its batch again. The plan is made
over all wanted rows in a fixed order, extent by extent: what was first asked for keeps its batches when more is asked
for later. Rows of one problem stand side by side, because a prompt is computed once for all rows of its batch.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from coma_cli.records import sample_key


@dataclass(frozen=True, slots=True)
class RowName:
    """What names one completion."""

    task_id: str
    temperature: float
    index: int

    @property
    def key(self) -> str:
        """The key of its row."""
        return sample_key(self.task_id, self.temperature, self.index)


@dataclass(frozen=True)
class Wanted:
    """What one extent asks for: problems in the order in which they are to be computed, temperatures, rows of each."""

    task_ids: tuple[str, ...]
    temperatures: tuple[float, ...]
    n: int

    def rows(self) -> Iterator[RowName]:
        """Every wanted row. At temperature 0 all rows of a problem would be the same, so there is one."""
        for task_id in self.task_ids:
            for temperature in self.temperatures:
                for index in range(self.n if temperature > 0 else 1):
                    yield RowName(task_id, temperature, index)


def plan_batches(history: Sequence[Wanted], size: int) -> list[tuple[RowName, ...]]:
    """The batches of all that was ever wanted, oldest extent first, at most `size` rows each."""
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
    """The batches that hold a row that is wanted now and not there; each has to be computed whole."""
    now = set(wanted.rows())
    return [batch for batch in batches if any(row in now and row.key not in done for row in batch)]
