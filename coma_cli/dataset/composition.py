"""Counts what the data is made of, from the facts of its rows, and keeps one readable example of each task."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np

from coma_cli.catalog.mixtures.mixture import Mixture
from coma_cli.corpus.splitting import Side
from coma_cli.dataset.rows import BuiltRows, Numbers
from coma_cli.records import Example

EXAMPLE_CHARS = 1200
# Lengths in characters: a class holds what is longer than the edge before its own and no longer than its own.
LENGTH_EDGES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
Lengths = dict[str, dict[str, list[int]]]  # by task, then `asked` (instruction and input) or `output`
COUNTED = ("task", "source", "language", "text_language", "licence")


@dataclass
class RowTally:
    """What was left out: by source and reason, by benchmark, by task; and what is requested, by sub-dataset."""

    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    contaminated: Counter[str] = field(default_factory=Counter)
    beyond_size: Counter[str] = field(default_factory=Counter)
    beyond_balance: Counter[str] = field(default_factory=Counter)
    pending: Counter[str] = field(default_factory=Counter)


@dataclass
class Composition:
    """Rows on each side, the same by each of their properties, and a short training row of each task."""

    rows: Counter[Side] = field(default_factory=Counter)
    by: dict[str, Counter[tuple[str, Side]]] = field(default_factory=lambda: defaultdict(Counter))
    shown: dict[str, Example] = field(default_factory=dict)
    lengths: Lengths | None = None


def composition_of(rows: BuiltRows, subset: Numbers, mixture: Mixture) -> Composition:
    """The counts of the rows that are kept; those of no sub-dataset stand under an empty name."""
    made = Composition()
    validation = rows.index["validation"]
    sides: tuple[tuple[Side, np.ndarray], ...] = (("train", ~validation), ("validation", validation))
    for side, there in sides:
        index = rows.index[rows.kept & there]
        made.rows[side] = len(index)
        for kind in COUNTED:
            numbers, counts = np.unique(index[kind], return_counts=True)
            for number, count in zip(numbers, counts, strict=True):
                made.by[kind][rows.names[kind][number], side] = int(count)
        numbers, counts = np.unique(subset[rows.kept & there], return_counts=True)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            made.by["subset"][mixture.subsets[number].name if number >= 0 else "", side] = count
    made.lengths = lengths_of(rows)
    return made


def lengths_of(rows: BuiltRows) -> Lengths:
    """How long questions and answers are, by task."""
    kept = rows.index[rows.kept]
    found: Lengths = {}
    for number, task in enumerate(rows.names["task"]):
        index = kept[kept["task"] == number]
        if len(index):
            found[task] = {part: _histogram(index[f"{part}_chars"]) for part in ("asked", "output")}
    return found


def _histogram(lengths: Numbers) -> list[int]:
    classes = np.searchsorted(LENGTH_EDGES, lengths)
    counts: list[int] = np.bincount(classes, minlength=len(LENGTH_EDGES) + 1).tolist()
    return counts


def rows_to_show(rows: BuiltRows) -> dict[str, int]:
    """Of each task the first short training row."""
    short = rows.index["asked_chars"] + rows.index["output_chars"] <= EXAMPLE_CHARS
    order = rows.in_order(rows.kept & ~rows.index["validation"] & short)
    tasks, first = np.unique(rows.index["task"][order], return_index=True)
    return {rows.names["task"][task]: int(order[place]) for task, place in zip(tasks, first, strict=True)}
