"""transformers' Trainer, with our batches, loss, metrics, and checkpoints that are complete or do not count.

Import it inside functions: it needs the train extra.
"""

import errno
import inspect
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.utils.data import DataLoader
from transformers.trainer_callback import PrinterCallback

from coma_cli.errors import CliError, is_disk_full, memory_named
from coma_cli.models.loading import Placement
from coma_cli.training import checkpoints
from coma_cli.training.batching import BatchPlan, collate
from coma_cli.training.callbacks import TrainingCallback
from coma_cli.training.encoding import NO_LABEL, EncodedRow
from coma_cli.training.job import TuningJob
from coma_cli.training.optimizers import optimizer_for
from coma_cli.training.settings import FinetuneSettings

SMALLER_STEP = (
    "--auto-batch, or --set batch.size=1 --set batch.accumulation=N, for the same step in parts; "
    "or --set runtime.gradient_checkpointing=true, a smaller --max-seq-len, or --qlora."
)


class OneDeviceArguments(transformers.TrainingArguments):  # type: ignore[misc]  # transformers ships no types
    """One device per process, whatever is visible: the Trainer would split the rows of a batch over all of them."""

    @property
    def n_gpu(self) -> int:
        """At most 1."""
        return min(int(super().n_gpu), 1)


class AnswerTrainer(transformers.Trainer):  # type: ignore[misc]  # transformers ships no types
    """Takes the batches as planned, and computes logits only at positions that predict an answer token."""

    def __init__(self, batches: list[list[int]], computed_in: torch.dtype = torch.float32, **options: Any) -> None:
        super().__init__(**options)
        self._computed_in = computed_in
        self._batches = batches
        self.model_accepts_loss_kwargs = True  # makes the Trainer count the labels of a whole step for us
        self.loss_is_scaled_for_ga = True
        inner = self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model
        self._keeps_some_logits = "logits_to_keep" in inspect.signature(inner.forward).parameters

    def get_train_dataloader(self) -> Any:
        """The planned batches, in order."""
        loader = DataLoader(self.train_dataset, batch_sampler=BatchPlan(self._batches), collate_fn=collate)
        return self.accelerator.prepare(loader)

    def autocast_smart_context_manager(self, cache_enabled: bool | None = True) -> Any:
        """Compute in bfloat16 what is stored in float32: adapters, or the weights of full tuning."""
        if self._computed_in is not torch.bfloat16:
            return nullcontext()
        return torch.autocast(self.args.device.type, dtype=torch.bfloat16, cache_enabled=bool(cache_enabled))

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Cross entropy summed over this batch's labels, divided by the labels of the whole step.

        Every answer token of a step weighs the same, however rows are split into batches.
        """
        targets = inputs["labels"][:, 1:]
        wanted = targets != NO_LABEL
        columns = wanted.any(dim=0).nonzero().squeeze(1)
        kept = columns if self._keeps_some_logits and len(columns) else None
        options = {} if kept is None else {"logits_to_keep": kept}
        outputs = model(input_ids=inputs["input_ids"], use_cache=False, **options)
        logits = outputs.logits if kept is not None else outputs.logits[:, columns]
        chosen = wanted[:, columns]
        picked = logits[chosen].float()
        loss = torch.nn.functional.cross_entropy(picked, targets[:, columns][chosen], reduction="sum")
        items = chosen.sum() if num_items_in_batch is None else num_items_in_batch
        loss = loss / torch.clamp(torch.as_tensor(items, device=loss.device), min=1)
        if self.args.average_tokens_across_devices:
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss


def arguments(settings: FinetuneSettings, job: TuningJob, placement: Placement, folder: Path, save_steps: int) -> Any:
    """The Trainer's arguments.

    bfloat16 is computed by `AnswerTrainer`'s own autocast; float16 needs that of accelerate, with its scaler.
    """
    optimizer, on_cpu = settings.optimizer, placement.device == "cpu"
    warm_up = (
        optimizer.warmup_steps if optimizer.warmup_ratio is None else math.ceil(optimizer.warmup_ratio * job.steps)
    )
    constant = "constant_with_warmup" if warm_up else "constant"
    return OneDeviceArguments(
        output_dir=str(folder),
        max_steps=job.steps,
        per_device_train_batch_size=job.batch.size,
        gradient_accumulation_steps=job.batch.accumulation,
        learning_rate=optimizer.learning_rate or job.mode.learning_rate,
        weight_decay=optimizer.weight_decay,
        warmup_steps=warm_up,
        lr_scheduler_type=constant if optimizer.schedule == "constant" else optimizer.schedule,
        max_grad_norm=optimizer.max_grad_norm,
        optim=optimizer_for(optimizer.name, on_cpu=on_cpu)[0].argument,
        fp16=placement.dtype_name == "float16",
        use_cpu=on_cpu,
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
    callbacks: Sequence[TrainingCallback],
    resume: checkpoints.Checkpoint | None,
) -> None:
    """Train to the end of the plan, from a checkpoint if there is one.

    Raises:
        CliError: the loss is not finite, or a step needs more memory than there is. OSError: the disk is full.
    """
    trainer = AnswerTrainer(batches, train_dataset=rows, callbacks=list(callbacks), **trainer_options)
    trainer.remove_callback(PrinterCallback)  # it writes to stdout
    for callback in callbacks:
        callback.trainer = trainer
    with _full_machine_named():
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
