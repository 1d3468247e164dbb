"""Brings the rows into the proportions of a mixture: which sub-dataset each belongs to, and how many of it are kept.

Rows are taken in the order of their ids, which are hashes of their content: more rows of a source push some out, and
never reshuffle the rest. Where a task is answered by one of a few fixed words, as many rows are kept of each word, on
either side of the split. All functions here are pure: they return the numbers of rows.
"""

from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np

from coma_cli.catalog.mixtures.mixture import Mixture
from coma_cli.dataset.row_index import NO_ANSWER
from coma_cli.dataset.rows import Mask, Numbers, RowTable

BESIDE = -1  # the number of rows that belong to no sub-dataset


def assign(rows: RowTable, mixture: Mixture) -> Numbers:
    """(rows,): the number of each row's sub-dataset in the mixture, or `BESIDE`."""
    subset = np.full(len(rows), BESIDE, dtype=np.int64)
    kinds = ("task", "source", "text_language")
    for numbers in product(*(range(len(rows.names[kind])) for kind in kinds)):
        names = [rows.names[kind][number] for kind, number in zip(kinds, numbers, strict=True)]
        found = mixture.subset_of(*names)
        if found is not None:
            members = np.ones(len(rows), dtype=bool)
            for kind, number in zip(kinds, numbers, strict=True):
                members &= rows.index[kind] == number
            subset[members] = mixture.subsets.index(found)
    return subset


def unbalanced(rows: RowTable, kept: Mask, subset: Numbers) -> Numbers:
    """Kept rows with fixed answers that outnumber those of the rarest answer, in each sub-dataset and on each side."""
    surplus = [np.setdiff1d(group, _even(rows, group, group)) for group in _answered_groups(rows, kept, subset)]
    return _joined(surplus)


def beyond_targets(rows: RowTable, kept: Mask, subset: Numbers, targets: Mapping[int, int]) -> Numbers:
    """Kept rows beyond the target of their sub-dataset: all but its first rows, of fixed answers as many of each."""
    beyond = []
    for number, target in targets.items():
        members = rows.in_order(kept & (subset == number))
        answered = [rows.names["answer"][answer] != NO_ANSWER for answer in np.unique(rows.index["answer"][members])]
        chosen = _first_sets(rows, members, target) if all(answered) else members[:target]
        beyond.append(np.setdiff1d(members, chosen))
    return _joined(beyond)


def _joined(numbers: list[Numbers]) -> Numbers:
    return np.concatenate([np.zeros(0, dtype=np.int64), *numbers])


def _first_sets(rows: RowTable, members: Numbers, target: int) -> Numbers:
    """As many whole sets of one row of each answer as the target has room for; a set counts from its last row on."""
    validation = rows.index["validation"][members]
    complete_at = np.full(len(members), len(members))
    for side in (False, True):
        places = np.flatnonzero(validation == side)
        if len(places):
            sets = _even(rows, members[places], places)
            complete_at[sets] = sets.max(axis=0)
    order = np.argsort(complete_at, kind="stable")[: np.count_nonzero(complete_at < len(members))]
    if len(order) > target:
        order = order[:target][complete_at[order[:target]] != complete_at[order[target]]]
    return members[order]


def _answered_groups(rows: RowTable, kept: Mask, subset: Numbers) -> Iterator[Numbers]:
    """Kept rows of one task, sub-dataset, text language and side that have fixed answers, in the order of their ids."""
    index = rows.index
    fixed = np.array([name != NO_ANSWER for name in rows.names["answer"]], dtype=bool)
    answered: Mask = kept & fixed[index["answer"]] if len(fixed) else np.zeros(len(rows), dtype=bool)
    order = rows.in_order(answered)
    keys = np.stack([index["task"], subset, index["text_language"], index["validation"]], axis=1)[order].astype(int)
    for key in np.unique(keys, axis=0):
        yield order[(keys == key).all(axis=1)]


def _even(rows: RowTable, ordered: Numbers, numbers: Numbers) -> Numbers:
    """(answers, n): of each answer as many rows as the rarest has, the first ones, each by its entry in `numbers`."""
    answers = rows.index["answer"][ordered]
    by_answer = [numbers[answers == answer] for answer in np.unique(answers)]
    rarest = min(map(len, by_answer))
    return np.stack([members[:rarest] for members in by_answer])
