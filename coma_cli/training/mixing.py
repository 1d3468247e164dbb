"""How often the rows of a source or a task are used in an epoch."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coma_cli.errors import UsageError
from coma_cli.training.examples import TrainingRow
from coma_cli.words import count_of


@dataclass(frozen=True)
class WeightedRows:
    """The rows of an epoch, and what to tell of them."""

    rows: tuple[TrainingRow, ...]
    notes: tuple[str, ...] = ()


def mixed(rows: Sequence[TrainingRow], weights: Mapping[str, float], seed: int) -> WeightedRows:
    """Rows with a weight of 2.5 are used twice, and a random half of them a third time; 1 where no weight is given.

    A weight is that of a source or a task by its name; where both have one, they are multiplied.

    Raises:
        UsageError: there are no rows of that source or task, or none are left.
    """
    if not weights:
        return WeightedRows(tuple(rows))
    _require_known(rows, weights)
    groups: dict[tuple[str, str], list[int]] = {}
    for number, row in enumerate(rows):
        groups.setdefault((row.source, row.task), []).append(number)
    times: Counter[int] = Counter()
    notes = []
    for (source, task), numbers in sorted(groups.items()):
        weight = weights.get(source, 1.0) * (weights.get(task, 1.0) if task != source else 1.0)
        whole, part = int(weight), round((weight - int(weight)) * len(numbers))
        drawn = set(random.Random(f"{seed}|{source}|{task}").sample(numbers, part))  # noqa: S311  # not a secret
        times.update({number: whole + (number in drawn) for number in numbers})
        if weight != 1:
            name = f"{source}, {task}" if task else source
            used = whole * len(numbers) + part
            notes.append(f"Weight {weight:g}: {used:,} of {count_of(len(numbers), 'row')} of {name} per epoch")
    chosen = tuple(row for number, row in enumerate(rows) for _ in range(times[number]))
    if not chosen:
        raise UsageError("The weights leave no row to train on.", "Raise a weight of rows.weights.")
    return WeightedRows(chosen, tuple(notes))


def _require_known(rows: Sequence[TrainingRow], weights: Mapping[str, float]) -> None:
    sources, tasks = Counter(row.source for row in rows), Counter(row.task for row in rows if row.task)
    unknown = sorted(set(weights) - set(sources) - set(tasks))
    if unknown:
        there = ", ".join(f"{name} ({count})" for name, count in (sources + tasks).most_common(12))
        raise UsageError(f"No row is of source or task {', '.join(unknown)}.", f"There are: {there}")
