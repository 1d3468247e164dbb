"""Brings the rows into the proportions of a mixture: which sub-dataset each belongs to, and how many of it stay.

Rows are taken in the order of their ids, which are hashes of their content: more rows of a source push some out, and
never reshuffle the rest. Where a task is answered by one of a few fixed words, as many rows stay of each word, on
either side of the split.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np

from coma_cli.catalog.mixtures.mixture import Mixture
from coma_cli.dataset.row_index import NO_ANSWER
from coma_cli.dataset.rows import BEYOND_BALANCE, BEYOND_SIZE, BuiltRows, Mask, Numbers

BESIDE = -1  # the number of rows that belong to no sub-dataset


def assign(rows: BuiltRows, mixture: Mixture) -> Numbers:
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


def balance(rows: BuiltRows, subset: Numbers) -> None:
    """Of rows with fixed answers leaves as many of each answer, in each sub-dataset and on each side."""
    for group in _answered_groups(rows, subset):
        kept = _even(rows, group, group)
        surplus = np.setdiff1d(group, kept.ravel())
        rows.state[surplus] = BEYOND_BALANCE


def keep_targets(rows: BuiltRows, subset: Numbers, targets: dict[int, int]) -> None:
    """The first rows of each sub-dataset, up to its target; of rows with fixed answers as many of each."""
    for number, target in targets.items():
        members = rows.in_order(rows.kept & (subset == number))
        answered = [rows.names["answer"][answer] != NO_ANSWER for answer in np.unique(rows.index["answer"][members])]
        chosen = _first_sets(rows, members, target) if all(answered) else members[:target]
        rows.state[np.setdiff1d(members, chosen)] = BEYOND_SIZE


def _first_sets(rows: BuiltRows, members: Numbers, target: int) -> Numbers:
    """As many whole sets of one row of each answer as the target has room for; a set comes when its last row does."""
    validation = rows.index["validation"][members]
    came = np.full(len(members), len(members))
    for side in (False, True):
        places = np.flatnonzero(validation == side)
        if len(places):
            sets = _even(rows, members[places], places)
            came[sets] = sets.max(axis=0)
    order = np.argsort(came, kind="stable")[: np.count_nonzero(came < len(members))]
    if len(order) > target:
        order = order[:target][came[order[:target]] != came[order[target]]]
    return members[order]


def _answered_groups(rows: BuiltRows, subset: Numbers) -> Iterator[Numbers]:
    """Rows of one task, sub-dataset, text language and side that have fixed answers, in the order of their ids."""
    index = rows.index
    fixed = np.array([name != NO_ANSWER for name in rows.names["answer"]], dtype=bool)
    answered: Mask = rows.kept & fixed[index["answer"]] if len(fixed) else np.zeros(len(rows), dtype=bool)
    order = rows.in_order(answered)
    keys = np.stack([index["task"], subset, index["text_language"], index["validation"]], axis=1)[order].astype(int)
    for key in np.unique(keys, axis=0):
        yield order[(keys == key).all(axis=1)]


def _even(rows: BuiltRows, ordered: Numbers, numbers: Numbers) -> Numbers:
    """(answers, n): of each answer as many rows as the rarest has, the first ones, each by its entry in `numbers`."""
    answers = rows.index["answer"][ordered]
    by_answer = [numbers[answers == answer] for answer in np.unique(answers)]
    rarest = min(map(len, by_answer))
    return np.stack([members[:rarest] for members in by_answer])
