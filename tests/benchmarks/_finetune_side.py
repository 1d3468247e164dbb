"""One side of the comparison in `finetune.py`, in a process of its own; prints one line of JSON.

    python -m tests.benchmarks._finetune_side SIDE ROWS.json STEPS DTYPE BATCHING

ROWS.json holds token ids and where the answer of each row begins. All sides train LoRA matrices of rank 64 in all
linear layers of SmolLM2-135M, batch 6 x 2, AdamW, no dropout, no gradient checkpointing, clip 1, learning rate 2e-4.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from coma_cli.models.loading import load_model, model_folder
from coma_cli.models.resolution import resolve_base
from coma_cli.training.batching import Packing, all_batches, collate
from coma_cli.training.encoding import EncodedRow

RANK, ALPHA, RATE, SIZE, ACCUMULATION, LONGEST = 64, 128, 2e-4, 6, 2, 512
BASE = "smollm2-135m"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Clock:
    """Seconds and processor seconds at the end of every step."""

    def __init__(self) -> None:
        self.marks = [(time.perf_counter(), time.process_time())]

    def mark(self) -> None:
        self.marks.append((time.perf_counter(), time.process_time()))


def lora_config() -> Any:
    import peft

    return peft.LoraConfig(
        task_type="CAUSAL_LM", r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules="all-linear"
    )


def batches_of(rows: Sequence[EncodedRow], steps: int, batching: Any) -> list[list[int]]:
    lengths = [len(row.ids) for row in rows]
    return [list(batch) for batch in all_batches(lengths, SIZE, ACCUMULATION, 0, steps, batching)]


def recorder(clock: Clock, losses: list[float]) -> Any:
    """A callback of transformers' trainer that marks the time of each step and keeps its loss."""
    import transformers

    class Recorder(transformers.TrainerCallback):  # type: ignore[misc]  # transformers ships no types
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            clock.marks = []
            clock.mark()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.mark()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            losses.extend([float(logs["loss"])] if logs and "loss" in logs else [])

    return Recorder()


def with_coma(rows: list[EncodedRow], steps: int, dtype: str, batching: str) -> tuple[Clock, list[float]]:
    """coma's own trainer, as `coma finetune` uses it."""
    import tempfile

    from coma_cli.corpus.decontamination.training_check import NEVER_CHECKED
    from coma_cli.models.loading import Placement
    from coma_cli.models.resolution import NO_TRUST
    from coma_cli.settings import load_settings
    from coma_cli.training.job import TuningJob
    from coma_cli.training.modes import LORA
    from coma_cli.training.preparation import prepare
    from coma_cli.training.settings import FinetuneSettings
    from coma_cli.training.trainer import arguments, train

    clock, losses = Clock(), []
    flags = {"lora.r": RANK, "lora.alpha": ALPHA, "lora.dropout": 0.0, "optimizer.learning_rate": RATE}
    flags |= {"batch.size": SIZE, "batch.accumulation": ACCUMULATION, "base": BASE}
    settings = load_settings(FinetuneSettings, flags=flags)
    placement = Placement("cpu", DTYPES[dtype])
    base, batches = resolve_base(BASE), tuple(map(tuple, batches_of(rows, steps, batching)))
    job = TuningJob(
        LORA,
        base,
        NO_TRUST,
        None,
        None,
        tuple(rows),
        {},
        NEVER_CHECKED,
        settings.batch,
        batches,
        steps,  # type: ignore[arg-type]
    )
    model = prepare(settings, LORA, base, placement, NO_TRUST).model

    with tempfile.TemporaryDirectory() as folder:
        args = arguments(settings, job, placement, Path(folder), steps + 1)
        options = {"model": model, "args": args, "computed_in": placement.dtype}
        collator = Packing(LONGEST) if batching == "packing" else collate
        callback = recorder(clock, losses)
        train(options, [list(batch) for batch in batches], rows, [callback], None, collator)
    return clock, losses


