"""The settings of finetune, in small blocks."""

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, Field, model_validator

from coma_cli.catalog.bases import DEFAULT_BASE
from coma_cli.prompting import TEMPLATE_SUFFIXES
from coma_cli.settings import SETTINGS_CONFIG, Runtime, StageSettings

MOST_STEPS = 10_000_000  # every step's batch is planned beforehand; a longer run is a typo
_MOST_RANK = 16_384  # as wide as the widest layers of today's models

Dtype = Literal["auto", "float32", "bfloat16", "float16", "fp32", "bf16", "fp16"]


class SettingsBlock(BaseModel):
    """A group of settings."""

    model_config = SETTINGS_CONFIG


class LoraBlock(SettingsBlock):
    """The trained matrices of --lora and --qlora."""

    r: int = Field(default=16, ge=1, le=_MOST_RANK, description="Rank.")
    alpha: float = Field(default=32, gt=0, description="Scale: what is learnt is multiplied by alpha / r.")
    dropout: float = Field(default=0.05, ge=0, lt=1, description="Dropout on the input of the trained matrices.")
    target_modules: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Names of the linear layers to adapt; default: the base's own list, or all of a block's.",
    )


class OptimizerBlock(SettingsBlock):
    """AdamW and its schedule."""

    learning_rate: float | None = Field(
        default=None, gt=0, description="Peak learning rate; default 2e-4, with --full 2e-5."
    )
    weight_decay: float = Field(default=0.0, ge=0, description="Decoupled weight decay.")
    warmup_steps: int = Field(default=0, ge=0, description="Steps over which the learning rate rises from zero.")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        default="constant", description="After the warm-up; under `constant` a finished run can be given more steps."
    )
    max_grad_norm: float = Field(default=1.0, ge=0, description="Gradients are clipped to this norm; 0: not at all.")


class BatchBlock(SettingsBlock):
    """How many rows make one step."""

    size: int = Field(default=4, ge=1, description="Rows computed together.")
    accumulation: int = Field(default=1, ge=1, description="Batches summed up before a step is taken.")

    @property
    def rows_per_step(self) -> int:
        """Rows that one optimizer step sees."""
        return self.size * self.accumulation


class FinetuneRuntime(Runtime):
    """How the training is run on this machine."""

    save_steps: int | None = Field(
        default=None, ge=1, description="Steps between checkpoints; default: a twentieth of the run, 50 at most."
    )
    gradient_checkpointing: bool | None = Field(
        default=None,
        description="Compute activations twice instead of keeping them; default: on a GPU from 1B parameters.",
    )
    trust_remote_code: bool = Field(default=False, description="Run Python code from the base's own repository.")
    allow_pickle: bool = Field(default=False, description="Read weights that are Python pickles.")


class FinetuneSettings(StageSettings):
    """The settings of `coma finetune`."""

    EXTENT: ClassVar[frozenset[str]] = frozenset({"epochs", "max_steps"})

    base: str = Field(default=DEFAULT_BASE, description="Catalogue name, local folder or hub id.")
    revision: str | None = Field(default=None, description="Commit, branch or tag of a base on the hub.")
    mode: Literal["lora", "qlora", "full"] = Field(default="lora", description="lora, qlora or full.")
    data: list[Path] | None = Field(
        default=None,
        description="Finished runs, JSONL or alpaca JSON; default: the newest build-data and gen-instructions.",
    )
    template: str = Field(
        default="auto", description="auto (the base's own), chat, alpaca, capybara, chatml, raw, or a Jinja file."
    )
    epochs: float | None = Field(
        default=None, gt=0, le=MOST_STEPS, description="Passes over the data; default 1 unless max_steps is set."
    )
    max_steps: int | None = Field(
        default=None, ge=1, le=MOST_STEPS, description="Optimizer steps, however many rows there are."
    )
    max_seq_len: int = Field(default=512, ge=8, description="Tokens of prompt and answer; longer rows are left out.")
    dtype: Dtype = Field(default="auto", description="Number type of the frozen weights and of the computation.")
    lora: LoraBlock = LoraBlock()
    optimizer: OptimizerBlock = OptimizerBlock()
    batch: BatchBlock = BatchBlock()
    runtime: FinetuneRuntime = FinetuneRuntime()

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.epochs is not None and self.max_steps is not None:
            raise ValueError("epochs and max_steps both say how long to train: give one of them")
        return self

    @property
    def template_file(self) -> Path | None:
        """The user's own template, if `template` is one."""
        return Path(self.template) if self.template.endswith(TEMPLATE_SUFFIXES) else None

    @property
    def can_be_extended(self) -> bool:
        """Whether steps do not depend on how many there will be."""
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
