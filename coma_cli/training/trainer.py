"""transformers' Trainer, with our batches, loss, metrics, and checkpoints that are complete or do not count.

Import it inside functions: it needs the train extra.
"""

import errno
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.utils.data import DataLoader
from transformers.trainer_callback import PrinterCallback

from coma_cli import console
from coma_cli.errors import CliError, is_disk_full, memory_named
from coma_cli.models.loading import Placement
from coma_cli.training import checkpoints
from coma_cli.training.batching import BatchPlan, Packing, collate
from coma_cli.training.callbacks import TrainingCallback
from coma_cli.training.distributed.deepspeed import read_deepspeed
from coma_cli.training.distributed.sharding import is_sharded
from coma_cli.training.distributed.team import ALONE, Team
from coma_cli.training.encoding import EncodedRow
from coma_cli.training.job import TuningJob
from coma_cli.training.loss import LabelledLogits, require_apart, summed_cross_entropy, targets_of
from coma_cli.training.optimizers import optimizer_for
from coma_cli.training.rates import rate_of
from coma_cli.training.settings import BatchBlock, FinetuneSettings

Collator = Callable[[Sequence[EncodedRow]], dict[str, Any]]
_MOST_TRIED = 64  # tokens of a row that is tried
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

    def __init__(
        self, batches: list[list[int]], computed_in: torch.dtype = torch.float32, team: Team = ALONE, **options: Any
    ) -> None:
        super().__init__(**options)
        self._computed_in = computed_in
        self._team = team
        self._batches = batches
        self._collate = options.get("data_collator") or collate
        self.model_accepts_loss_kwargs = True  # makes the Trainer count the labels of a whole step for us
        self.loss_is_scaled_for_ga = True
        self._logits = LabelledLogits(self.model)

    def get_train_dataloader(self) -> Any:
        """The planned batches, in order; in a team those of this process, which accelerate would deal again."""
        loader = DataLoader(self.train_dataset, batch_sampler=BatchPlan(self._batches), collate_fn=self._collate)
        return self.accelerator.prepare(loader) if self._team.size == 1 else loader

    @property
    def loss_scale(self) -> int:
        """What losses are multiplied by, since gradients are averaged over as many processes."""
        return int(self.accelerator.num_processes) if self.args.average_tokens_across_devices else 1

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
        index, targets = targets_of(inputs["labels"])
        given = {name: value for name, value in inputs.items() if name != "labels"}
        logits, outputs = self._logits(model, index, **given)
        items = index.numel() if num_items_in_batch is None else num_items_in_batch
        loss = summed_cross_entropy(logits, targets)
        loss = loss / torch.clamp(torch.as_tensor(items, device=loss.device), min=1)
        loss = loss * self.loss_scale
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
        with self.autocast_smart_context_manager():
            ids = torch.tensor([shortest[0].ids[-_MOST_TRIED:]], device=device)
            if said := self._logits.verify(self.model, ids):
                console.note(said)
            if isinstance(self._collate, Packing):
                require_apart(self.model, [row.ids[-_MOST_TRIED:] for row in shortest], device)


def arguments(
    settings: FinetuneSettings,
    job: TuningJob,
    placement: Placement,
    folder: Path,
    save_steps: int,
    batch: BatchBlock | None = None,
    **more: Any,
) -> Any:
    """The Trainer's arguments; `batch` is that of each process, where there are several; `more` are transformers' own.

    bfloat16 is computed by `AnswerTrainer`'s own autocast, but for DeepSpeed; float16 needs that of accelerate, with
    its scaler.
    """
    batch, deepspeed = batch or job.batch, settings.runtime.deepspeed
    optimizer, on_cpu = settings.optimizer, placement.device == "cpu"
    warm_up = (
        optimizer.warmup_steps if optimizer.warmup_ratio is None else math.ceil(optimizer.warmup_ratio * job.steps)
    )
    constant = "constant_with_warmup" if warm_up else "constant"
    return OneDeviceArguments(
        output_dir=str(folder),
        max_steps=job.steps,
        per_device_train_batch_size=batch.size,
        gradient_accumulation_steps=batch.accumulation,
        average_tokens_across_devices=True,
        deepspeed=None if deepspeed is None else read_deepspeed(deepspeed),
        bf16=deepspeed is not None and placement.dtype_name == "bfloat16",
        learning_rate=rate_of(settings, job.resolved).value,
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
        **more,
    )


def train(
    trainer_options: dict[str, Any],
    batches: list[list[int]],
    rows: Sequence[EncodedRow],
    callbacks: Sequence[TrainingCallback],
    resume: checkpoints.Checkpoint | None,
    collator: Collator = collate,
) -> None:
    """Train to the end of the plan, from a checkpoint if there is one.

    Raises:
        UsageError: rows are to be packed, and this model would let them see each other.
        CliError: the loss is not finite, or a step needs more memory than there is. OSError: the disk is full.
    """
    from coma_cli.training.distributed.sharded_trainer import ShardedTrainer

    options = {**trainer_options, "data_collator": collator}
    kind = ShardedTrainer if is_sharded(options["model"]) else AnswerTrainer
    trainer = kind(batches, train_dataset=rows, callbacks=list(callbacks), **options)
    trainer.remove_callback(PrinterCallback)  # it writes to stdout
    if (number := options.get("team", ALONE).number) > 0:
        transformers.set_seed(options["args"].seed + number)  # dropout differs from process to process
    for callback in callbacks:
        callback.trainer = trainer
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
