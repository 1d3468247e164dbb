"""A set of gram hashes that answers for many hashes at once."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from coma_cli.corpus.lexing import U64

_BITS = 20
_SHIFT = np.uint64(64 - _BITS)


@dataclass(frozen=True, eq=False)
class GramTable:
    """A fixed set of hashes, and for each value of their first bits whether the set has one that begins so.

    Most hashes that are not in the set are rejected by one look into that small table.
    """

    ordered: U64
    begins: NDArray[np.bool_]

    @classmethod
    def of(cls, hashes: U64) -> Self:
        """The table of some hashes."""
        ordered = np.unique(hashes)
        begins = np.zeros(1 << _BITS, dtype=bool)
        begins[ordered >> _SHIFT] = True
        return cls(ordered, begins)

    def holds(self, hashes: U64) -> NDArray[np.bool_]:
        """Which of some hashes are in the set."""
        known = np.zeros(len(hashes), dtype=bool)
        known[self.places(hashes)] = True
        return known

    def places(self, hashes: U64) -> NDArray[np.int64]:
        """Where hashes of the set occur among some hashes."""
        places = np.flatnonzero(self.begins[hashes >> _SHIFT])
        if not len(places):
            return places
        asked = hashes[places]
        found = np.minimum(np.searchsorted(self.ordered, asked), len(self.ordered) - 1)
        known: NDArray[np.int64] = places[self.ordered[found] == asked]
        return known
