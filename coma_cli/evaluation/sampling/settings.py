"""The settings of `coma sample`."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, get_args

from pydantic import Field, field_validator

from coma_cli.catalog import canonical
from coma_cli.catalog.bases import BASES
from coma_cli.catalog.benchmarks import BENCHMARKS, SAMPLED, VALIDATION
from coma_cli.engines.chat import Connection
from coma_cli.engines.choose import EngineName, engine_name
from coma_cli.engines.interface import Decoding
from coma_cli.models.quantization import Quantization
from coma_cli.models.resolution import Trust
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
from coma_cli.workspace import runs_of

ENGINES = ("auto", *get_args(EngineName))
BENCHMARK, SAMPLING, MODEL = "Benchmark and model", "Sampling", "Execution"
MOST_SAMPLES = 100_000  # per problem: 500 times what pass@100 is published with; all rows are planned in advance


class SampleRuntime(Runtime, Connection):
    """How the model runs on this machine, or the server that runs it."""

    model_config = SETTINGS_CONFIG

    device: Annotated[Device, Flag("--device", panel=MODEL)] = "auto"
    batch_size: Annotated[
        int | None, Flag("--batch-size", panel=MODEL), Unset("as memory permits, at most 64 on a CPU")
    ] = Field(default=None, ge=1, description="Batch size")
    trust_remote_code: Annotated[TrustRemoteCode, Flag("--trust-remote-code", panel=MODEL)] = False
    allow_pickle: Annotated[AllowPickle, Flag("--allow-pickle", panel=MODEL)] = False

    @property
    def trust(self) -> Trust:
        """What may be executed to load the model."""
        return Trust(self.trust_remote_code, self.allow_pickle)


class SampleSettings(StageSettings):
    """The settings of `coma sample`."""

    EXTENT: ClassVar[frozenset[str]] = frozenset({"n", "limit", "task_ids"})

    bench: Annotated[str, Flag("--bench", panel=BENCHMARK, complete=lambda _: SAMPLED), Kind("NAME")] = Field(
        default="humaneval",
        description=f"Benchmark: {', '.join(BENCHMARKS)}; or {VALIDATION}: rows held out from the model's own data",
    )
    bench_data: Annotated[Path | None, Flag("--bench-data", panel=BENCHMARK), Kind("FILE|DIR")] = Field(
        default=None, description="Published file of the benchmark, or its folder; for validation a run or any rows"
    )
    model: Annotated[
        str | None,
        Flag(
            "--model",
            "--model-name-or-path",
            panel=BENCHMARK,
            complete=lambda root: (*runs_of("merge-lora", "finetune")(root), *BASES),
        ),
        Kind("RUN|NAME|DIR|ID"),
        Unset("the merge of the latest finetune run"),
    ] = Field(default=None, description="Model: a run, a name that coma knows, a local folder or a Hugging Face id")
    revision: Annotated[str | None, Flag("--revision", panel=BENCHMARK), Kind("NAME"), Unset("the latest")] = Field(
        default=None, description="Commit, branch or tag of a model on the Hugging Face Hub"
    )
    template: Annotated[
        str,
        Flag("--template", panel=BENCHMARK, complete=lambda _: TEMPLATE_CHOICES),
        Kind("NAME|FILE"),
    ] = Field(
        default="auto",
        description=f"Prompt template: {', '.join(TEMPLATE_CHOICES)}, or a Jinja file; auto is the model's own, else "
        "raw continuation",
    )
    allow_template_mismatch: Annotated[bool, Flag("--allow-template-mismatch", panel=BENCHMARK)] = Field(
        default=False, description="Accept a template other than the one the model was tuned with"
    )
    n: Annotated[int, Flag("-n", "--n-samples", panel=SAMPLING)] = Field(
        default=1, ge=1, le=MOST_SAMPLES, description="Completions per problem (and temperature)"
    )
    limit: Annotated[int | None, Flag("--limit", panel=BENCHMARK), Unset("all")] = Field(
        default=None, ge=1, description="Sample only the first problems of the benchmark, up to this number"
    )
    task_ids: Annotated[
        tuple[str, ...] | None, Flag("--task-ids", panel=BENCHMARK, split=True), Kind("ID,..."), Unset("all")
    ] = Field(default=None, description="Sample only these problems, as HumanEval/3 or 3")
    temperature: Annotated[tuple[float, ...], Flag("--temperature", panel=SAMPLING, split=True), Kind("T,...")] = Field(
        default=(0.2,), min_length=1, description="Temperature, or several; 0 is greedy"
    )
    top_p: Annotated[float, Flag("--top-p", panel=SAMPLING)] = Field(
        default=0.95, gt=0, le=1, description="Top-p (nucleus); 1 disables"
    )
    top_k: Annotated[int, Flag("--top-k", panel=SAMPLING)] = Field(default=0, ge=0, description="Top-k; 0 disables")
    max_new_tokens: Annotated[int, Flag("--max-new-tokens", panel=SAMPLING)] = Field(
        default=512, ge=1, description="Max new tokens"
    )
    stop: Annotated[tuple[str, ...] | None, Unset("the benchmark's, for a continuation")] = Field(
        default=None, description="Texts that end a completion"
    )
    deterministic: Annotated[bool, Flag("--deterministic", panel=SAMPLING)] = Field(
        default=False,
        description="Give every completion the same bits whatever else is sampled, before, after or beside it; slower",
    )
    engine: Annotated[str, Flag("--engine", panel=MODEL, complete=lambda _: ENGINES), Kind("|".join(ENGINES))] = Field(
        default="auto", description="What runs the model; auto is openai if a base URL is given"
    )
    dtype: Annotated[Dtype, Flag("--dtype", panel=MODEL)] = Field(default="auto", description="Dtype of the weights")
    quantize: Annotated[Quantization, Flag("--quantize", panel=MODEL)] = Field(
        default="none", description="Round the weights to 8 or 4 bits; approximate"
    )
    runtime: SampleRuntime = SampleRuntime()

    @field_validator("bench")
    @classmethod
    def _as_in_the_catalogue(cls, value: str) -> str:
        return canonical(value, SAMPLED)

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
        """The engine that `engine` stands for.

        Raises:
            UsageError: no engine has that name.
        """
        return engine_name(self.engine, self.runtime.base_url)

    @property
    def template_file(self) -> Path | None:
        """The user's own template file, if `template` is one."""
        return file_of_template(self.template)

    def decoding(self, temperature: float) -> Decoding:
        """How rows of one temperature are sampled."""
        return Decoding(temperature, self.top_p, self.top_k, self.max_new_tokens)

    def identity(self) -> dict[str, Any]:
        """Everything that determines a row; model, benchmark and template file count by content, as inputs."""
        identity = super().identity()
        for elsewhere in ("model", "revision", "bench_data", "allow_template_mismatch"):
            identity.pop(elsewhere)
        own_file = {"template": "file"} if self.template_file else {}
        return {**identity, "engine": self.engine_name, **own_file}
