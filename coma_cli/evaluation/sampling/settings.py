"""The settings of `coma sample`."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from coma_cli.engines.chat import Connection
from coma_cli.engines.choose import EngineName, engine_name
from coma_cli.engines.interface import Decoding
from coma_cli.models.resolution import Trust
from coma_cli.prompting import TEMPLATE_SUFFIXES
from coma_cli.settings import SETTINGS_CONFIG, Runtime, StageSettings

Dtype = Literal["auto", "float32", "bfloat16", "float16", "fp32", "bf16", "fp16"]
MOST_SAMPLES = 100_000  # per problem: 500 times what pass@100 is published with; all rows are planned in advance


class SampleRuntime(Runtime, Connection):
    """How the model is run on this machine, or which server is used."""

    model_config = SETTINGS_CONFIG

    batch_size: int | None = Field(
        default=None, ge=1, description="Batch size; default: as memory permits, at most 32 on a CPU."
    )
    trust_remote_code: bool = Field(default=False, description="Run Python code from the model's own repository.")
    allow_pickle: bool = Field(default=False, description="Load weights stored as Python pickles.")

    @property
    def trust(self) -> Trust:
        """What may be executed to load the model."""
        return Trust(self.trust_remote_code, self.allow_pickle)


class SampleSettings(StageSettings):
    """Settings of `coma sample`."""

    EXTENT: ClassVar[frozenset[str]] = frozenset({"n", "limit", "task_ids"})

    bench: str = Field(
        default="humaneval", description="The benchmark: humaneval, humaneval+, mbpp, mbpp+ or mbpp-sanitized."
    )
    bench_data: Path | None = Field(default=None, description="The benchmark's published file, or its folder.")
    model: str | None = Field(
        default=None,
        description="Run folder, model folder, catalogue name or Hub id; default: the merge of the latest finetune.",
    )
    revision: str | None = Field(default=None, description="Commit, branch or tag of a model on the Hugging Face Hub.")
    engine: str = Field(default="auto", description="auto, transformers or openai; auto: openai if base_url is given.")
    template: str = Field(
        default="auto",
        description="auto (the model's own, else continuation), chat, alpaca, capybara, chatml, raw, or a Jinja file.",
    )
    allow_template_mismatch: bool = Field(
        default=False, description="Accept a template other than the one the model was tuned with."
    )
    n: int = Field(default=1, ge=1, le=MOST_SAMPLES, description="Completions per problem and temperature.")
    limit: int | None = Field(default=None, ge=1, description="Use only the first problems of the benchmark.")
    task_ids: tuple[str, ...] | None = Field(default=None, description="Use only these problems, as HumanEval/3 or 3.")
    temperature: tuple[float, ...] = Field(default=(0.2,), min_length=1, description="Temperatures; 0 is greedy.")
    top_p: float = Field(default=0.95, gt=0, le=1, description="Top-p (nucleus); 1 disables.")
    top_k: int = Field(default=0, ge=0, description="Top-k; 0 disables.")
    max_new_tokens: int = Field(default=512, ge=1, description="Max new tokens per completion.")
    stop: tuple[str, ...] | None = Field(
        default=None, description="Stop texts that end a completion; default: those of the benchmark for continuation."
    )
    dtype: Dtype = Field(default="auto", description="Dtype of the weights: auto, float32, bfloat16, float16.")
    runtime: SampleRuntime = SampleRuntime()

    @field_validator("temperature", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        if isinstance(value, str):
            return [part for part in value.split(",") if part.strip()]
        return [value] if isinstance(value, (int, float)) else value

    @field_validator("temperature")
    @classmethod
    def _distinct(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 <= temperature <= 10 for temperature in value):
            raise ValueError("a temperature must be between 0 and 10")
        if len({f"{temperature:g}" for temperature in value}) < len(value):
            raise ValueError("temperatures must differ in their first six digits")
        return value

    @field_validator("task_ids", "stop", mode="before")
    @classmethod
    def _one_text(cls, value: Any) -> Any:
        return [str(value)] if isinstance(value, (str, int)) else value

    @property
    def engine_name(self) -> EngineName:
        """The engine for `engine`.

        Raises:
            UsageError: no engine has that name.
        """
        return engine_name(self.engine, self.runtime.base_url)

    @property
    def template_file(self) -> Path | None:
        """The user's own template, if `template` is one."""
        return Path(self.template) if self.template.endswith(TEMPLATE_SUFFIXES) else None

    def decoding(self, temperature: float) -> Decoding:
        """The sampling settings for one temperature."""
        return Decoding(temperature, self.top_p, self.top_k, self.max_new_tokens)

    def identity(self) -> dict[str, Any]:
        """Everything that determines a row; model, benchmark and template file count by content, as inputs."""
        identity = super().identity()
        for elsewhere in ("model", "revision", "bench_data", "allow_template_mismatch"):
            identity.pop(elsewhere)
        own_file = {"template": "file"} if self.template_file else {}
        return {**identity, "engine": self.engine_name, **own_file}
