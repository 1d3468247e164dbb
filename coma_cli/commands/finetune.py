"""`coma finetune`: tune a base on instruction rows."""

from pathlib import Path
from typing import Annotated

import typer

from coma_cli.commands import options
from coma_cli.commands.execute import execute
from coma_cli.errors import UsageError

_DATA = "Data and base"
_TRAINING = "Training"

BaseOption = Annotated[
    str | None,
    typer.Option(
        "--base", "--model-name-or-path", help="Catalogue name, folder or hub id (smollm2-135m).", rich_help_panel=_DATA
    ),
]
RevisionOption = Annotated[str | None, typer.Option(help="Commit, branch or tag on the hub.", rich_help_panel=_DATA)]
DataOption = Annotated[
    list[Path] | None,
    typer.Option(help="Run, JSONL or alpaca JSON; repeatable; default: the newest runs.", rich_help_panel=_DATA),
]
TemplateOption = Annotated[
    str | None,
    typer.Option(help="auto, chat, alpaca, capybara, chatml, raw, or a Jinja file (auto).", rich_help_panel=_DATA),
]
LoraOption = Annotated[bool, typer.Option("--lora", help="Train an adapter (default).", rich_help_panel=_TRAINING)]
QloraOption = Annotated[
    bool, typer.Option("--qlora", help="Train an adapter on a base in 4 bits.", rich_help_panel=_TRAINING)
]
FullOption = Annotated[bool, typer.Option("--full", help="Train all weights.", rich_help_panel=_TRAINING)]
EpochsOption = Annotated[
    float | None,
    typer.Option("--epochs", "--num-train-epochs", help="Passes over the data (1).", rich_help_panel=_TRAINING),
]
MaxStepsOption = Annotated[
    int | None, typer.Option(help="Optimizer steps, instead of epochs.", rich_help_panel=_TRAINING)
]
BatchOption = Annotated[
    int | None,
    typer.Option(
        "--batch-size", "--per-device-train-batch-size", help="Rows computed together (4).", rich_help_panel=_TRAINING
    ),
]
AccumulationOption = Annotated[
    int | None,
    typer.Option("--gradient-accumulation-steps", help="Batches that make one step (1).", rich_help_panel=_TRAINING),
]
RateOption = Annotated[
    float | None,
    typer.Option("--learning-rate", help="Peak rate (2e-4; with --full 2e-5).", rich_help_panel=_TRAINING),
]
LengthOption = Annotated[
    int | None,
    typer.Option(
        "--max-seq-len",
        "--max-seq-length",
        help="Tokens a row; longer ones are left out (512).",
        rich_help_panel=_TRAINING,
    ),
]
RankOption = Annotated[int | None, typer.Option("--lora-r", help="Rank (16).", rich_help_panel=_TRAINING)]
AlphaOption = Annotated[float | None, typer.Option("--lora-alpha", help="Scale (32).", rich_help_panel=_TRAINING)]
DropoutOption = Annotated[
    float | None, typer.Option("--lora-dropout", help="Dropout (0.05).", rich_help_panel=_TRAINING)
]
DtypeOption = Annotated[str | None, typer.Option(help="auto, float32, bfloat16, float16.", rich_help_panel=_TRAINING)]
DeviceOption = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N (auto).", rich_help_panel=_TRAINING)]
RemoteCodeOption = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run code from the base's repository.", rich_help_panel=_DATA)
]
PickleOption = Annotated[bool, typer.Option("--allow-pickle", help="Read pickled weights.", rich_help_panel=_DATA)]


@options.with_shared_options
def finetune(
    shared: options.Shared,
    base: BaseOption = None,
    revision: RevisionOption = None,
    data: DataOption = None,
    template: TemplateOption = None,
    lora: LoraOption = False,
    qlora: QloraOption = False,
    full: FullOption = False,
    epochs: EpochsOption = None,
    max_steps: MaxStepsOption = None,
    batch_size: BatchOption = None,
    gradient_accumulation_steps: AccumulationOption = None,
    learning_rate: RateOption = None,
    max_seq_len: LengthOption = None,
    lora_r: RankOption = None,
    lora_alpha: AlphaOption = None,
    lora_dropout: DropoutOption = None,
    dtype: DtypeOption = None,
    device: DeviceOption = None,
    trust_remote_code: RemoteCodeOption = False,
    allow_pickle: PickleOption = False,
) -> None:
    """Tune a base on instruction rows: LoRA, QLoRA or all weights, on a GPU or a CPU."""
    flags = {
        "base": base,
        "revision": revision,
        "data": [str(path) for path in data] if data else None,
        "template": template,
        "mode": _mode(lora=lora, qlora=qlora, full=full),
        "epochs": epochs,
        "max_steps": max_steps,
        "batch.size": batch_size,
        "batch.accumulation": gradient_accumulation_steps,
        "optimizer.learning_rate": learning_rate,
        "max_seq_len": max_seq_len,
        "lora.r": lora_r,
        "lora.alpha": lora_alpha,
        "lora.dropout": lora_dropout,
        "dtype": dtype,
        "runtime.device": device,
        "runtime.trust_remote_code": trust_remote_code or None,
        "runtime.allow_pickle": allow_pickle or None,
    }
    execute("finetune", shared, flags)


def _mode(**chosen: bool) -> str | None:
    """The one mode that was asked for, None for none."""
    names = [name for name, wanted in chosen.items() if wanted]
    if len(names) > 1:
        raise UsageError(f"--{' and --'.join(names)} exclude each other.", f"Keep one: --{names[0]}")
    return names[0] if names else None
