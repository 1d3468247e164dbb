"""A set of gram hashes that is asked for many at once."""

import numpy as np
from numpy.typing import NDArray

from coma_cli.corpus.lexing import U64

_BITS = 20
_SHIFT = np.uint64(64 - _BITS)


class GramTable:
    """Which of some hashes are in a fixed set. Most that are not are turned away by one look into a small table."""

    def __init__(self, hashes: U64) -> None:
        self._sorted = np.unique(hashes)
        self._maybe = np.zeros(1 << _BITS, dtype=bool)
        self._maybe[self._sorted >> _SHIFT] = True

    def holds(self, hashes: U64) -> NDArray[np.bool_]:
        """Which of some hashes are of the set."""
        known = np.zeros(len(hashes), dtype=bool)
        known[self.places(hashes)] = True
        return known

    def places(self, hashes: U64) -> NDArray[np.int64]:
        """Where hashes of the set occur."""
        places = np.flatnonzero(self._maybe[hashes >> _SHIFT])
        if not len(places):
            return places
        asked = hashes[places]
        found = np.minimum(np.searchsorted(self._sorted, asked), len(self._sorted) - 1)
        known: NDArray[np.int64] = places[self._sorted[found] == asked]
        return known
