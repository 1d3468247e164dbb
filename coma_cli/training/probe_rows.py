"""The validation rows that a model answers during training, and how its answers are measured."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coma_cli.corpus.extraction.blocks import blocks_of, in_markdown
from coma_cli.corpus.extraction.program import answer_of
from coma_cli.corpus.metrics.measures import MEASURES, OF_CODE
from coma_cli.corpus.metrics.metric import Answered
from coma_cli.records import Measure

DEFAULT_MEASURE: Measure = "edit-similarity"  # of rows that name no task


@dataclass(frozen=True)
class ProbedRow:
    """A row to answer: its prompt as token ids, the right answer, and how answers are compared with it."""

    prompt: tuple[int, ...]
    reference: str
    measure: Measure = DEFAULT_MEASURE
    language: str = ""
    labels: tuple[str, str] | None = None


def measured(rows: Iterable[ProbedRow], answers: Iterable[str]) -> dict[str, float]:
    """The first metric of each kind of row, named `metric` or, where there are several kinds, `kind metric`."""
    groups: dict[Measure, list[Answered]] = defaultdict(list)
    for row, answer in zip(rows, answers, strict=True):
        groups[row.measure].append(_answered(row, answer))
    found = {}
    for measure, answered in sorted(groups.items()):
        metric = MEASURES[measure][0]
        value = metric.of(answered)
        if not math.isnan(value):  # not defined for these rows
            found[f"{measure} {metric.name}" if len(groups) > 1 else metric.name] = round(value, 6)
    return found


def _answered(row: ProbedRow, answer: str) -> Answered:
    text, _ = answer_of(answer)
    if row.measure in OF_CODE and (blocks := blocks_of(in_markdown(text))):
        text = blocks[0].code
    return Answered(answer=text, reference=row.reference, language=row.language, labels=row.labels)


def spread(rows: Sequence[ProbedRow], count: int) -> tuple[ProbedRow, ...]:
    """So many rows, evenly spread over all, so that several tasks of a file are among them."""
    if len(rows) <= count:
        return tuple(rows)
    return tuple(rows[place * len(rows) // count] for place in range(count))
