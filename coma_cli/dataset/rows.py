"""The row index of all parts as one table, and how rows are read back. The rows themselves stay on disk."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from coma_cli.corpus.splitting import Functions
from coma_cli.dataset.parts import Lines, Part
from coma_cli.dataset.row_index import NAMED, ROW
from coma_cli.records import Example

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
States = npt.NDArray[np.uint8]


class RowState(IntEnum):
    """What becomes of a row: it is kept, or the one reason why it is not."""

    KEPT = 0
    DUPLICATE = 1
    NEAR_DUPLICATE = 2
    IN_REFERENCE = 3
    BEYOND_BALANCE = 4
    BEYOND_SIZE = 5
    COUNTERPART = 6
    REFERENCE = 7
    OUTSIDE_TABLE = 8
    OTHER_TEXT_LANGUAGE = 9
    REPEATED_SHAPE = 10
    CROSSING = 11
    CONTAMINATED = 12
    REPEATED_FUNCTION = 13


@dataclass(frozen=True, eq=False)
class RowTable:
    """All rows of the parts in their fixed order.

    `index` is (rows,) of `ROW`, with names numbered alike for all parts; `names` lists them by kind. `part` (rows,) is
    the part that holds each row. The last `references` parts are not part of the data: it is deduplicated against
    their rows.
    """

    parts: tuple[Part, ...]
    index: npt.NDArray[np.void]
    part: npt.NDArray[np.uint32]
    names: Mapping[str, Sequence[str]]
    references: int = 0

    @classmethod
    def read(cls, paths: Sequence[Path], references: int = 0) -> Self:
        """The row index of finished parts; the last `references` of them are only compared with."""
        parts = tuple(map(Part.open, paths))
        names = {kind: tuple(dict.fromkeys(name for part in parts for name in part.names[kind])) for kind in NAMED}
        counts = np.array([part.count for part in parts], dtype=np.int64)
        index: npt.NDArray[np.void] = np.empty(int(counts.sum()), dtype=ROW)
        for part, end in zip(parts, np.cumsum(counts).tolist(), strict=True):
            index[end - part.count : end] = _renumbered(part.index(), part.names, names)
        owners = np.repeat(np.arange(len(parts), dtype=np.uint32), counts)
        for array in (index, owners):
            array.flags.writeable = False
        return cls(parts, index, owners, names, references)

    def __len__(self) -> int:
        return len(self.index)

    @property
    def is_reference(self) -> Mask:
        """Which rows are not part of the data."""
        return np.asarray(self.part >= len(self.parts) - self.references)

    def in_order(self, chosen: Mask) -> Numbers:
        """The numbers of the chosen rows in the order of their ids."""
        places = np.flatnonzero(chosen)
        return places[np.argsort(self.index["id"][places], kind="stable")]

    def counts(self, kind: str, chosen: Mask) -> dict[str, int]:
        """How many of the chosen rows have each name of a kind (`NAMED`)."""
        numbers, counts = np.unique(self.index[kind][chosen], return_counts=True)
        return {self.names[kind][number]: count for number, count in zip(numbers, counts.tolist(), strict=True)}

    def functions(self) -> Iterator[Functions]:
        """The functions that the rows show, part by part, read from disk."""
        start = 0
        for part in self.parts:
            found = part.functions()
            yield Functions(found["key"], found["row"].astype(np.int64) + start)
            start += part.count

    def text_language(self, row: int) -> str:
        """The text language of a row."""
        name: str = self.names["text_language"][self.index["text_language"][row]]
        return name

    def id_of(self, row: int) -> str:
        """The id of a row."""
        return bytes(self.index["id"][row]).decode("ascii")


def _renumbered(
    index: npt.NDArray[np.void], own: Mapping[str, Sequence[str]], names: Mapping[str, Sequence[str]]
) -> npt.NDArray[np.void]:
    """A part's row index with the numbers that `names` gives to its `own` names."""
    made = index.copy()
    for kind in NAMED if len(index) else ():
        numbers = {name: number for number, name in enumerate(names[kind])}
        made[kind] = np.array([numbers[name] for name in own[kind]], dtype=np.uint16)[index[kind]]
    return made


class RowReader:
    """Reads rows of a table from the files of their parts; a context manager."""

    def __init__(self, rows: RowTable) -> None:
        self._rows = rows
        self._lines = Lines([part.path for part in rows.parts])

    def line(self, row: int) -> bytes:
        """The line of a row."""
        index = self._rows.index
        return self._lines.read(int(self._rows.part[row]), int(index["offset"][row]), int(index["length"][row]))

    def example(self, row: int) -> Example:
        """A row, parsed."""
        return Example.from_row(json.loads(self.line(row)), str(self._rows.parts[self._rows.part[row]].path))

    def __enter__(self) -> Self:
        self._lines.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.__exit__(kind, error, trace)
