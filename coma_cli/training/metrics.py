"""The metrics of every training step."""

import math
from collections import deque
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, computed_field

from coma_cli.jsonl import read_rows
from coma_cli.records import Record
from coma_cli.workspace import Run

METRICS = "metrics.jsonl"
_LARGEST_EXPONENT = 700.0  # of a float
_STEPS_OF_SPEED = 20
_WHERE_KNOWN = ("validation_loss", "validation_perplexity", "probe")


def perplexity(loss: float) -> float:
    """E to the mean loss per token."""
    return math.exp(min(loss, _LARGEST_EXPONENT))


class ProbeResult(BaseModel):
    """Answers to a few validation rows: the share that ended by itself, and each metric over the rows that have it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: int
    ended: float
    metrics: dict[str, float]


class TrainingStep(Record):
    """One optimizer step: mean loss over its answer tokens, its learning rate, its tokens.

    `gradient_norm` is None where it is not finite: in float16 the scaler then skips the step by design (`skipped`).
    Validation and probe are those of the weights after the step, where there was one.
    """

    step: int
    loss: float
    perplexity: float = 0.0
    learning_rate: float
    gradient_norm: float | None
    tokens: int
    wall_s: float = 0.0
    skipped: bool = False
    validation_loss: float | None = None
    validation_perplexity: float | None = None
    probe: ProbeResult | None = None

    @property
    def key(self) -> str:
        return str(self.step)

    def to_row(self) -> dict[str, Any]:
        """As for all records; validation and probe only where there was one."""
        row = super().to_row()
        return {name: value for name, value in row.items() if value is not None or name not in _WHERE_KNOWN}


class Speed:
    """Tokens per second of the latest steps, validation and saving not counted."""

    def __init__(self) -> None:
        self._latest: deque[tuple[int, float]] = deque(maxlen=_STEPS_OF_SPEED)

    def of(self, tokens: int, seconds: float) -> float:
        """The mean rate, with one more step that took so long."""
        self._latest.append((tokens, seconds))
        took = sum(seconds for _, seconds in self._latest)
        return sum(tokens for tokens, _ in self._latest) / took if took > 0 else 0.0


class BestStep(BaseModel):
    """The step with the lowest validation loss so far, and how many validations there were since."""

    model_config = ConfigDict(frozen=True)

    step: int
    loss: float
    since: int

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def perplexity(self) -> float:
        """That of the loss."""
        return perplexity(self.loss)


def best_of(rows: Sequence[TrainingStep]) -> BestStep | None:
    """The best validated step of rows in the order of their steps; the earlier one of equals. None without any."""
    best: BestStep | None = None
    for row in rows:
        if row.validation_loss is None:
            continue
        if best is None or row.validation_loss < best.loss:
            best = BestStep(step=row.step, loss=row.validation_loss, since=0)
        else:
            best = best.model_copy(update={"since": best.since + 1})
    return best


def in_order(rows: Sequence[TrainingStep]) -> list[TrainingStep]:
    """The last row of each step, by step: a step that was made again after a kill has several."""
    return [row for _, row in sorted({row.step: row for row in rows}.items())]


def steps_made(run: Run) -> int:
    """The steps of which a run has metrics, those since the last checkpoint included."""
    path = run.path / METRICS
    rows = read_rows(path, lambda corrupt: None) if path.exists() else ()
    return max((int(row.get("step", 0)) for row in rows), default=0)
