"""Counts what the data is made of, from the row index, and finds one readable example of each task."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from coma_cli.catalog.mixtures.mixture import Mixture
from coma_cli.corpus.splitting import Side
from coma_cli.dataset.rows import Mask, Numbers, RowTable
from coma_cli.dataset.selection import Selection

EXAMPLE_CHARS = 1200
# Lengths in characters: a class holds what is longer than the edge before its own and no longer than its own.
LENGTH_EDGES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
Lengths = dict[str, dict[str, list[int]]]  # by task, then `asked` (instruction and input) or `output`
COUNTED = ("task", "source", "language", "text_language", "licence")
SUBSET = "subset"


@dataclass(frozen=True)
class Composition:
    """Rows on each side; the same by each of their properties (`COUNTED`, `SUBSET`); their lengths."""

    rows: Mapping[Side, int]
    by: Mapping[str, Mapping[tuple[str, Side], int]]
    lengths: Lengths


def composition_of(rows: RowTable, selection: Selection, mixture: Mixture) -> Composition:
    """The counts of the rows that are kept; those of no sub-dataset have an empty name."""
    validation = selection.validation
    sides: dict[Side, Mask] = {"train": selection.kept & ~validation, "validation": selection.kept & validation}
    by: dict[str, dict[tuple[str, Side], int]] = {
        kind: {(name, side): count for side, there in sides.items() for name, count in rows.counts(kind, there).items()}
        for kind in COUNTED
    }
    by[SUBSET] = {
        (name, side): count
        for side, there in sides.items()
        for name, count in _subset_counts(selection.subset[there], mixture).items()
    }
    counts = {side: int(np.count_nonzero(there)) for side, there in sides.items()}
    return Composition(counts, by, lengths_of(rows, selection))


def _subset_counts(subset: Numbers, mixture: Mixture) -> dict[str, int]:
    numbers, counts = np.unique(subset, return_counts=True)
    names = [mixture.subsets[number].name if number >= 0 else "" for number in numbers.tolist()]
    return dict(zip(names, counts.tolist(), strict=True))


def lengths_of(rows: RowTable, selection: Selection) -> Lengths:
    """Histograms of the lengths of questions and answers, by task."""
    kept = rows.index[selection.kept]
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


def rows_to_show(rows: RowTable, selection: Selection) -> dict[str, int]:
    """The first short training row of each task."""
    short = rows.index["asked_chars"] + rows.index["output_chars"] <= EXAMPLE_CHARS
    order = rows.in_order(selection.kept & ~selection.validation & short)
    tasks, first = np.unique(rows.index["task"][order], return_index=True)
    return {rows.names["task"][task]: int(order[place]) for task, place in zip(tasks, first, strict=True)}
