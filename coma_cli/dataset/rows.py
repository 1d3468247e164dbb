"""The facts of all rows of a run as one table, and what has become of each of them. Rows themselves stay on disk."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from coma_cli.dataset.parts import Part
from coma_cli.dataset.row_index import NAMED, ROW

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

KEPT, DUPLICATE, NEAR_DUPLICATE, IN_REFERENCE, BEYOND_BALANCE, BEYOND_SIZE, COUNTERPART, REFERENCE = range(8)


class BuiltRows:
    """All rows of the parts in their fixed order.

    `facts` is (rows,) of `ROW` with the names numbered alike for all parts, `names` gives them; `part` (rows,) says
    which part a row lies in; `state` (rows,) is `KEPT` or why a row is left out; `first` (rows,) is the row that a
    duplicate repeats. The last `references` parts are not of the data: theirs are the rows that it is kept clear of.
    """

    def __init__(self, paths: Sequence[Path], references: int = 0) -> None:
        self.paths = paths
        self.parts = [Part(path) for path in paths]
        count = sum(part.count for part in self.parts)
        self.index: npt.NDArray[np.void] = np.empty(count, dtype=ROW)
        self.part: npt.NDArray[np.uint32] = np.empty(count, dtype=np.uint32)
        self.state: npt.NDArray[np.uint8] = np.zeros(count, dtype=np.uint8)
        self.first: Numbers = np.full(count, -1, dtype=np.int64)
        self.names: dict[str, list[str]] = {}
        numbers: dict[str, dict[str, int]] = {name: {} for name in NAMED}
        start = 0
        for number, part in enumerate(self.parts):
            end = start + part.count
            self.index[start:end] = part.index()
            self.part[start:end] = number
            for kind in NAMED:
                known = numbers[kind]
                renumbered = np.array([known.setdefault(name, len(known)) for name in part.names[kind]], np.uint16)
                if part.count:
                    self.index[kind][start:end] = renumbered[self.index[kind][start:end]]
            start = end
        self.state[self.part >= len(paths) - references] = REFERENCE
        self.names = {kind: list(known) for kind, known in numbers.items()}

    def __len__(self) -> int:
        return len(self.index)

    @property
    def kept(self) -> Mask:
        """Which rows are in the data as far as is known by now."""
        return np.asarray(self.state == KEPT)

    @property
    def sound(self) -> Mask:
        """Which rows are good, though there may be more of them than was asked for."""
        return np.isin(self.state, (KEPT, BEYOND_SIZE, BEYOND_BALANCE))

    def in_order(self, chosen: Mask) -> Numbers:
        """The chosen rows in the order of their ids."""
        places = np.flatnonzero(chosen)
        return places[np.argsort(self.index["id"][places], kind="stable")]

    def id_of(self, row: int) -> str:
        """The id of a row."""
        return bytes(self.index["id"][row]).decode("ascii")

    def name_of(self, kind: str, row: int) -> str:
        """The name that a row has of a kind (`NAMED`)."""
        return self.names[kind][int(self.index[kind][row])]
