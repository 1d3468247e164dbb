"""What a finetune run made, from which rows, and what is known of them."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from coma_cli import console
from coma_cli.training.metrics import BestStep
from coma_cli.training.modes import MODES
from coma_cli.words import count_of


class FinetuneSummary(BaseModel):
    """What `coma finetune --json` prints.

    `batch_size` is smaller than the setting where memory ran out; `skipped_steps` are those of float16 whose gradients
    overflowed. `best` is the step with the lowest validation loss, `step_of_output` the one whose weights were kept.
    `contaminated` counts, by benchmark, the rows with part of it; with `decontaminated` they were dropped.
    """

    base: str
    mode: str
    template: str
    template_sha256: str
    rows: dict[str, int]
    rows_trained_on: int
    rows_skipped: dict[str, int]
    checked_against: list[str]
    contaminated: dict[str, int]
    decontaminated: bool
    steps: int
    stopped_early: bool
    epochs: float
    tokens: int
    batch_size: int
    parameters: int
    trainable_parameters: int
    first_loss: float
    last_loss: float
    skipped_steps: int
    validation_rows: int
    best: BestStep | None
    step_of_output: int
    device: str
    dtype: str
    replaced: list[str]
    output: str


def headline(summary: Mapping[str, Any]) -> str:
    """One line on what was made."""
    losses = f"loss {summary['first_loss']:.2f} to {summary['last_loss']:.2f}"
    return f"{summary['mode']} on {summary['base']}, {count_of(summary['steps'], 'step')}, {losses}"


def show(summary: Mapping[str, Any]) -> None:
    """The summary as a table on stdout."""
    console.print_values(f"Tuned {summary['base']} ({summary['mode']})", summary)


def followed_by(summary: Mapping[str, Any]) -> str:
    """An adapter is merged first; a whole model can be sampled."""
    return "merge-lora" if MODES[summary["mode"]].adapter else "sample"
