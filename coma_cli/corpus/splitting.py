"""The split into training and validation rows: by what rows are about, so that no function is on both sides.

Each function or problem draws a number, a hash of the seed and of its key (see `subjects`), and is for validation if
that is low. So its rows of all tasks and sources are on one side, however they are worded, and adding rows never moves
old ones. A row about several functions (a pair of clones) is kept only if all are on its side. Tasks that would get too
few validation rows this way have a higher limit.

What remains is looked for: a validation row that shows a function of a training row, or repeats a longer text of one
(up to case, numbers and layout), or is a near-duplicate of one, whatever the task, is dropped.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coma_cli.catalog.material import Material
from coma_cli.corpus.dedup.fingerprints import Fingerprints, hash_of
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.corpus.dedup.near import Texts, nearest_of
from coma_cli.corpus.dropping import OnDrop, dropped
from coma_cli.corpus.examples import Pool
from coma_cli.corpus.lexing import U64, Ints, mix
from coma_cli.corpus.subjects import SubjectKeys, material_keys, subject_keys
from coma_cli.records import Example

Mask = NDArray[np.bool_]
Side = Literal["train", "validation"]
COUNTERPART_REASON = "twin-in-train"
CROSSING_REASON = "crosses-the-split"
FEWEST_VALIDATION = 50  # rows of a task, if that is no more than a tenth of them
_MOST_RAISED = 0.1
_SPARE = 1.6  # some validation rows are dropped later: counterparts, and surplus answers of a yes/no task
_SPARE_OF_PAIRS = 1.8  # more of pairs: their candidates may be of the other side, where the limit was raised
_LARGE_GROUP = 20
_HIGHEST = np.uint64(2**64 - 1)
# Functions that draw less than this many times the share never serve as candidates in training rows: they would be for
# validation if a task's limit were raised.
_RESERVED = 2.0


@dataclass(frozen=True)
class Split:
    """Rows on both sides."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]


class Functions(NamedTuple):
    """Keys of the functions that some rows show, and the number of the row of each."""

    keys: U64
    rows: Ints


@dataclass(frozen=True)
class Sides:
    """Which rows are for validation, and which are about functions of both sides."""

    validation: Mask
    crossing: Mask


def split(examples: Iterable[Example], share: float, seed: int, on_drop: OnDrop, rules: NearRules) -> Split:
    """Split rows that fit into memory; `share` (0 to 1) of what they are about goes to validation."""
    rows = list(examples)
    fingerprints, subjects = Fingerprints.of(rows, rules), subject_keys(rows)
    everything = np.ones(len(rows), dtype=bool)
    tasks = {task: number for number, task in enumerate(dict.fromkeys(row.task for row in rows))}
    numbers = np.array([tasks[row.task] for row in rows], dtype=np.int64)
    sides = sides_of(draws_of(subjects, seed, len(rows)), numbers, everything, share)
    functions = Functions(subjects.functions, subjects.function_rows)
    counterparts = counterparts_in_train(
        fingerprints.by_row.text_keys,
        fingerprints.by_text,
        lambda: [functions],
        sides.validation,
        ~sides.crossing,
        rules,
    )
    for number in np.flatnonzero(sides.crossing):
        on_drop(dropped(rows[number], CROSSING_REASON))
    for number in np.flatnonzero(counterparts >= 0):
        on_drop(dropped(rows[number], COUNTERPART_REASON, f"of {rows[counterparts[number]].id}"))
    return Split(
        tuple(rows[number] for number in np.flatnonzero(~sides.validation & ~sides.crossing)),
        tuple(rows[number] for number in np.flatnonzero(sides.validation & (counterparts < 0))),
    )


def draws_of(subjects: SubjectKeys, seed: int, count: int) -> U64:
    """(count, 2): the lowest and the highest draw of what each row is about."""
    drawn = mix(subjects.about ^ np.uint64(hash_of(f"split|{seed}")))
    made = np.empty((count, 2), dtype=np.uint64)
    made[:, 0], made[:, 1] = _HIGHEST, 0
    np.minimum.at(made[:, 0], subjects.about_rows, drawn)
    np.maximum.at(made[:, 1], subjects.about_rows, drawn)
    return made


def pools_of(materials: Sequence[Material], share: float, seed: int) -> list[Pool]:
    """On which side some pieces of material are, or so close to the limit that they never serve as candidates."""
    keys, counts = material_keys(materials)
    rows = np.repeat(np.arange(len(materials)), counts)
    highest = draws_of(SubjectKeys(keys, rows, keys[:0], rows[:0]), seed, len(materials))[:, 1]
    reserved = _as_draw(min(_RESERVED * share, (1 + share) / 2)) if share else np.uint64(0)
    highest[counts == 0] = _HIGHEST
    pools = np.where(highest < _as_draw(share), 0, np.where(highest < reserved, 1, 2))
    return [(Pool.VALIDATION, Pool.NONE, Pool.TRAIN)[number] for number in pools.tolist()]


