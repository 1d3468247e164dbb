"""Trains SmolLM2 by coma's own functions, watched from inside: what the checks of training look at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from coma_cli.corpus.decontamination.training_check import NEVER_CHECKED
from coma_cli.models.loading import DTYPES, Placement, load_tokenizer
from coma_cli.models.resolution import NO_TRUST, ResolvedBase
from coma_cli.prompting import choose_template
from coma_cli.settings import load_settings
from coma_cli.training.callbacks import TrainingCallback
from coma_cli.training.checkpoints import Checkpoint
from coma_cli.training.encoding import EncodedRow, encode_rows
from coma_cli.training.examples import TrainingRow
from coma_cli.training.job import TuningJob, plan_batches
from coma_cli.training.modes import MODES
from coma_cli.training.preparation import prepare
from coma_cli.training.settings import FinetuneSettings
from coma_cli.training.trainer import arguments, train

OPERATIONS = ("sum", "product", "difference", "maximum", "minimum", "average", "distance", "remainder")


def rows_of(count: int) -> list[dict[str, str]]:
    """Instructions and answers of different lengths, in alpaca form."""
    return [
        {
            "instruction": f"Write a Python function for the {OPERATIONS[n % 8]} of {n // 8 + 2} numbers.",
            "output": f"def {OPERATIONS[n % 8]}_of_{n // 8 + 2}(numbers):\n"
            + "".join(f"    step_{k} = numbers[{k}]\n" for k in range(n // 8 + 2))
            + f"    return {OPERATIONS[n % 8]}(numbers)\n",
        }
        for n in range(count)
    ]


ROWS = rows_of(40)


class Watch(TrainingCallback):
    """Keeps the loss of each step, whether it was skipped, and the loss scale; `after` is called after each step."""

    def __init__(self, after: Callable[["Watch", int], None] = lambda watch, step: None, scale: float | None = None):
        self.losses: list[float] = []
        self.skipped: list[bool] = []
        self.scales: list[float] = []
        self.begun_with: float | None = None
        self._after, self._scale = after, scale

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        scaler = self.trainer.accelerator.scaler
        if scaler is None:
            return
        if self._scale is not None and state.global_step == 0:
            scaler.load_state_dict({**scaler.state_dict(), "scale": self._scale})
        self.begun_with = float(scaler.state_dict()["scale"])

    def on_step_end(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
        self.skipped.append(bool(getattr(optimizer, "step_was_skipped", False)))
        if self.trainer.accelerator.scaler is not None:
            self.scales.append(float(self.trainer.accelerator.scaler.get_scale()))
        self._after(self, state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self.losses.append(float(logs["loss"]))


@dataclass
class Lesson:
    """One training run: a base, a mode and a dtype on a device, over the same rows in the same batches."""

    base: ResolvedBase
    device: str
    folder: Path
    mode: str = "lora"
    dtype: str = "bfloat16"
    steps: int = 10
    batch: int = 4
    changes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        flags = {"mode": self.mode, "dtype": self.dtype, "batch.size": self.batch}
        flags |= {"lora.r": 64, "lora.alpha": 128, "lora.dropout": 0.0, "optimizer.learning_rate": 2e-4}
        self.settings = load_settings(FinetuneSettings, flags={**flags, **self.changes})
        self.placement = Placement(self.device, DTYPES[self.dtype])
        self.job = self._job()

    def _job(self) -> TuningJob:
        tokenizer = load_tokenizer(self.base)
        template = choose_template("alpaca", tokenizer)
        asked = [TrainingRow(f"{n}", "checks", row["instruction"], "", row["output"]) for n, row in enumerate(ROWS)]
        encoded = encode_rows(asked, template, tokenizer, self.settings.max_seq_len)
        rows = tuple(row for row in encoded if isinstance(row, EncodedRow))
        assert len(rows) == len(ROWS)
        batches = plan_batches(rows, self.settings.batch, 0, self.steps, "length")
        return TuningJob(
            MODES[self.mode], self.base, NO_TRUST, tokenizer, template, rows, {}, NEVER_CHECKED, self.settings.batch,
            batches, self.steps,
        )  # fmt: skip

    def model(self) -> Any:
        """The model to train, fresh."""
        return prepare(self.settings, self.job.mode, self.base, self.placement, NO_TRUST).model

    def train(self, model: Any, watch: Watch, *, save_every: int = 10_000, begun: int | None = None) -> Watch:
        """Train to the last step, from a checkpoint after `begun` steps if that is given."""
        options = {
            "model": model,
            "args": arguments(self.settings, self.job, self.placement, self.folder, save_every),
            "computed_in": self.placement.dtype,
        }
        resume = None if begun is None else Checkpoint(self.folder / f"checkpoint-{begun}", begun)
        train(options, [list(batch) for batch in self.job.batches], self.job.rows, [watch], resume)
        return watch


def adapter_of(model: Any) -> dict[str, torch.Tensor]:
    """The trained matrices."""
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


def digest_of(model: Any) -> str:
    """A hash of all weights that are not trained."""
    import hashlib

    found = hashlib.sha256()
    for name, weight in sorted(model.named_parameters(), key=lambda pair: pair[0]):
        if not weight.requires_grad:
            found.update(name.encode() + weight.detach().contiguous().view(torch.uint8).cpu().numpy().tobytes())
    return found.hexdigest()


def largest_gap(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest difference of two lists of losses."""
    assert len(one) == len(other)
    return max(abs(a - b) for a, b in zip(one, other, strict=True))
