"""Two models on the same held-out rows: each metric of both, the difference, and the rows on which they differ.

The difference is that of two answers to the same row, so rows are resampled with both of their answers: rows that are
easy for both models widen the intervals of the figures, but not that of the difference.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from coma_cli.corpus.metrics.measures import MEASURES
from coma_cli.corpus.metrics.metric import Floats, mean
from coma_cli.evaluation.comparing.difference import (
    ComparisonRules,
    PairedDifference,
    binary_difference,
    difference_of_draws,
)
from coma_cli.evaluation.comparing.flips import Flip, Rated, flips_of
from coma_cli.evaluation.comparing.resampling import PairedRows
from coma_cli.evaluation.measuring.answers import compared
from coma_cli.evaluation.measuring.groups import Measurement
from coma_cli.evaluation.measuring.intervals import RESAMPLES
from coma_cli.records import Measure, Problem


class MeasuredAnswers(NamedTuple):
    """What one model answered: its measurements, and its log-probabilities of candidates by task id, where known."""

    measurements: Sequence[Measurement]
    rankings: Mapping[str, tuple[float, ...]] = {}


_Key = tuple[str, Measure]
_Statistics = Mapping[_Key, Mapping[str, Floats]]  # of each task: by task id, of all metrics side by side


def differences(
    problems: Iterable[Problem], first: MeasuredAnswers, second: MeasuredAnswers, rules: ComparisonRules
) -> list[PairedDifference]:
    """The differences of each task's metrics; those that are not defined for one of the models are omitted."""
    by_id = {problem.task_id: problem for problem in problems}
    ours, theirs = _statistics(by_id, first), _statistics(by_id, second)
    found: list[PairedDifference] = []
    for key in sorted(ours.keys() & theirs.keys()):
        shared = sorted(ours[key].keys() & theirs[key].keys())
        if shared:
            pairs = np.array([(ours[key][name], theirs[key][name]) for name in shared])
            found += _of_task(key, by_id[shared[0]], pairs, rules)
    return found


def _of_task(key: _Key, example: Problem, pairs: Floats, rules: ComparisonRules) -> Iterator[PairedDifference]:
    """The metrics of one task, whose statistics are side by side in `pairs` (rows, 2, numbers); all from one draw."""
    task, measure = key
    rows, place = PairedRows.of(pairs), 0
    resampled, swapped = rows.resampled(rules.seed, RESAMPLES), rows.swapped(rules.seed, RESAMPLES)
    for metric in MEASURES[measure]:
        part = slice(place, place + len(metric.statistics(compared(example, ""))))
        place = part.stop
        own = pairs[..., part]
        if metric.value is mean and np.isin(own[..., 0], (0, 1)).all() and (own[..., 1] == 1).all():
            yield binary_difference(metric.name, task, own[..., 0], rules)
            continue
        draws = resampled[..., part], swapped[..., part]
        one = difference_of_draws(metric.name, task, own, metric.value, draws, rules)
        if one is not None:
            yield one


def _statistics(problems: Mapping[str, Problem], answers: MeasuredAnswers) -> _Statistics:
    """The statistics of all metrics of each row; the mean over samples, so that each row counts once."""
    found: dict[_Key, dict[str, list[Floats]]] = defaultdict(lambda: defaultdict(list))
    for one in answers.measurements:
        problem = problems.get(one.task_id)
        if problem is None or problem.held_out is None:
            continue
        answer = compared(problem, one.answer, answers.rankings.get(one.task_id, ()))
        measure = problem.held_out.measure
        numbers = [number for metric in MEASURES[measure] for number in metric.statistics(answer)]
        found[one.task, measure][one.task_id].append(np.array(numbers, dtype=float))
    return {key: {name: np.mean(rows, axis=0) for name, rows in of.items()} for key, of in found.items()}


def row_flips(problems: Iterable[Problem], first: MeasuredAnswers, second: MeasuredAnswers) -> list[Flip]:
    """The rows on which the models differ in the first metric of their task."""
    main = {p.task_id: MEASURES[p.held_out.measure][0].name for p in problems if p.held_out is not None}
    tasks = {one.task_id: one.task for one in first.measurements}
    return flips_of(_rated(main, first), _rated(main, second), tasks)


def _rated(main: Mapping[str, str], answers: MeasuredAnswers) -> dict[str, Rated]:
    """The mean of each row's own figure over its samples; rows for which it is not defined are omitted."""
    figures: dict[str, list[float]] = defaultdict(list)
    for one in answers.measurements:
        figure = one.metrics.get(main.get(one.task_id, ""))
        if figure is not None:
            figures[one.task_id].append(figure)
    return {name: Rated(figure=sum(of) / len(of), samples=len(of)) for name, of in figures.items()}
