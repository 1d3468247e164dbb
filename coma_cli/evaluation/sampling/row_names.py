"""Which completions a request is for, in the order of computation.

Rows of one problem are adjacent, because a prompt is computed once for rows that follow one another.
"""

from collections.abc import Iterator
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
    """What is requested: problems in order of computation, temperatures, and rows of each."""

    task_ids: tuple[str, ...]
    temperatures: tuple[float, ...]
    n: int

    def rows(self) -> Iterator[RowName]:
        """Every wanted row. At temperature 0 all rows of a problem would be identical, so there is only one."""
        for task_id in self.task_ids:
            for temperature in self.temperatures:
                for index in range(self.n if temperature > 0 else 1):
                    yield RowName(task_id, temperature, index)
