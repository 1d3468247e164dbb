"""Which texts are near each other: clusters within a set, and the texts of one set that are near one of another.

Bands are sorted one at a time, so memory holds a few bytes per text, and its set of shingles is read only when it is
compared and its prefilter is not enough. Of the texts that share a band, the first is compared with all others, then
the first of those that were not near it, and so on: texts near the same text belong together, so not every pair has to
be compared.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from coma_cli.corpus.dedup.minhash import U32
from coma_cli.corpus.dedup.prefilter import U8, most_in_common
from coma_cli.corpus.lexing import U64, Ints, mix

_ROUNDS = 64  # how many texts of one band are compared with all others that share it
_PAIRS_AT_ONCE = 1 << 11
_PREFILTERS_AT_ONCE = 1 << 14
_NO_TEXT = -1


class Texts(Protocol):
    """The fingerprints of many texts in a fixed order."""

    @property
    def rows(self) -> Ints:
        """The row that each text belongs to."""
        ...

    @property
    def groups(self) -> U64:
        """The group that each text belongs to."""
        ...

    @property
    def sizes(self) -> Ints:
        """How many shingles each text has."""
        ...

    @property
    def bands(self) -> int:
        """How many bands each text has."""
        ...

    def band(self, number: int) -> U32:
        """The hash of one band of every text."""
        ...

    def prefilters_of(self, texts: Ints) -> U8:
        """The prefilters of some texts (see `prefilter`)."""
        ...

    def shingles(self, texts: Ints) -> tuple[U32, Ints]:
        """The sorted sets of some texts (ascending, no text twice) one after the other, and the size of each."""
        ...


class Pairs(NamedTuple):
    """Two texts each."""

    first: Ints
    second: Ints


@dataclass
class _Runs:
    """Texts that share a band: those of one run are consecutive, in the order of the texts."""

    texts: Ints
    runs: Ints

    def keep(self, kept: NDArray[np.bool_]) -> "_Runs":
        return _Runs(self.texts[kept], self.runs[kept])

    def heads(self) -> tuple[NDArray[np.bool_], Ints]:
        """Which texts are the first of their run, and for each text the place of its run's first."""
        first = np.ones(len(self.runs), dtype=bool)
        first[1:] = self.runs[1:] != self.runs[:-1]
        return first, np.flatnonzero(first)[np.cumsum(first) - 1]


def _runs(keys: NDArray[np.unsignedinteger], texts: Ints) -> _Runs:
    """The runs of equal keys with two texts or more."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    same = ordered[1:] == ordered[:-1]
    shared = np.zeros(len(keys), dtype=bool)
    shared[1:] |= same
    shared[:-1] |= same
    numbers = np.cumsum(np.concatenate((np.zeros(1, dtype=bool), ~same)), dtype=np.int64) if len(keys) else order
    return _Runs(texts[order[shared]], numbers[shared])


def merge(labels: Ints, first: Ints, second: Ints) -> Ints:
    """The labels of rows once the clusters of some pairs are joined; a label is the first row of its cluster."""
    if not len(first):
        return labels
    count = len(labels)
    links = coo_array((np.ones(len(first), dtype=np.int8), (labels[first], labels[second])), shape=(count, count))
    _, parts = connected_components(links, directed=False)
    parts = parts[labels]
    roots = np.full(count, count, dtype=np.int64)
    np.minimum.at(roots, parts, np.arange(count))
    joined: Ints = roots[parts]
    return joined


def clusters(texts: Texts, labels: Ints, threshold: float, alive: NDArray[np.bool_]) -> Ints:
    """The label of each row, the number of the first row of its cluster.

    Rows belong together if texts of theirs in the same group are near, and their other texts too, where they have any,
    or if both belong with a third. `labels` says which rows already do; rows that are not `alive` are ignored.
    """
    members = np.flatnonzero(alive[texts.rows])
    others = _others(texts.rows)
    for number in range(texts.bands if len(members) else 0):
        keys = mix(texts.band(number)[members] ^ texts.groups[members])
        found = _linked(texts, others, _runs(keys, members), labels, threshold)
        labels = merge(labels, texts.rows[found.first], texts.rows[found.second])
    return labels


def _others(rows: Ints) -> Ints:
    """The other text of each text's row, or -1; texts of a row are consecutive."""
    others = np.full(len(rows), _NO_TEXT, dtype=np.int64)
    first = np.flatnonzero(rows[1:] == rows[:-1])
    others[first], others[first + 1] = first + 1, first
    return others


def _are_near_as_rows(texts: Texts, others: Ints, pairs: Pairs, threshold: float) -> NDArray[np.bool_]:
    """Whether the texts of each pair are near, and the other texts of their rows too; both rows have one or none."""
    near = are_near(texts, pairs, threshold)
    kept = np.flatnonzero(near)
    first, second = others[pairs.first[kept]], others[pairs.second[kept]]
    both = (first != _NO_TEXT) & (second != _NO_TEXT)
    agree = first == second  # neither has another text: groups see to it that those are equal
    agree[both] = are_near(texts, Pairs(first[both], second[both]), threshold)
    near[kept] = agree
    return near


def _linked(texts: Texts, others_of: Ints, runs: _Runs, labels: Ints, threshold: float) -> Pairs:
    """Near pairs, enough of them to join all texts of a run that are near a compared one."""
    found: list[Pairs] = []
    for _ in range(_ROUNDS):
        is_head, head = runs.heads()
        others = np.flatnonzero(~is_head)
        if not len(others):
            break
        pairs = Pairs(runs.texts[head[others]], runs.texts[others])
        joined = labels[texts.rows[pairs.first]] == labels[texts.rows[pairs.second]]
        near = joined.copy()
        fresh = Pairs(pairs.first[~joined], pairs.second[~joined])
        near[~joined] = _are_near_as_rows(texts, others_of, fresh, threshold)
        links = near & ~joined
        found.append(Pairs(pairs.first[links], pairs.second[links]))
        stays = ~is_head
        stays[others[near]] = False
        runs = runs.keep(stays)
    return _together(found)


