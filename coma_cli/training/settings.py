"""The settings of finetune, in small blocks."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from coma_cli.catalog.bases import BASES, DEFAULT_BASE
from coma_cli.prompting import TEMPLATE_CHOICES, file_of_template
from coma_cli.settings import (
    SETTINGS_CONFIG,
    AllowPickle,
    Device,
    Dtype,
    Flag,
    Kind,
    Runtime,
    StageSettings,
    TrustRemoteCode,
    Unset,
)
from coma_cli.training.batching import Batching
from coma_cli.training.layouts import PARTS
from coma_cli.workspace import runs_of

DATA, TRAINING, ADAPTER, MACHINE = "Data and base", "Training", "Adapter", "Execution"
MOST_STEPS = 10_000_000  # every step's batch is planned beforehand; a longer run is a typing error
_MOST_WEIGHT = 1000
_MOST_RANK = 16_384  # as wide as the widest layers of today's models


class SettingsBlock(BaseModel):
    """A group of settings."""

    model_config = SETTINGS_CONFIG


class LoraBlock(SettingsBlock):
    """The low-rank adapter of --lora and --qlora."""

    r: Annotated[int, Flag("--lora-r", panel=ADAPTER)] = Field(
        default=16, ge=1, le=_MOST_RANK, description="Rank of the adapter matrices"
    )
    alpha: Annotated[float, Flag("--lora-alpha", panel=ADAPTER)] = Field(
        default=32, gt=0, description="Scaling: the adapter's output is multiplied by alpha / r"
    )
    dropout: Annotated[float, Flag("--lora-dropout", panel=ADAPTER)] = Field(
        default=0.05, ge=0, lt=1, description="Dropout on the adapter's input"
    )
    target_modules: Annotated[
        list[str] | None, Kind("NAME,..."), Unset("the base's own list, or all linear layers of a block")
    ] = Field(default=None, min_length=1, description="Names of the linear layers to adapt")


class OptimizerBlock(SettingsBlock):
    """The AdamW optimizer and its schedule."""

    learning_rate: Annotated[float | None, Flag("--learning-rate", panel=TRAINING), Unset("2e-4; 2e-5 with --full")] = (
        Field(default=None, gt=0, description="Peak learning rate")
    )
    weight_decay: float = Field(default=0.0, ge=0, description="Decoupled weight decay")
    warmup_steps: int = Field(default=0, ge=0, description="Warm-up steps, over which the learning rate rises from 0")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        default="constant",
        description="Learning rate after the warm-up; only a constant one lets a finished run be extended",
    )
    max_grad_norm: float = Field(default=1.0, ge=0, description="Gradient clipping norm; 0 disables")


class BatchBlock(SettingsBlock):
    """How many rows make one optimizer step."""

    size: Annotated[int, Flag("--batch-size", "--per-device-train-batch-size", panel=TRAINING)] = Field(
        default=4, ge=1, description="Batch size"
    )
    accumulation: Annotated[int, Flag("--gradient-accumulation-steps", panel=TRAINING)] = Field(
        default=1, ge=1, description="Batches per optimizer step (gradient accumulation)"
    )

    @property
    def rows_per_step(self) -> int:
        """Rows that one optimizer step sees."""
        return self.size * self.accumulation


class RowsBlock(SettingsBlock):
    """How files are read, which of their rows are trained on how often, and how rows become batches."""

    columns: Annotated[dict[str, str], Flag("--columns", panel=DATA, repeat=True, split=True), Kind("PART=NAME")] = (
        Field(
            default_factory=dict,
            description=f"Columns of the files, where their names are not known: {', '.join(PARTS)}",
        )
    )
    weights: dict[str, Annotated[float, Field(ge=0, le=_MOST_WEIGHT)]] = Field(
        default_factory=dict,
        description="How often the rows of a source or a task are used per epoch, by its name: 2 is twice, 0.5 is a "
        "random half, 0 is not at all",
    )
    truncate: Annotated[Literal["never", "prompt"], Flag("--truncate", panel=DATA)] = Field(
        default="never",
        description="Rows that are too long: dropped, or cut on the side of the prompt where that is enough",
    )
    batching: Annotated[Batching, Flag("--batching", panel=TRAINING)] = Field(
        default="length",
        description="Rows of a step: of similar length, or any (padding); or any, laid one behind the other without "
        "seeing each other (packing)",
    )

    @field_validator("columns")
    @classmethod
    def _known_parts(cls, value: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(value) - set(PARTS)):
            raise ValueError(f"{', '.join(unknown)} is not one of {', '.join(PARTS)}")
        if value and "messages" not in value and not {"instruction", "output"} & set(value):
            raise ValueError("map instruction or output, or messages")
        return value


class FinetuneRuntime(Runtime):
    """How training runs on this machine."""

    device: Annotated[Device, Flag("--device", panel=MACHINE)] = "auto"
    save_steps: Annotated[int | None, Unset("a twentieth of the run, at most 50")] = Field(
        default=None, ge=1, description="Steps between checkpoints"
    )
    gradient_checkpointing: Annotated[bool | None, Unset("on a GPU, from 1B parameters on")] = Field(
        default=None, description="Recompute activations in the backward pass to save memory"
    )
    trust_remote_code: Annotated[TrustRemoteCode, Flag("--trust-remote-code", panel=MACHINE)] = False
    allow_pickle: Annotated[AllowPickle, Flag("--allow-pickle", panel=MACHINE)] = False


class FinetuneSettings(StageSettings):
    """The settings of `coma finetune`."""

    EXTENT: ClassVar[frozenset[str]] = frozenset({"epochs", "max_steps"})

    base: Annotated[
        str,
        Flag("--base", "--model-name-or-path", panel=DATA, complete=lambda _: BASES),
        Kind("NAME|DIR|ID"),
    ] = Field(
        default=DEFAULT_BASE, description="Base model: a name that coma knows, a local folder or a Hugging Face id"
    )
    revision: Annotated[str | None, Flag("--revision", panel=DATA), Kind("NAME"), Unset("the latest")] = Field(
        default=None, description="Commit, branch or tag of a base on the Hugging Face Hub"
    )
    mode: Annotated[
        Literal["lora", "qlora", "full"],
        Flag("--lora", sets="lora", panel=TRAINING, help="Train an adapter (the default)"),
        Flag("--qlora", sets="qlora", panel=TRAINING, help="Train an adapter on a base quantized to 4 bits"),
        Flag("--full", sets="full", panel=TRAINING, help="Train all weights"),
    ] = Field(default="lora", description="What is trained: an adapter, an adapter on a 4-bit base, or all weights")
    data: Annotated[
        list[Path] | None,
        Flag("--data", panel=DATA, repeat=True, complete=runs_of("build-data", "gen-instructions")),
        Kind("RUN|FILE|ID"),
        Unset("the latest build-data and gen-instructions runs"),
    ] = Field(
        default=None,
        description="Rows to train on: a run, a file of rows, or a data set on the Hugging Face Hub "
        "(OWNER/NAME[@REVISION][:FILES])",
    )
    decontaminate: Annotated[bool, Flag("--decontaminate", panel=DATA)] = Field(
        default=False,
        description="Drop rows that hold problems, solutions or tests of a benchmark; without it they are trained on, "
        "with a warning",
    )
    template: Annotated[
        str,
        Flag("--template", panel=DATA, complete=lambda _: TEMPLATE_CHOICES),
        Kind("NAME|FILE"),
    ] = Field(
        default="auto",
        description=f"Prompt template: {', '.join(TEMPLATE_CHOICES)}, or a Jinja file; auto is the base's own",
    )
    epochs: Annotated[
        float | None, Flag("--epochs", "--num-train-epochs", panel=TRAINING), Unset("1, unless max_steps is set")
    ] = Field(default=None, gt=0, le=MOST_STEPS, description="Epochs: how often the data is used")
    max_steps: Annotated[int | None, Flag("--max-steps", panel=TRAINING)] = Field(
        default=None, ge=1, le=MOST_STEPS, description="Optimizer steps, instead of epochs"
    )
    max_seq_len: Annotated[int, Flag("--max-seq-len", "--max-seq-length", panel=DATA)] = Field(
        default=512, ge=8, description="Maximum tokens per row (prompt and answer); longer rows are dropped"
    )
    dtype: Annotated[Dtype, Flag("--dtype", panel=MACHINE)] = Field(
        default="auto", description="Dtype of the frozen weights and of the computation"
    )
    lora: LoraBlock = LoraBlock()
    optimizer: OptimizerBlock = OptimizerBlock()
    batch: BatchBlock = BatchBlock()
    rows: RowsBlock = RowsBlock()
    runtime: FinetuneRuntime = FinetuneRuntime()

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.epochs is not None and self.max_steps is not None:
            raise ValueError("epochs and max_steps exclude each other: give one of them")
        return self

    @property
    def template_file(self) -> Path | None:
        """The user's own template file, if `template` is one."""
        return file_of_template(self.template)

    @property
    def can_be_extended(self) -> bool:
        """Whether the steps so far do not depend on how many there will be."""
        return self.optimizer.schedule == "constant"

    def extent(self) -> dict[str, Any]:
        """How long to train, if more steps extend the same run."""
        return super().extent() if self.can_be_extended else {}

    def identity(self) -> dict[str, Any]:
        """All that decides the weights; data counts by its content, which is among the run's inputs."""
        length = {} if self.can_be_extended else super().extent()
        identity = super().identity()
        identity.pop("data")
        if self.template_file is not None:  # it counts by its content, which is among the inputs too
            identity["template"] = "file"
        return {**identity, **length}
