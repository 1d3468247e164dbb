"""The settings of finetune, in small blocks."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from coma_cli.catalog.bases import BASES, DEFAULT_BASE
from coma_cli.prompting import TEMPLATE_CHOICES, file_of_template
from coma_cli.settings import (
    SETTINGS_CONFIG,
    Dtype,
    Flag,
    Kind,
    StageSettings,
    Unset,
)
from coma_cli.training.layouts import PARTS
from coma_cli.training.pushing.settings import ELSEWHERE, Public, PushModel
from coma_cli.training.runtime_settings import MACHINE, FinetuneRuntime
from coma_cli.workspace import runs_of

DATA, TRAINING, ADAPTER = "Data and base", "Training", "Adapter"
MOST_STEPS = 10_000_000  # every step's batch is planned beforehand; a longer run is a typing error
_MOST_WEIGHT = 1000
ALL_LINEAR = "all-linear"
NO_VALIDATION = "none"
_MOST_RANK = 16_384  # as wide as the widest layers of today's models


class SettingsBlock(BaseModel):
    """A group of settings."""

    model_config = SETTINGS_CONFIG


class LoraBlock(SettingsBlock):
    """The low-rank adapter of --lora, --qlora and --int8-lora."""

    r: Annotated[int, Flag("--lora-r", panel=ADAPTER)] = Field(
        default=32, ge=1, le=_MOST_RANK, description="Rank of the adapter matrices"
    )
    alpha: Annotated[
        float | None, Flag("--lora-alpha", panel=ADAPTER), Unset("twice the rank; the rank with rslora")
    ] = Field(default=None, gt=0, description="Scaling: the adapter's output is multiplied by alpha / r")
    dropout: Annotated[float, Flag("--lora-dropout", panel=ADAPTER)] = Field(
        default=0.0, ge=0, lt=1, description="Dropout on the adapter's input"
    )
    target_modules: Annotated[
        list[str] | None,
        Flag("--lora-targets", panel=ADAPTER, split=True),
        Kind("all-linear|NAME,..."),
        Unset("the base's own list, or all linear layers of a block"),
    ] = Field(default=None, min_length=1, description="Names of the linear layers to adapt")
    rslora: Annotated[bool, Flag("--rslora", panel=ADAPTER)] = Field(
        default=False, description="Scale by alpha / sqrt(r) instead, which suits high ranks (arXiv 2312.03732)"
    )
    dora: Annotated[bool, Flag("--dora", panel=ADAPTER)] = Field(
        default=False,
        description="Train magnitude and direction separately (arXiv 2402.09353); a step takes about a quarter longer",
    )
    init: Annotated[str, Flag("--lora-init", panel=ADAPTER), Kind("NAME")] = Field(
        default="default",
        pattern=r"^(default|gaussian|olora|orthogonal|pissa(_niter_\d+)?)$",
        description="How peft initialises the matrices; the output of pissa and olora has twice the rank",
    )

    @property
    def scaling_alpha(self) -> float:
        """Alpha as set, else by the rank, so that another rank alone leaves the learning rate right."""
        return self.alpha if self.alpha is not None else self.r if self.rslora else 2 * self.r

    @property
    def changes_the_base(self) -> bool:
        """Whether the initialisation takes its matrices out of the base's weights."""
        return self.init.startswith(("pissa", "olora"))

    @field_validator("target_modules", mode="before")
    @classmethod
    def _one_name(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.target_modules and ALL_LINEAR in self.target_modules and len(self.target_modules) > 1:
            raise ValueError(f"target_modules is {ALL_LINEAR} or a list of names, not both")
        if self.dora and self.init != "default":
            raise ValueError("dora has an initialisation of its own: leave init at its default")
        return self


class OptimizerBlock(SettingsBlock):
    """The AdamW optimizer and its schedule."""

    name: Annotated[
        Literal["adamw", "adamw_8bit", "paged_adamw_32bit", "paged_adamw_8bit"], Flag("--optimizer", panel=TRAINING)
    ] = Field(
        default="adamw",
        description="AdamW with moments in 32 or 8 bits; paged ones move to the host when the GPU is full",
    )

    learning_rate: Annotated[
        float | None,
        Flag("--learning-rate", panel=TRAINING),
        Unset("1e-3 up to about 8B, 3e-4 above; a tenth with --full"),
    ] = Field(default=None, gt=0, description="Peak learning rate")
    weight_decay: float = Field(default=0.0, ge=0, description="Decoupled weight decay")
    warmup_steps: int = Field(default=0, ge=0, description="Warm-up steps, over which the learning rate rises from 0")
    warmup_ratio: float | None = Field(
        default=None, gt=0, lt=1, description="Warm-up as a share of all steps, instead of warmup_steps"
    )
    schedule: Literal["constant", "linear", "cosine"] = Field(
        default="constant",
        description="Learning rate after the warm-up; only a constant one lets a finished run be extended",
    )
    max_grad_norm: float = Field(default=1.0, ge=0, description="Gradient clipping norm; 0 disables")

    @model_validator(mode="after")
    def _one_warm_up(self) -> Self:
        if self.warmup_steps and self.warmup_ratio is not None:
            raise ValueError("warmup_steps and warmup_ratio exclude each other: give one of them")
        return self


class BatchBlock(SettingsBlock):
    """How many rows make one optimizer step."""

    size: Annotated[int, Flag("--batch-size", "--per-device-train-batch-size", panel=TRAINING)] = Field(
        default=4, ge=1, description="Batch size; on each device, if there are several"
    )
    accumulation: Annotated[int, Flag("--gradient-accumulation-steps", panel=TRAINING)] = Field(
        default=2, ge=1, description="Batches per optimizer step (gradient accumulation), which all devices share"
    )

    @property
    def rows_per_step(self) -> int:
        """Rows that one optimizer step sees."""
        return self.size * self.accumulation


class RowsBlock(SettingsBlock):
    """How files are read, and how their rows are weighted and batched."""

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
    batching: Annotated[Literal["padding", "length", "packing"], Flag("--batching", panel=TRAINING)] = Field(
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


class ValidationBlock(SettingsBlock):
    """The loss on rows that are not trained on."""

    data: Annotated[
        str | None,
        Flag("--validation", panel=DATA, complete=runs_of("build-data", "gen-instructions")),
        Kind("RUN|FILE|FRACTION|none"),
        Unset("validation.jsonl of the data runs"),
    ] = Field(default=None, description="Rows to validate on: a run, a file, or a share of the training rows")
    rows: int = Field(default=200, ge=1, description="Maximum number of validation rows")
    every: Annotated[int, Flag("--eval-steps", panel=TRAINING)] = Field(
        default=50, ge=1, description="Steps between validations; the last step is always validated"
    )
    per_epoch: float | None = Field(default=None, gt=0, description="Validations per epoch, instead of every")
    taken: Literal["random", "last"] = Field(
        default="random", description="What a share is: random rows, or the last ones of each source in file order"
    )
    keep_best: Annotated[bool, Flag("--keep-best", panel=TRAINING)] = Field(
        default=False, description="Keep the weights with the lowest validation loss instead of the last ones"
    )
    patience: Annotated[int | None, Flag("--patience", panel=TRAINING), Unset("all steps are made")] = Field(
        default=None, ge=1, description="Stop after this many validations without a lower loss (early stopping)"
    )

    @field_validator("data", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, (float, Path)) else value

    @model_validator(mode="after")
    def _is_a_share(self) -> Self:
        if self.fraction is not None and not 0 < self.fraction < 1:
            raise ValueError(f"data is a share between 0 and 1, or a file: {self.data}")
        if self.data == NO_VALIDATION and (self.keep_best or self.patience):
            raise ValueError("keep_best and patience need validation rows, and data is none")
        return self

    @property
    def fraction(self) -> float | None:
        """The share of the training rows to validate on, if `data` is one."""
        try:
            return float(self.data or "")
        except ValueError:
            return None

    @property
    def path(self) -> Path | None:
        """The file or run to validate on, if `data` names one."""
        return Path(self.data) if self.data and self.data != NO_VALIDATION and self.fraction is None else None


class ProbeBlock(SettingsBlock):
    """Answers of the model to validation rows during training."""

    every: Annotated[int | None, Flag("--probe", panel=TRAINING), Unset("no probes")] = Field(
        default=None, ge=1, description="Steps between probes: a few validation rows are answered and measured"
    )
    rows: int = Field(default=4, ge=1, le=256, description="Validation rows per probe")
    max_new_tokens: int = Field(default=128, ge=1, description="Maximum tokens of an answer")


class FinetuneSettings(StageSettings):
    """The settings of `coma finetune`."""

    EXTENT: ClassVar[frozenset[str]] = frozenset({"epochs", "max_steps"})
    ALTERNATIVES: ClassVar[tuple[frozenset[str], ...]] = (
        frozenset({"epochs", "max_steps"}),
        frozenset({"optimizer.warmup_steps", "optimizer.warmup_ratio"}),
    )

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
        Literal["lora", "qlora", "int8-lora", "full"],
        Flag("--lora", sets="lora", panel=TRAINING, help="Train an adapter (the default)"),
        Flag("--qlora", sets="qlora", panel=TRAINING, help="Train an adapter on a base quantized to 4 bits"),
        Flag("--int8-lora", sets="int8-lora", panel=TRAINING, help="Train an adapter on a base quantized to 8 bits"),
        Flag("--full", sets="full", panel=TRAINING, help="Train all weights"),
    ] = Field(
        default="lora", description="What is trained: an adapter, an adapter on a 4-bit or 8-bit base, or all weights"
    )
    from_adapter: Annotated[
        Path | None,
        Flag("--from-adapter", panel=DATA, complete=runs_of("finetune")),
        Kind("RUN|DIR"),
        Unset("new matrices"),
    ] = Field(default=None, description="Adapter to continue from: a finetune run or an adapter's folder")
    data: Annotated[
        list[Path] | None,
        Flag("--data", panel=DATA, repeat=True, complete=runs_of("build-data", "gen-instructions")),
        Kind("RUN|FILE|ID"),
        Unset("the latest build-data and gen-instructions runs"),
    ] = Field(
        default=None,
        description="Rows to train on: a run, a file of rows, or a data set on the Hugging Face Hub "
        "(OWNER/NAME, OWNER/NAME@REVISION, OWNER/NAME:FILES)",
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
    departures: list[str] = Field(
        default_factory=list, description="How these settings depart from the published recipe that they follow"
    )
    push_to_hub: PushModel = None
    public: Public = False
    lora: LoraBlock = LoraBlock()
    optimizer: OptimizerBlock = OptimizerBlock()
    batch: BatchBlock = BatchBlock()
    rows: RowsBlock = RowsBlock()
    validation: ValidationBlock = ValidationBlock()
    probe: ProbeBlock = ProbeBlock()
    runtime: FinetuneRuntime = FinetuneRuntime()

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.epochs is not None and self.max_steps is not None:
            raise ValueError("epochs and max_steps exclude each other: give one of them")
        return self

    @model_validator(mode="after")
    def _has_an_adapter(self) -> Self:
        if self.from_adapter is not None and self.mode == "full":
            raise ValueError("from_adapter continues an adapter, and mode full trains all weights: merge it first")
        if self.lora.changes_the_base and (self.mode != "lora" or self.from_adapter is not None):
            raise ValueError(
                f"lora.init {self.lora.init} changes the base's weights: it needs mode lora and new matrices"
            )
        return self

    @property
    def template_file(self) -> Path | None:
        """The user's own template file, if `template` is one."""
        return file_of_template(self.template)

    @property
    def can_be_extended(self) -> bool:
        """Whether the steps so far do not depend on how many there will be."""
        return self.optimizer.schedule == "constant" and self.optimizer.warmup_ratio is None

    def extent(self) -> dict[str, Any]:
        """How long to train, if more steps extend the same run."""
        return super().extent() if self.can_be_extended else {}

    def identity(self) -> dict[str, Any]:
        """All that decides the weights; data counts by its content, which is among the run's inputs."""
        length = {} if self.can_be_extended else super().extent()
        identity = super().identity()
        identity.pop("data")
        for name in ("departures", *ELSEWHERE):
            identity.pop(name)
        if self.from_adapter is not None:
            identity["from_adapter"] = "adapter"
        if self.validation.path is not None:
            identity["validation"]["data"] = "file"
        if self.template_file is not None:  # it counts by its content, which is among the inputs too
            identity["template"] = "file"
        return {**identity, **length}
