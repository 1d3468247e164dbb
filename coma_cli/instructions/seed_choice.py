"""Chooses code functions: balanced over languages, in the order of hashes, without near duplicates.

The files are read once, which keeps 16 bytes per function: its hash and its place. Functions are then taken in the
order of their hashes, one of each language in turn; only those that are looked at are read again and kept. So memory
does not depend on how large the files are, a larger number later keeps those chosen before, and a function that is
nearly the same as one taken before it is skipped before anything is paid.
"""

import hashlib
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from coma_cli.corpus.dedup.rules import NearRules
from coma_cli.errors import UsageError, nearest
from coma_cli.formats.row_files import BadRow
from coma_cli.instructions.seeds import Seed, SeedCode, SeedReader, SkippedSeed
from coma_cli.instructions.taken_texts import TakenTexts

REPEAT, NEAR_REPEAT = "repeat", "near-duplicate"
_MARGIN = 16  # functions of a language that are read beyond those needed, as some may be near duplicates


@dataclass(frozen=True)
class SeedTally:
    """What the files hold: the number of usable functions, the rows skipped by reason, the broken rows.

    `by_language` are the usable functions of each language; near duplicates are found among those that were looked at.
    """

    usable: int
    skipped: Mapping[str, int]
    corrupt: tuple[BadRow, ...]
    by_language: Mapping[str, int] = field(default_factory=dict)


@dataclass
class _Candidates:
    """The functions of one language: hashes and places in the order in which they are taken, and those taken."""

    places: np.ndarray[tuple[int], np.dtype[np.uint64]]
    taken: TakenTexts
    next: int = 0
    kept: list[Seed] = field(default_factory=list)

    @property
    def exhausted(self) -> bool:
        return self.next >= len(self.places)


class SeedChooser:
    """The functions of a source in the order in which they are used; `first` reads as many as are needed."""

    def __init__(
        self,
        source: SeedCode,
        *,
        run_seed: int,
        max_chars: int,
        licence: str,
        languages: Collection[str] | None = None,
        per_language: int | None = None,
        near: NearRules | None = None,
    ) -> None:
        """Read all of the source once.

        Raises:
            UsageError: no function is in one of `languages`.
        """
        self._reader = SeedReader(source, max_chars=max_chars, licence=licence)
        self._run_seed = run_seed
        self._most = per_language
        self._skipped: Counter[str] = Counter()
        self._corrupt: list[BadRow] = []
        self._near = near or NearRules()
        found = self._scanned()
        _require(languages, found)
        wanted = sorted(found if languages is None else set(languages) & found.keys(), key=self._turn)
        self._languages = {name: self._in_order(*found[name]) for name in wanted}

    def _scanned(self) -> dict[str, tuple["array[int]", "array[int]"]]:
        """Hashes and places of all usable functions by language."""
        found: dict[str, tuple[array[int], array[int]]] = {}
        for place, entry in self._reader.entries(self._corrupt.append):
            if isinstance(entry, SkippedSeed):
                self._skipped[entry.reason] += 1
                continue
            hashes, places = found.setdefault(entry.language, (array("Q"), array("Q")))
            hashes.append(self._order(entry.id))
            places.append(place)
        return found

    def _in_order(self, hashes: "array[int]", places: "array[int]") -> _Candidates:
        """Those of one language by their hashes; equal functions have equal ones, and the first of them stays."""
        keys, where = np.frombuffer(hashes, dtype=np.uint64), np.frombuffer(places, dtype=np.uint64)
        order = np.lexsort((where, keys))
        first = np.ones(len(order), dtype=bool)
        first[1:] = keys[order][1:] != keys[order][:-1]
        self._skipped[REPEAT] += int(len(first) - first.sum())
        return _Candidates(where[order][first], TakenTexts(self._near))

    def _order(self, name: str) -> int:
        return int.from_bytes(hashlib.sha256(f"{self._run_seed}|{name}".encode()).digest()[:8], "big")

    def _turn(self, language: str) -> int:
        return self._order(f"language {language}")

    @property
    def tally(self) -> SeedTally:
        """What the files hold, as far as it is known."""
        sizes = {name: len(candidates.places) for name, candidates in self._languages.items()}
        skipped = {reason: count for reason, count in self._skipped.items() if count}
        return SeedTally(sum(sizes.values()), skipped, tuple(self._corrupt), sizes)

    def first(self, count: int) -> list[Seed]:
        """The first `count` functions, one of each language in turn; fewer if there are no more."""
        while short := self._short_of(rank := self._rank_for(count)):
            self._read(short, rank)
        turns = ((rank, turn, seed) for turn, c in enumerate(self._languages.values()) for rank, seed in self._of(c))
        return [seed for _, _, seed in sorted(turns, key=lambda entry: entry[:2])][:count]

    def _of(self, candidates: _Candidates) -> list[tuple[int, Seed]]:
        return list(enumerate(candidates.kept[: self._most]))

    def _rank_for(self, count: int) -> int:
        """How many functions each language must give so that there are `count`, as far as one can tell."""
        most = max(map(self._limit, self._languages.values()), default=0)
        return bisect_left(range(most), count, key=self._reachable)

    def _reachable(self, rank: int) -> int:
        """How many functions there may be if each language gives up to `rank`."""
        return sum(min(rank, self._limit(candidates)) for candidates in self._languages.values())

    def _limit(self, candidates: _Candidates) -> int:
        """The most functions that a language may still come to."""
        left = len(candidates.kept) + len(candidates.places) - candidates.next
        return left if self._most is None else min(left, self._most)

    def _short_of(self, rank: int) -> list[_Candidates]:
        return [c for c in self._languages.values() if len(c.kept) < min(rank, self._limit(c)) and not c.exhausted]

    def _read(self, short: list[_Candidates], rank: int) -> None:
        """Read the next functions of some languages, each file once."""
        chosen = []
        for candidates in short:
            end = candidates.next + rank - len(candidates.kept) + _MARGIN
            chosen.append([int(place) for place in candidates.places[candidates.next : end]])
            candidates.next += len(chosen[-1])
        read = self._reader.at(place for places in chosen for place in places)
        for candidates, places in zip(short, chosen, strict=True):
            seeds = [read[place] for place in places]
            fresh = candidates.taken.add([seed.code for seed in seeds])
            candidates.kept += [seed for seed, is_fresh in zip(seeds, fresh, strict=True) if is_fresh]
            self._skipped[NEAR_REPEAT] += len(seeds) - sum(fresh)


def choose_seeds(
    source: SeedCode, *, num: int, run_seed: int, max_chars: int, languages: Collection[str] | None, licence: str
) -> tuple[list[Seed], SeedTally]:
    """The first `num` functions of a source, and what is known of it then; raises as `SeedChooser`."""
    chooser = SeedChooser(source, run_seed=run_seed, max_chars=max_chars, licence=licence, languages=languages)
    return chooser.first(num), chooser.tally


def _require(languages: Collection[str] | None, found: Collection[str]) -> None:
    missing = [name for name in languages or [] if name not in found]
    if missing:
        guess = nearest(missing[0], found)
        meant = f" Did you mean {guess}?" if guess else ""
        raise UsageError(
            f"No code function is in {', '.join(missing)}.{meant}", f"Available: {', '.join(sorted(found)) or 'none'}"
        )
