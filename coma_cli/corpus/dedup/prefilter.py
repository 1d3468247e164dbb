"""Outlines of sets of shingles: by them most sets that are far apart are told to be so without being read.

An outline counts the shingles of a set in each of 64 buckets. Of one bucket two sets can't share more than the smaller
count, so outlines bound from above what the sets have in common; whoever is left out by the bound would have been left
out by the sets themselves.
"""

import numpy as np
from numpy.typing import NDArray

from coma_cli.corpus.dedup.minhash import U32
from coma_cli.corpus.lexing import Ints

U8 = NDArray[np.uint8]

BUCKETS = 64
_MOST = 255  # of one bucket that are counted; the others are known by the set's size


def prefilters(sets: U32, sizes: Ints) -> U8:
    """The outline of each set, (sets, 64); the sets lie one after the other."""
    owners = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    counts = np.bincount(owners * BUCKETS + sets % BUCKETS, minlength=len(sizes) * BUCKETS)
    return np.minimum(counts, _MOST).astype(np.uint8).reshape(-1, BUCKETS)


def most_in_common(one: U8, one_sizes: Ints, other: U8, other_sizes: Ints) -> Ints:
    """How many shingles two sets have in common at most, for each pair of outlines and sizes."""
    counted: Ints = np.minimum(one, other).sum(axis=1, dtype=np.int64)
    uncounted = np.minimum(one_sizes - one.sum(axis=1, dtype=np.int64), other_sizes - other.sum(axis=1, dtype=np.int64))
    bound: Ints = counted + uncounted
    return bound
