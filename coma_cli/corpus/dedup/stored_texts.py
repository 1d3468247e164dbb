"""Fingerprints of texts that lie on disk, in one file for each part of the rows, seen as those of one long list.

In memory is what is needed of every text at any time (about forty bytes); bands are read one at a time, outlines are
mapped from a file, and sets of shingles are read when two texts are compared that may be near by their outlines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from coma_cli.corpus.dedup.minhash import U32
from coma_cli.corpus.dedup.prefilter import BUCKETS, U8
from coma_cli.corpus.lexing import U64, Ints

_HASH_BYTES = 4


@dataclass(frozen=True)
class TextsOfPart:
    """What one file holds of the texts of one part, and at which byte their larger pieces begin.

    These are band hashes (bands, texts), outlines (texts, 64) and sets.
    """

    path: Path
    rows: Ints
    groups: U64
    sizes: Ints
    hashes_at: int
    prefilters_at: int
    sets_at: int


class StoredTexts:
    """The fingerprints of the texts of all parts (see `near.Texts`)."""

    def __init__(self, parts: Sequence[TextsOfPart], row_counts: Sequence[int], bands: int, scratch: Path) -> None:
        """`row_counts` says how many rows each part has; two files are made in `scratch`, until `discard`."""
        self.bands = bands
        starts = np.cumsum([0, *row_counts])
        nothing = np.zeros(0, dtype=np.int64)
        self.rows: Ints = np.concatenate([nothing, *(p.rows + s for p, s in zip(parts, starts, strict=False))])
        self.groups: U64 = np.concatenate([nothing.astype(np.uint64), *(part.groups for part in parts)])
        self.sizes: Ints = np.concatenate([nothing, *(part.sizes for part in parts)])
        places = (part.sets_at + _HASH_BYTES * (np.cumsum(part.sizes) - part.sizes) for part in parts)
        self._places: Ints = np.concatenate([nothing, *places])
        self._firsts: Ints = np.cumsum([0, *(len(part.rows) for part in parts)])[:-1]
        self._paths = [part.path for part in parts]
        self._bands_file, self._prefilters_file = scratch / "bands", scratch / "prefilters"
        self._join_bands(parts)
        self._prefilters = self._join_prefilters(parts)

    def discard(self) -> None:
        """Remove the files."""
        self._bands_file.unlink()
        self._prefilters_file.unlink()

    def _join_bands(self, parts: Sequence[TextsOfPart]) -> None:
        """Write the hashes of all parts into one file, all texts' first bands first."""
        total = len(self.rows)
        with self._bands_file.open("wb") as target:
            for part, first in zip(parts, self._firsts.tolist(), strict=True):
                with part.path.open("rb") as source:
                    source.seek(part.hashes_at)
                    for number in range(self.bands if len(part.rows) else 0):
                        target.seek((number * total + first) * _HASH_BYTES)
                        target.write(source.read(len(part.rows) * _HASH_BYTES))

    def _join_prefilters(self, parts: Sequence[TextsOfPart]) -> U8:
        """The outlines of all parts in one file; (texts, 64)."""
        with self._prefilters_file.open("wb") as target:
            for part in parts:
                with part.path.open("rb") as source:
                    source.seek(part.prefilters_at)
                    target.write(source.read(len(part.rows) * BUCKETS))
        if not len(self.rows):  # nothing can't be mapped
            return np.zeros((0, BUCKETS), dtype=np.uint8)
        return np.memmap(self._prefilters_file, dtype=np.uint8, mode="r", shape=(len(self.rows), BUCKETS))

    def band(self, number: int) -> U32:
        """See `near.Texts`."""
        count = len(self.rows)
        return np.fromfile(self._bands_file, dtype=np.uint32, count=count, offset=number * count * _HASH_BYTES)

    def prefilters_of(self, texts: Ints) -> U8:
        """See `near.Texts`."""
        return np.asarray(self._prefilters)[texts]

    def shingles(self, texts: Ints) -> tuple[U32, Ints]:
        """See `near.Texts`."""
        sizes = self.sizes[texts]
        flat = np.empty(int(sizes.sum()), dtype=np.uint32)
        ends = np.cumsum(sizes).tolist()
        owners = np.searchsorted(self._firsts, texts, side="right") - 1
        borders = [0, *(np.flatnonzero(np.diff(owners)) + 1).tolist(), len(texts)]
        for begin, end in pairwise(borders if len(texts) else [0]):
            with self._paths[owners[begin]].open("rb", buffering=0) as handle:
                for number, place in zip(range(begin, end), self._places[texts[begin:end]].tolist(), strict=True):
                    handle.seek(place)
                    handle.readinto(flat[ends[number] - int(sizes[number]) : ends[number]].data)
        return flat, sizes
