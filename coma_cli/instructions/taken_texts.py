"""Texts that are nearly the same as one taken before: functions with another comment, instructions with another word.

MinHash bands propose pairs, and the Jaccard similarity of their sets of shingles decides, as for rows
(`corpus.dedup`); but texts come one after the other, and which of them is taken never changes later.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coma_cli.corpus.dedup.minhash import U32, bands_of, signatures
from coma_cli.corpus.dedup.rules import NearRules
from coma_cli.corpus.lexing import grams_of, lex

_AT_ONCE = 512  # texts


class TakenTexts:
    """The texts that were taken so far, as sets of shingles found by their bands."""

    def __init__(self, rules: NearRules) -> None:
        self._rules = rules
        self._sets: list[U32] = []
        self._by_band: dict[int, int] = {}  # the first text with a band; near ones nearly always share one with it
        self._later: dict[int, list[int]] = {}

    def add(self, texts: Sequence[str]) -> list[bool]:
        """Take texts in their order; whether each was taken, or is nearly the same as an earlier one."""
        fresh: list[bool] = []
        for start in range(0, len(texts), _AT_ONCE):
            fresh += self._add(texts[start : start + _AT_ONCE])
        return fresh

    def _add(self, texts: Sequence[str]) -> list[bool]:
        sets = _shingles(texts, self._rules)
        kept = [number for number, shingles in enumerate(sets) if len(shingles)]
        if not self._rules.enabled or not kept:
            return [True] * len(texts)
        flat = np.concatenate([sets[number] for number in kept])
        sizes = np.array([len(sets[number]) for number in kept], dtype=np.int64)
        values = signatures(flat, np.cumsum(sizes) - sizes, self._rules.permutations)
        bands = bands_of(values, self._rules.banding).T.astype(np.uint64)
        bands |= np.arange(bands.shape[1], dtype=np.uint64) << np.uint64(32)
        fresh = [True] * len(texts)
        for number, own in zip(kept, bands.tolist(), strict=True):
            fresh[number] = self._take(sets[number], own)
        return fresh

    def _take(self, shingles: U32, bands: list[int]) -> bool:
        shared = {self._by_band[band] for band in bands if band in self._by_band}
        shared.update(other for band in bands for other in self._later.get(band, ()))
        if any(_jaccard(shingles, self._sets[other]) >= self._rules.threshold for other in sorted(shared)):
            return False
        number = len(self._sets)
        self._sets.append(shingles)
        for band in bands:
            if self._by_band.setdefault(band, number) != number:
                self._later.setdefault(band, []).append(number)
        return True


def _shingles(texts: Sequence[str], rules: NearRules) -> list[U32]:
    """The set of shingles of each text, sorted; empty for texts that are too short to be compared."""
    lexed = lex(texts)
    found = []
    for start, end in zip(lexed.bounds[:-1], lexed.bounds[1:], strict=True):
        grams = grams_of(lexed.hashes[start:end], rules.shingle_tokens)
        short = end - start < rules.min_tokens
        found.append(np.zeros(0, dtype=np.uint32) if short else np.unique((grams >> np.uint64(32)).astype(np.uint32)))
    return found


def _jaccard(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> float:
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)
