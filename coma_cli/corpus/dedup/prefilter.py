"""Prefilters of sets of shingles: they rule out most pairs of sets that are far apart without reading the sets.

A prefilter counts the shingles of a set in each of 64 buckets. Two sets share at most the smaller count of each bucket,
so prefilters are an upper bound on the size of the intersection; a pair that the bound rules out, the sets would too.
"""

import numpy as np
from numpy.typing import NDArray

from coma_cli.corpus.dedup.minhash import U32
from coma_cli.corpus.lexing import Ints

U8 = NDArray[np.uint8]

BUCKETS = 64
_MOST = 255  # the largest count of a bucket; the set's size tells how many were not counted


def prefilters(sets: U32, sizes: Ints) -> U8:
    """The prefilter of each set, (sets, 64); the sets are given one after the other."""
    owners = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    counts = np.bincount(owners * BUCKETS + sets % BUCKETS, minlength=len(sizes) * BUCKETS)
    return np.minimum(counts, _MOST).astype(np.uint8).reshape(-1, BUCKETS)


def most_in_common(one: U8, one_sizes: Ints, other: U8, other_sizes: Ints) -> Ints:
    """The most shingles that two sets can share, for each pair of prefilters and sizes."""
    counted: Ints = np.minimum(one, other).sum(axis=1, dtype=np.int64)
    uncounted = np.minimum(one_sizes - one.sum(axis=1, dtype=np.int64), other_sizes - other.sum(axis=1, dtype=np.int64))
    bound: Ints = counted + uncounted
    return bound
