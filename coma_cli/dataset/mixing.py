"""Brings the rows into the proportions of a mixture: the sub-dataset of each row, and how many of it are kept.

Rows are taken in the order of their ids, which are hashes of their content: more rows of a source displace some, and
never reshuffle the rest. For tasks that are answered by one of a few fixed words, equally many rows are kept of each
word, on both sides of the split. All functions here are pure: they return the numbers of rows.
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


def unbalanced(rows: RowTable, kept: Mask, subset: Numbers, validation: Mask) -> Numbers:
    """Kept rows that outnumber the rarest of their task's fixed answers, in each sub-dataset and on each side."""
    groups = _answered_groups(rows, kept, subset, validation)
    surplus = [np.setdiff1d(group, _even(rows, group, group)) for group in groups]
    return _joined(surplus)


def beyond_targets(
    rows: RowTable, kept: Mask, subset: Numbers, validation: Mask, targets: Mapping[int, int]
) -> Numbers:
    """Kept rows beyond the target of their sub-dataset: all but its first ones, equally many of each fixed answer."""
    beyond = []
    for number, target in targets.items():
        members = rows.in_order(kept & (subset == number))
        answered = [rows.names["answer"][answer] != NO_ANSWER for answer in np.unique(rows.index["answer"][members])]
        chosen = _first_sets(rows, members, validation[members], target) if any(answered) else members[:target]
        beyond.append(np.setdiff1d(members, chosen))
    return _joined(beyond)


def _joined(numbers: list[Numbers]) -> Numbers:
    return np.concatenate([np.zeros(0, dtype=np.int64), *numbers])


def _first_sets(rows: RowTable, members: Numbers, validation: Mask, target: int) -> Numbers:
    """The first whole sets of one row per answer, as many as the target allows; a set is as late as its last row.

    A row without a fixed answer is a set of its own.
    """
    fixed = np.array([name != NO_ANSWER for name in rows.names["answer"]], dtype=bool)[rows.index["answer"][members]]
    complete_at = np.where(fixed, len(members), np.arange(len(members)))
    for side in (False, True):
        places = np.flatnonzero(fixed & (validation == side))
        if len(places):
            sets = _even(rows, members[places], places)
            complete_at[sets] = sets.max(axis=0)
    order = np.argsort(complete_at, kind="stable")[: np.count_nonzero(complete_at < len(members))]
    if len(order) > target:
        order = order[:target][complete_at[order[:target]] != complete_at[order[target]]]
    return members[order]


def _answered_groups(rows: RowTable, kept: Mask, subset: Numbers, validation: Mask) -> Iterator[Numbers]:
    """Kept rows of one task, sub-dataset, text language and side that have fixed answers, in the order of their ids."""
    index = rows.index
    fixed = np.array([name != NO_ANSWER for name in rows.names["answer"]], dtype=bool)
    answered: Mask = kept & fixed[index["answer"]] if len(fixed) else np.zeros(len(rows), dtype=bool)
    order = rows.in_order(answered)
    keys = np.stack([index["task"], subset, index["text_language"], validation], axis=1)[order].astype(int)
    for key in np.unique(keys, axis=0):
        yield order[(keys == key).all(axis=1)]


def _even(rows: RowTable, ordered: Numbers, numbers: Numbers) -> Numbers:
    """(answers, n): the entries in `numbers` of each answer's first n rows, where n is the count of the rarest."""
    answers = rows.index["answer"][ordered]
    by_answer = [numbers[answers == answer] for answer in np.unique(answers)]
    rarest = min(map(len, by_answer))
    return np.stack([members[:rarest] for members in by_answer])