def with_plain_step(rows: list[EncodedRow], steps: int, dtype: str, batching: str) -> tuple[Clock, list[float]]:
    """A loop of a few lines: peft's model, hidden states gathered before the head, torch's fused AdamW."""
    import peft

    torch.manual_seed(0)
    model = peft.get_peft_model(load_model(resolve_base(BASE), dtype, "cpu"), lora_config()).train()
    inner, head = model.get_base_model().model, model.get_base_model().lm_head
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.0, fused=True)
    batches, losses = batches_of(rows, steps, batching), []
    clock = Clock()
    for step in range(steps):
        parts = [collate([rows[row] for row in batch]) for batch in batches[step * 2 : step * 2 + 2]]
        count = sum(int((part["labels"][:, 1:] != -100).sum()) for part in parts)
        total = 0.0
        for part in parts:
            targets = part["labels"][:, 1:]
            wanted = targets != -100
            with torch.autocast("cpu", DTYPES[dtype], enabled=dtype != "float32"):
                hidden = inner(input_ids=part["input_ids"], use_cache=False).last_hidden_state[:, :-1][wanted]
                logits = head(hidden)
            loss = torch.nn.functional.cross_entropy(logits.float(), targets[wanted], reduction="sum") / count
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(total)
        clock.mark()
    return clock, losses


def with_trl(rows: list[EncodedRow], steps: int, dtype: str, batching: str) -> tuple[Clock, list[float]]:
    """TRL's SFTTrainer on the same rows in the same order, already tokenized; `packing` is its own."""
    import tempfile

    import datasets
    import trl

    clock, losses = Clock(), []

    order = [row for batch in batches_of(rows, steps, "padding") for row in batch]
    data = datasets.Dataset.from_list(
        [{"input_ids": list(rows[row].ids), "labels": list(rows[row].labels)} for row in order]
    )
    packing = batching == "packing"
    per_batch = 1 if packing else SIZE  # a packed batch of one sequence of 512 tokens holds about as many rows
    with tempfile.TemporaryDirectory() as folder:
        config = trl.SFTConfig(
            output_dir=folder, max_steps=steps, per_device_train_batch_size=per_batch, learning_rate=RATE,
            gradient_accumulation_steps=ACCUMULATION, max_length=LONGEST, packing=packing, bf16=dtype == "bfloat16",
            gradient_checkpointing=False, use_cpu=True, logging_steps=1, report_to="none", save_strategy="no",
            lr_scheduler_type="constant", disable_tqdm=True, train_sampling_strategy="sequential", seed=0,
            dataset_kwargs={"skip_prepare_dataset": not packing}, model_init_kwargs={"dtype": dtype},
        )  # fmt: skip
        folder_of_base = model_folder(resolve_base(BASE))
        trainer = trl.SFTTrainer(folder_of_base, args=config, train_dataset=data, peft_config=lora_config())
        trainer.add_callback(recorder(clock, losses))
        trainer.train()
        kept = trainer.train_dataset
    if packing:  # its sequences hold other rows: the tokens of those that were seen
        clock.tokens = sum(len(kept[n]["input_ids"]) for n in range(min(len(kept), steps * ACCUMULATION)))  # type: ignore[attr-defined]
    return clock, losses


SIDES: dict[str, Callable[..., tuple[Clock, list[float]]]] = {
    "coma": with_coma,
    "plain": with_plain_step,
    "trl": with_trl,
}


def main() -> None:
    """Run one side and print its figures; the first step, which warms up, is not timed."""
    side, path, steps, dtype, batching = sys.argv[1:6]
    read = json.loads(Path(path).read_text())
    rows = [EncodedRow(str(n), tuple(ids), start) for n, (ids, start) in enumerate(read)]
    count = int(steps)
    clock, losses = SIDES[side](rows, count, dtype, batching)
    lengths = [len(row.ids) for row in rows]
    planned = batches_of(rows, count, "padding" if side == "trl" else batching)
    tokens = [sum(lengths[row] for batch in planned[n * 2 : n * 2 + 2] for row in batch) for n in range(count)]
    timed = sum(tokens[1:])
    if (own := getattr(clock, "tokens", None)) is not None:
        timed = own * (count - 1) / count
    (wall, processor), (last_wall, last_processor) = clock.marks[1], clock.marks[-1]
    figures = {
        "tokens": timed,
        "wall_s": last_wall - wall,
        "processor_s": last_processor - processor,
        "losses": losses,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(f"{json.dumps(figures)}\n")


if __name__ == "__main__":
    main()
