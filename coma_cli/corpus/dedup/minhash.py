"""MinHash: short signatures of sets of shingles, split into bands that near sets are likely to share.

A text's set holds a 32-bit hash of every run of `shingle_tokens` tokens. Bands only propose pairs; the Jaccard
similarity of the two sets themselves decides whether two texts are near (see `near`), so no pair below the threshold is
ever reported.

Source: Broder (1997), On the resemblance and containment of documents; banding as in Leskovec, Rajaraman and Ullman,
Mining of Massive Datasets, chapter 3.4.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from coma_cli.corpus.dedup.rules import Banding
from coma_cli.corpus.dedup.rules import NearRules as NearRules
from coma_cli.corpus.dedup.rules import banding as banding
from coma_cli.corpus.lexing import U64, Ints, mix

U32 = NDArray[np.uint32]

_BLOCK = 1 << 15  # shingles at a time, so that a block and its permuted copy stay in the CPU cache


@lru_cache(maxsize=4)
def _permutations(count: int) -> tuple[U64, U64]:
    """Odd factors and summands, fixed for all versions."""
    drawn = mix(np.arange(1, 2 * count + 1, dtype=np.uint64))
    return drawn[:count] | np.uint64(1), drawn[count:]


def signatures(shingles: U32, starts: Ints, permutations: int) -> U32:
    """The minimum of each text under each permutation: (texts, permutations).

    `shingles` holds the sets one after the other, none of them empty; set i begins at `starts[i]`.
    """
    factors, summands = _permutations(permutations)
    made = np.empty((permutations, len(starts)), dtype=np.uint32)
    ends = np.append(starts[1:], len(shingles))
    first = 0
    while first < len(starts):
        last = max(first + 1, int(np.searchsorted(ends, starts[first] + _BLOCK, side="right")))
        block = shingles[starts[first] : ends[last - 1]]
        offsets = starts[first:last] - starts[first]
        for number in range(permutations):
            permuted = block * np.uint32(factors[number] >> np.uint64(32) | np.uint64(1))
            permuted += np.uint32(summands[number] >> np.uint64(32))
            made[number, first:last] = np.minimum.reduceat(permuted, offsets)
        first = last
    return made.T


def bands_of(values: U32, cut: Banding) -> U32:
    """A 32-bit hash of each band of each text: (bands, texts). Equal bands have equal hashes."""
    made = np.empty((cut.bands, len(values)), dtype=np.uint32)
    for band in range(cut.bands):
        folded = np.full(len(values), band, dtype=np.uint64)
        for column in range(band * cut.rows, (band + 1) * cut.rows):
            folded = mix(folded ^ values[:, column])
        made[band] = folded >> np.uint64(32)
    return made
