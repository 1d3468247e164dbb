"""transformers' Trainer, with our batches, loss, metrics, and checkpoints that are complete or do not count.

Import it inside functions: it needs the train extra.
"""

import errno
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.utils.data import DataLoader
from transformers.trainer_callback import PrinterCallback

from coma_cli import console
from coma_cli.console import Ticker
from coma_cli.errors import CliError, is_disk_full, memory_named
from coma_cli.journal import Journal
from coma_cli.models.loading import Placement
from coma_cli.training import checkpoints
from coma_cli.training.batching import BatchPlan, Packing, collate
from coma_cli.training.encoding import EncodedRow
from coma_cli.training.loss import LabelledLogits, half_precision, require_apart, summed_cross_entropy, targets_of
from coma_cli.training.metrics import TrainingStep
from coma_cli.training.modes import Mode
from coma_cli.training.settings import FinetuneSettings
from coma_cli.workspace import Run

Collator = Callable[[Sequence[EncodedRow]], dict[str, Any]]
_MOST_TRIED = 64  # tokens of a row that is tried
SMALLER_STEP = (
    "--set batch.size=1 --set batch.accumulation=N for the same step in N parts; "
    "or --set runtime.gradient_checkpointing=true, a smaller --max-seq-len, or --qlora."
)


class AnswerTrainer(transformers.Trainer):  # type: ignore[misc]  # transformers ships no types
    """Takes the batches as planned, and computes logits only at positions that predict an answer token."""

    def __init__(self, batches: list[list[int]], **options: Any) -> None:
        super().__init__(**options)
        self._batches = batches
        self._collate = options.get("data_collator") or collate
        self.model_accepts_loss_kwargs = True  # makes the Trainer count the labels of a whole step for us
        self.loss_is_scaled_for_ga = True
        self._logits = LabelledLogits(self.model)

    def get_train_dataloader(self) -> Any:
        """The planned batches, in order."""
        loader = DataLoader(self.train_dataset, batch_sampler=BatchPlan(self._batches), collate_fn=self._collate)
        return self.accelerator.prepare(loader)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Cross entropy summed over this batch's labels, divided by the labels of the whole step.

        Every answer token of a step weighs the same, however rows are split into batches.
        """
        index, targets = targets_of(inputs["labels"])
        given = {name: value for name, value in inputs.items() if name != "labels"}
        with half_precision(model):
            logits, outputs = self._logits(model, index, **given)
        items = index.numel() if num_items_in_batch is None else num_items_in_batch
        loss = summed_cross_entropy(logits, targets)
        loss = loss / torch.clamp(torch.as_tensor(items, device=loss.device), min=1)
        if self.args.average_tokens_across_devices:
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss

    def verify(self, rows: Sequence[EncodedRow]) -> None:
        """Try on the shortest rows that gathered logits are the model's own, and that packed rows stay apart.

        Not with weights that are spread over devices, whose forward needs all of them at once.

        Raises:
            UsageError: packed rows would see each other.
        """
        shortest = sorted(rows, key=lambda row: len(row.ids))[:2]
        device = next(self.model.parameters()).device
        if any(parameter.is_meta for parameter in self.model.parameters()):
            return
        if said := self._logits.verify(self.model, torch.tensor([shortest[0].ids[-_MOST_TRIED:]], device=device)):
            console.note(said)
        if isinstance(self._collate, Packing):
            require_apart(self.model, [row.ids[-_MOST_TRIED:] for row in shortest], device)


class StepRecorder(transformers.TrainerCallback):  # type: ignore[misc]  # transformers ships no types
    """Counts steps, appends their metrics, marks checkpoints, and stops at the first loss that is not finite."""

    def __init__(self, run: Run, metrics: Journal[TrainingStep], ticker: Ticker, tokens: Sequence[int]) -> None:
        self._run = run
        self._journal = metrics
        self._ticker = ticker
        self._tokens = tokens
        self._began = time.monotonic()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note when the step began."""
        self._began = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count the step."""
        self._run.count_work()
        self._ticker.advance()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Append the step's row."""
        state.log_history.clear()  # the journal has it; every checkpoint would carry all of it again
        if not logs or "loss" not in logs:
            return
        loss, norm = float(logs["loss"]), float(logs.get("grad_norm") or 0.0)
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise CliError(
                f"Training diverged at step {state.global_step}: loss {loss}, gradient norm {norm}.",
                "Lower --learning-rate, add --set optimizer.warmup_steps=20, or compute in --dtype float32.",
            )
        self._journal.append(
            TrainingStep(
                step=state.global_step,
                loss=loss,
                learning_rate=float(logs["learning_rate"]),
                gradient_norm=norm,
                tokens=self._tokens[state.global_step - 1],
                wall_s=round(time.monotonic() - self._began, 4),
            )
        )

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Mark the checkpoint as complete, and only then remove the previous one."""
        folder = Path(args.output_dir)
        path = folder / f"checkpoint-{state.global_step}"
        checkpoints.mark_complete(path)
        checkpoints.remove_others(folder, checkpoints.Checkpoint(path, state.global_step))


def arguments(
    settings: FinetuneSettings, mode: Mode, placement: Placement, folder: Path, total_steps: int, save_steps: int
) -> Any:
    """The Trainer's arguments."""
    optimizer = settings.optimizer
    constant = "constant_with_warmup" if optimizer.warmup_steps else "constant"
    half = placement.dtype_name if not mode.adapter or placement.dtype_name == "float16" else "float32"
    return transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=total_steps,
        per_device_train_batch_size=settings.batch.size,
        gradient_accumulation_steps=settings.batch.accumulation,
        learning_rate=optimizer.learning_rate or mode.learning_rate,
        weight_decay=optimizer.weight_decay,
        warmup_steps=optimizer.warmup_steps,
        lr_scheduler_type=constant if optimizer.schedule == "constant" else optimizer.schedule,
        max_grad_norm=optimizer.max_grad_norm,
        optim="adamw_torch",
        bf16=half == "bfloat16",
        fp16=half == "float16",
        use_cpu=placement.device == "cpu",
        seed=settings.seed,
        save_strategy="steps",
        save_steps=save_steps,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )


def train(
    trainer_options: dict[str, Any],
    batches: list[list[int]],
    rows: Sequence[EncodedRow],
    recorder: StepRecorder,
    resume: checkpoints.Checkpoint | None,
    collator: Collator = collate,
) -> None:
    """Train to the end of the plan, from a checkpoint if there is one.

    Raises:
        UsageError: rows are to be packed, and this model would let them see each other.
        CliError: the loss is not finite, or a step needs more memory than there is. OSError: the disk is full.
    """
    options = {**trainer_options, "data_collator": collator}
    trainer = AnswerTrainer(batches, train_dataset=rows, callbacks=[recorder], **options)
    trainer.remove_callback(PrinterCallback)  # it writes to stdout
    with _full_machine_named():
        trainer.verify(rows)
        trainer.train(resume_from_checkpoint=str(resume.path) if resume else None)


@contextmanager
def _full_machine_named() -> Iterator[None]:
    """Turn errors of a full disk into OSError, which the command line handles, and of full memory into one with a hint.

    safetensors and torch have their own errors for both.
    """
    try:
        with memory_named("A step", SMALLER_STEP):
            yield
    except Exception as error:
        if isinstance(error, (OSError, CliError)) or not is_disk_full(error):
            raise
        raise OSError(errno.ENOSPC, "No space left on device") from error
