"""Counts what the data is made of, from the facts of its rows, and keeps one readable example of each task."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np

from coma_cli.corpus.splitting import Side
from coma_cli.dataset.rows import Rows
from coma_cli.records import Example

EXAMPLE_CHARS = 1200
COUNTED = ("task", "source", "language", "text_language", "licence")


@dataclass
class Tally:
    """What was left out: by source and reason, by benchmark, by task."""

    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    contaminated: Counter[str] = field(default_factory=Counter)
    beyond_size: Counter[str] = field(default_factory=Counter)


@dataclass
class Composition:
    """Rows on each side, the same by each of their properties, and a short training row of each task."""

    rows: Counter[Side] = field(default_factory=Counter)
    by: dict[str, Counter[tuple[str, Side]]] = field(default_factory=lambda: defaultdict(Counter))
    shown: dict[str, Example] = field(default_factory=dict)


def composition_of(rows: Rows) -> Composition:
    """The counts of the rows that are kept."""
    made = Composition()
    validation = rows.facts["validation"]
    sides: tuple[tuple[Side, np.ndarray], ...] = (("train", ~validation), ("validation", validation))
    for side, there in sides:
        facts = rows.facts[rows.kept & there]
        made.rows[side] = len(facts)
        for kind in COUNTED:
            numbers, counts = np.unique(facts[kind], return_counts=True)
            for number, count in zip(numbers, counts, strict=True):
                made.by[kind][rows.names[kind][number], side] = int(count)
    return made


def rows_to_show(rows: Rows) -> dict[str, int]:
    """Of each task the first short training row."""
    short = rows.facts["asked_chars"] + rows.facts["output_chars"] <= EXAMPLE_CHARS
    order = rows.in_order(rows.kept & ~rows.facts["validation"] & short)
    tasks, first = np.unique(rows.facts["task"][order], return_index=True)
    return {rows.names["task"][task]: int(order[place]) for task, place in zip(tasks, first, strict=True)}
