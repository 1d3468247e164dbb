"""Fingerprints of texts that lie on disk, in one file for each part of the rows, seen as those of one long list.

Memory holds what is needed of every text at any time (about forty bytes); bands are read one at a time, prefilters are
mapped from a file, and sets of shingles are read when two texts are compared that their prefilters do not rule out.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np

from coma_cli.corpus.dedup.minhash import U32
from coma_cli.corpus.dedup.prefilter import BUCKETS, U8
from coma_cli.corpus.lexing import U64, Ints

_HASH_BYTES = 4


@dataclass(frozen=True)
class TextsOfPart:
    """What one file holds of the texts of one part, and at which byte their larger pieces begin.

    These are band hashes (bands, texts), prefilters (texts, 64) and sets.
    """

    path: Path
    rows: Ints
    groups: U64
    sizes: Ints
    hashes_at: int
    prefilters_at: int
    sets_at: int


@dataclass(frozen=True, eq=False)
class StoredTexts:
    """The fingerprints of the texts of all parts (see `near.Texts`); made by `joined`."""

    bands: int
    rows: Ints
    groups: U64
    sizes: Ints
    paths: tuple[Path, ...]
    first_texts: Ints  # (parts,) the number of each part's first text
    places: Ints  # (texts,) where each set begins in the file of its part
    bands_file: Path
    prefilters: U8

    @classmethod
    @contextmanager
    def joined(
        cls, parts: Sequence[TextsOfPart], row_counts: Sequence[int], bands: int, scratch: Path
    ) -> Iterator[Self]:
        """The texts of some parts; `row_counts` says how many rows each part has.

        Two files are kept in `scratch` until the context ends.
        """
        starts = np.cumsum([0, *row_counts])
        nothing = np.zeros(0, dtype=np.int64)
        places = (part.sets_at + _HASH_BYTES * (np.cumsum(part.sizes) - part.sizes) for part in parts)
        bands_file, prefilters_file = scratch / "bands", scratch / "prefilters"
        try:
            _join_bands(parts, bands, bands_file)
            yield cls(
                bands=bands,
                rows=np.concatenate([nothing, *(p.rows + s for p, s in zip(parts, starts, strict=False))]),
                groups=np.concatenate([nothing.astype(np.uint64), *(part.groups for part in parts)]),
                sizes=np.concatenate([nothing, *(part.sizes for part in parts)]),
                paths=tuple(part.path for part in parts),
                first_texts=_first_texts(parts),
                places=np.concatenate([nothing, *places]),
                bands_file=bands_file,
                prefilters=_join_prefilters(parts, prefilters_file),
            )
        finally:
            bands_file.unlink(missing_ok=True)
            prefilters_file.unlink(missing_ok=True)

    def band(self, number: int) -> U32:
        """See `near.Texts`."""
        count = len(self.rows)
        return np.fromfile(self.bands_file, dtype=np.uint32, count=count, offset=number * count * _HASH_BYTES)

    def prefilters_of(self, texts: Ints) -> U8:
        """See `near.Texts`."""
        return np.asarray(self.prefilters)[texts]

    def shingles(self, texts: Ints) -> tuple[U32, Ints]:
        """See `near.Texts`."""
        sizes = self.sizes[texts]
        flat = np.empty(int(sizes.sum()), dtype=np.uint32)
        ends = np.cumsum(sizes).tolist()
        owners = np.searchsorted(self.first_texts, texts, side="right") - 1
        borders = [0, *(np.flatnonzero(np.diff(owners)) + 1).tolist(), len(texts)]
        for begin, end in pairwise(borders if len(texts) else [0]):
            with self.paths[owners[begin]].open("rb", buffering=0) as handle:
                for number, place in zip(range(begin, end), self.places[texts[begin:end]].tolist(), strict=True):
                    handle.seek(place)
                    handle.readinto(flat[ends[number] - int(sizes[number]) : ends[number]].data)
        return flat, sizes


def _first_texts(parts: Sequence[TextsOfPart]) -> Ints:
    firsts: Ints = np.cumsum([0, *(len(part.rows) for part in parts)])[:-1]
    return firsts


def _join_bands(parts: Sequence[TextsOfPart], bands: int, path: Path) -> None:
    """Write the hashes of all parts into one file, all texts' first bands first."""
    total = sum(len(part.rows) for part in parts)
    with path.open("wb") as target:
        for part, first in zip(parts, _first_texts(parts).tolist(), strict=True):
            with part.path.open("rb") as source:
                source.seek(part.hashes_at)
                for number in range(bands if len(part.rows) else 0):
                    target.seek((number * total + first) * _HASH_BYTES)
                    target.write(source.read(len(part.rows) * _HASH_BYTES))


def _join_prefilters(parts: Sequence[TextsOfPart], path: Path) -> U8:
    """The prefilters of all parts in one file; (texts, 64)."""
    total = sum(len(part.rows) for part in parts)
    with path.open("wb") as target:
        for part in parts:
            with part.path.open("rb") as source:
                source.seek(part.prefilters_at)
                target.write(source.read(len(part.rows) * BUCKETS))
    if not total:  # an empty file can't be mapped
        return np.zeros((0, BUCKETS), dtype=np.uint8)
    return np.memmap(path, dtype=np.uint8, mode="r", shape=(total, BUCKETS))
