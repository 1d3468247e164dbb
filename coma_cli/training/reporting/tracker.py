"""The form of a tracker's module, what it is told of a run, and the figures of a step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from coma_cli.console import flatten
from coma_cli.jsonl import read_json, write_json
from coma_cli.training.metrics import TrainingStep

PROJECT = "coma"
STATE = "trackers.json"
End = Literal["finished", "failed", "interrupted"]


@dataclass(frozen=True)
class ReportedRun:
    """A run as trackers show it.

    `folder` is the run's own, `shared` that of its workspace, for trackers that keep several runs in one place. `after`
    is the number of steps made earlier.
    """

    name: str
    folder: Path
    shared: Path
    after: int
    settings: Mapping[str, Any] = field(repr=False)

    def parameters(self) -> dict[str, str | int | float | bool | None]:
        """The settings by dotted names, lists as texts."""
        plain = dict(flatten(self.settings))
        kept = (str, int, float, bool, type(None))
        return {name: value if isinstance(value, kept) else str(value) for name, value in plain.items()}

    def earlier_id(self, tracker: str) -> str | None:
        """The id under which a tracker knows this run from an earlier start; None at the first one."""
        path = self.folder / STATE
        found = read_json(path).get(tracker) if path.is_file() else None
        return found if isinstance(found, str) else None

    def keep_id(self, tracker: str, name: str) -> None:
        """Remember the tracker's id of this run, for the next start."""
        path = self.folder / STATE
        write_json(path, {**(read_json(path) if path.is_file() else {}), tracker: name})


class Tracker(Protocol):
    """One tracker with one run open in it; made by `start`. Any of its methods may raise anything."""

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Record the figures of a step."""

    def close(self, end: End) -> None:
        """End the run as the tracker shows it."""


def figures_of(row: TrainingStep) -> dict[str, float]:
    """The figures of a step by the names under which trackers show them; those that are not finite are absent."""
    return dict(_figures(row))


def _figures(row: TrainingStep) -> Iterator[tuple[str, float]]:
    yield "train/loss", row.loss
    yield "train/perplexity", row.perplexity
    yield "train/learning_rate", row.learning_rate
    if row.gradient_norm is not None:
        yield "train/gradient_norm", row.gradient_norm
    if row.wall_s > 0:
        yield "train/tokens_per_s", row.tokens / row.wall_s
    if row.validation_loss is not None:
        yield "validation/loss", row.validation_loss
    if row.validation_perplexity is not None:
        yield "validation/perplexity", row.validation_perplexity
    if row.probe is not None:
        yield "probe/ended", row.probe.ended
        yield from ((f"probe/{name}", value) for name, value in row.probe.metrics.items())