def nearest_of(
    texts: Texts, wanted: NDArray[np.bool_], against: NDArray[np.bool_], threshold: float, row_count: int
) -> Ints:
    """For each row, the first row found that one of its texts is near, or -1, whatever their groups.

    `wanted` marks the rows to look at, `against` the rows to compare them with.
    """
    partner = np.full(row_count, _NO_TEXT, dtype=np.int64)
    is_wanted, is_against = wanted[texts.rows], against[texts.rows]
    members = np.flatnonzero(is_wanted | is_against)
    if not (is_wanted.any() and is_against.any()):
        return partner
    for number in range(texts.bands):
        runs = _runs(texts.band(number)[members], members)
        _compare(texts, runs, is_against, partner, threshold)
    return partner


def _compare(texts: Texts, runs: _Runs, is_against: NDArray[np.bool_], partner: Ints, threshold: float) -> None:
    """Set the partner of every row that has none and is near a text of the other set in its run."""
    other = runs.keep(is_against[runs.texts])
    one = runs.keep(~is_against[runs.texts])
    start = np.searchsorted(other.runs, one.runs, side="left")
    end = np.searchsorted(other.runs, one.runs, side="right")
    for step in range(_ROUNDS):
        open_ = (start + step < end) & (partner[texts.rows[one.texts]] == _NO_TEXT)
        if not open_.any():
            return
        one, start, end = one.keep(open_), start[open_], end[open_]
        pairs = Pairs(one.texts, other.texts[start + step])
        near = are_near(texts, pairs, threshold)
        # From last to first, so that the first of several texts of a row decides.
        hits = np.flatnonzero(near)[::-1]
        partner[texts.rows[pairs.first[hits]]] = texts.rows[pairs.second[hits]]


def are_near(texts: Texts, pairs: Pairs, threshold: float) -> NDArray[np.bool_]:
    """Whether the Jaccard similarity of the two sets of each pair reaches the threshold."""
    result = np.zeros(len(pairs.first), dtype=bool)
    open_ = np.flatnonzero(_may_be_near(texts, pairs, threshold))
    order = open_[np.argsort(pairs.first[open_], kind="stable")]  # neighbours share sets, so few are read twice
    for begin in range(0, len(order), _PAIRS_AT_ONCE):
        chosen = order[begin : begin + _PAIRS_AT_ONCE]
        result[chosen] = jaccard(texts, Pairs(pairs.first[chosen], pairs.second[chosen])) >= threshold
    return result


def _may_be_near(texts: Texts, pairs: Pairs, threshold: float) -> NDArray[np.bool_]:
    """Whether the prefilters of each pair allow the sets to reach the threshold."""
    result = np.zeros(len(pairs.first), dtype=bool)
    for begin in range(0, len(result), _PREFILTERS_AT_ONCE):
        first, second = (side[begin : begin + _PREFILTERS_AT_ONCE] for side in pairs)
        sizes, others = texts.sizes[first], texts.sizes[second]
        common = most_in_common(texts.prefilters_of(first), sizes, texts.prefilters_of(second), others)
        result[begin : begin + _PREFILTERS_AT_ONCE] = _index(common, sizes, others) >= threshold
    return result


def _index(common: Ints, sizes: Ints, others: Ints) -> NDArray[np.float64]:
    """The Jaccard similarity of sets of these sizes; monotonic in `common`, even with rounding."""
    index: NDArray[np.float64] = common / (sizes + others - common)
    return index


def jaccard(texts: Texts, pairs: Pairs) -> NDArray[np.float64]:
    """The Jaccard similarity of the two sets of shingles of each pair."""
    needed, where = np.unique(np.concatenate(pairs), return_inverse=True)
    flat, sizes = texts.shingles(needed)
    starts = np.cumsum(sizes) - sizes
    first, second = where[: len(pairs.first)], where[len(pairs.first) :]
    keys = np.concatenate((_keyed(flat, starts, sizes, first), _keyed(flat, starts, sizes, second)))
    keys.sort()
    twice = keys[1:][keys[1:] == keys[:-1]] >> np.uint64(32)
    common = np.bincount(twice.astype(np.int64), minlength=len(first))
    return _index(common, sizes[first], sizes[second])


def _keyed(flat: U32, starts: Ints, sizes: Ints, chosen: Ints) -> U64:
    """The sets of the chosen texts, each shingle with the number of its pair in the upper half."""
    numbers = np.repeat(np.arange(len(chosen), dtype=np.uint64), sizes[chosen])
    return (numbers << np.uint64(32)) | flat[spread(starts[chosen], sizes[chosen])]


def spread(starts: Ints, sizes: Ints) -> Ints:
    """The numbers start to start + size - 1 of every range, one range after the other."""
    before = np.cumsum(sizes) - sizes
    return np.repeat(starts - before, sizes) + np.arange(int(sizes.sum()), dtype=np.int64)


def _together(pairs: list[Pairs]) -> Pairs:
    none = np.zeros(0, dtype=np.int64)
    return (
        Pairs(*(np.concatenate([none, *column]) for column in zip(*pairs, strict=True))) if pairs else Pairs(none, none)
    )