def sides_of(draws: U64, tasks: NDArray[np.integer], chosen: Mask, share: float, counted: Mask | None = None) -> Sides:
    """The sides of rows (`draws` as of `draws_of`, `tasks` their numbers); limits count the `chosen` rows alone.

    Of these, only `counted` ones fill a task's validation rows: the others are surplus answers, which go later.
    """
    lowest, highest = draws[:, 0], draws[:, 1]
    base = _as_draw(share)
    limits = np.full(int(tasks.max(initial=0)) + 1, base, dtype=np.uint64)
    for task in np.unique(tasks[chosen]) if share else ():
        members = chosen & (tasks == task)
        wanted = FEWEST_VALIDATION if np.count_nonzero(members) * _MOST_RAISED >= FEWEST_VALIDATION else 0
        members &= chosen if counted is None else counted
        limits[task] = _limit(np.sort(lowest[members]), np.sort(highest[members]), share, wanted)
    limit = limits[tasks]
    limit[_of_large_groups(lowest, highest, tasks, chosen, share)] = 0
    validation, crossing = highest < limit, (lowest < limit) & (limit <= highest)
    if (limits > base).any():
        # What a raised limit made a validation row of one task does not train another.
        moved = np.isin(lowest, lowest[validation & chosen & (lowest >= base)])
        validation |= moved & (lowest == highest)
        crossing |= moved & (lowest != highest) & ~validation
    return Sides(validation, crossing)


def _of_large_groups(lowest: U64, highest: U64, tasks: NDArray[np.integer], chosen: Mask, share: float) -> Mask:
    """Rows about something that too many rows of a task are about, such as generated code: they would fill validation.

    They train, whatever it draws.
    """
    large = [np.zeros(0, dtype=np.uint64)]
    for task in np.unique(tasks[chosen]):
        members = chosen & (tasks == task) & (lowest == highest)
        draws, counts = np.unique(lowest[members], return_counts=True)
        large.append(draws[counts > max(_LARGE_GROUP, share * counts.sum())])
    found: Mask = np.isin(lowest, np.concatenate(large)) & (lowest == highest)
    return found


def _limit(lowest: U64, highest: U64, share: float, wanted: int) -> np.uint64:
    """Below which draw the functions of a task are for validation, of which it needs `wanted` rows; arrays are sorted.

    The share, unless it gives too few rows. Of pairs both must draw low, so their limit is higher: as many are for
    validation as the share says of those that are kept.
    """
    total, base = len(lowest), _as_draw(share)
    has_pairs = bool((lowest != highest).any())
    spare = _SPARE_OF_PAIRS if has_pairs else _SPARE
    count = min(ceil(wanted * spare), total) if np.searchsorted(highest, base) < wanted else 0
    if has_pairs:
        # With the limit just above the n-th highest draw, n rows are for validation, and those that begin above train.
        counts = np.arange(1, total + 1)
        kept = counts + total - np.searchsorted(lowest, highest, side="right")
        count = max(count, int(np.count_nonzero(counts <= share * kept)))
    return max(base, min(highest[count - 1], _HIGHEST - np.uint64(1)) + np.uint64(1)) if count else base


def _as_draw(share: float) -> np.uint64:
    return np.uint64(min(int(share * 2.0**64), 2**64 - 1))


def counterparts_in_train(
    text_keys: U64,
    texts: Texts,
    functions: Callable[[], Iterable[Functions]],
    validates: Mask,
    chosen: Mask,
    rules: NearRules,
) -> Ints:
    """For each chosen validation row, a chosen training row that shares a function or a longer text with it, or nearly
    does; else -1. Of several that share one, it is the first.

    `functions` gives the functions of all rows, piece by piece in the order of the rows; it is called twice.
    """
    trained, judged = np.flatnonzero(chosen & ~validates), np.flatnonzero(chosen & validates)
    partner = _first_with_a_function(functions, chosen & validates, chosen & ~validates)
    open_ = judged[partner[judged] < 0]
    partner[open_] = _first_with_a_key(text_keys, open_, trained)
    near = nearest_of(texts, chosen & validates & (partner < 0), chosen & ~validates, rules.threshold, len(chosen))
    return np.where(partner < 0, near, partner)


def _first_with_a_function(functions: Callable[[], Iterable[Functions]], judged: Mask, trained: Mask) -> Ints:
    """(rows,): the first of the rows `trained` that shows a function of a row, or -1."""
    partner = np.full(len(judged), -1, dtype=np.int64)
    none = np.zeros(0, dtype=np.uint64)
    known = np.unique(np.concatenate([none, *(piece.keys[judged[piece.rows]] for piece in functions())]))
    if not len(known):
        return partner
    first = np.full(len(known), len(judged), dtype=np.int64)
    own_rows, own_places = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for piece in functions():
        place = np.minimum(np.searchsorted(known, piece.keys), len(known) - 1)
        is_known = known[place] == piece.keys
        theirs, own = is_known & trained[piece.rows], is_known & judged[piece.rows]
        np.minimum.at(first, place[theirs], piece.rows[theirs])
        own_rows.append(piece.rows[own])
        own_places.append(place[own])
    rows, partners = np.concatenate(own_rows), first[np.concatenate(own_places)]
    shared = partners < len(judged)
    partner[rows[shared]] = len(judged)
    np.minimum.at(partner, rows[shared], partners[shared])
    return partner


def _first_with_a_key(text_keys: U64, judged: Ints, trained: Ints) -> Ints:
    """(judged,): the first of the rows `trained` that has one of a row's keys, or -1; the key 0 is none."""
    keys, places = np.unique(text_keys[trained].ravel(), return_index=True)  # the first place of each key
    if not len(keys):
        return np.full(len(judged), -1, dtype=np.int64)
    wanted = text_keys[judged]
    found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    none = len(trained)
    rows = np.where((keys[found] == wanted) & (wanted != 0), places[found] // text_keys.shape[1], none).min(axis=1)
    return np.where(rows < none, trained[np.minimum(rows, none - 1)], -1)
