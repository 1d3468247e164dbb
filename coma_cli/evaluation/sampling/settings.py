"""The settings of `coma sample`."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

import yaml
from pydantic import Field, field_validator, model_validator

from coma_cli.catalog import canonical
from coma_cli.catalog.bases import BASES
from coma_cli.catalog.benchmarks import BENCHMARKS, PROMPTS, SAMPLED, VALIDATION
from coma_cli.catalog.benchmarks.own_names import with_own_file
from coma_cli.engines.chat import Connection
from coma_cli.engines.choose import EngineChoice, EngineName, choose_engine
from coma_cli.engines.interface import Decoding
from coma_cli.engines.unsupported import UNSUPPORTED, option_of
from coma_cli.models.quantization import Quantization
from coma_cli.models.resolution import Trust
from coma_cli.parallel.ray_cluster import Cluster
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
ExportForm = Literal["human-eval", "evalplus", "bigcode"]
MOST_SAMPLES = 100_000  # per problem: 500 times what pass@100 is published with; all rows are planned in advance


def _protocol_names() -> list[str]:
    return ["auto", *dict.fromkeys(protocol.name for entry in SAMPLED.values() for protocol in entry.protocols)]


class SampleRuntime(Runtime, Connection):
    """How the model runs on this machine, or the server that runs it."""

    model_config = SETTINGS_CONFIG

    device: Annotated[Device, Flag("--device", panel=MODEL)] = "auto"
    devices: Annotated[str | None, Flag("--devices", panel=MODEL), Kind("N|0,1|cpu,cpu"), Unset("one device")] = Field(
        default=None,
        pattern=r"^([1-9]\d*|cuda:\d+|cpu|((cuda:)?\d+|cpu)(\s*,\s*((cuda:)?\d+|cpu))+)$",
        description="Sample on several devices at once: how many, or which, with a process each",
    )
    cluster: Annotated[Cluster | None, Flag("--cluster", panel=MODEL), Unset("this machine only")] = Field(
        default=None,
        description="Sample on the nodes of a Ray cluster (RAY_ADDRESS), which must see the model at the same path",
    )
    batch_size: Annotated[
        int | None, Flag("--batch-size", panel=MODEL), Unset("as memory permits, at most 128 on a CPU")
    ] = Field(default=None, ge=1, description="Batch size")
    trust_remote_code: Annotated[TrustRemoteCode, Flag("--trust-remote-code", panel=MODEL)] = False
    allow_pickle: Annotated[AllowPickle, Flag("--allow-pickle", panel=MODEL)] = False

    @field_validator("devices", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        """In YAML it may be a number, or a list."""
        if isinstance(value, (list, tuple)):
            return ",".join(map(str, value))
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("devices")
    @classmethod
    def _each_once(cls, value: str | None) -> str | None:
        gpus = [part.strip().removeprefix("cuda:") for part in (value or "").split(",") if "cpu" not in part]
        if len(set(gpus)) < len(gpus):
            raise ValueError("names a GPU twice")
        return value

    @property
    def trust(self) -> Trust:
        """What may be executed to load the model."""
        return Trust(self.trust_remote_code, self.allow_pickle)


class SampleSettings(StageSettings):
    """The settings of `coma sample`."""

    EXTENT: ClassVar[frozenset[str]] = frozenset({"n", "limit", "task_ids", "export"})

    bench: Annotated[str, Flag("--bench", panel=BENCHMARK, complete=lambda _: SAMPLED), Kind("NAME|FILE|DIR")] = Field(
        default="humaneval",
        description=f"Benchmark: {', '.join(BENCHMARKS)}; {VALIDATION}: rows held out from the model's own data; "
        f"{PROMPTS}: a file of instructions without answers; or a file or folder of your own rows",
    )
    bench_data: Annotated[Path | None, Flag("--bench-data", panel=BENCHMARK), Kind("FILE|DIR")] = Field(
        default=None,
        description="Published file of the benchmark, or its folder; for validation a run or any rows; for prompts a "
        "file of instructions",
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
    protocol: Annotated[
        str, Flag("--protocol", panel=BENCHMARK, complete=lambda _: _protocol_names()), Kind("NAME")
    ] = Field(
        default="auto",
        description="How problems become prompts, with the sampling settings that belong to it; auto fits the model",
    )
    template: Annotated[
        str,
        Flag("--template", panel=BENCHMARK, complete=lambda _: TEMPLATE_CHOICES),
        Kind("NAME|FILE"),
    ] = Field(
        default="auto",
        description=f"Prompt template: {', '.join(TEMPLATE_CHOICES)}, or a Jinja file; auto is the one that the "
        "model was tuned with, else its chat template, else raw continuation (alpaca for instructions alone)",
    )
    allow_template_mismatch: Annotated[bool, Flag("--allow-template-mismatch", panel=BENCHMARK)] = Field(
        default=False, description="Accept a template other than the one the model was tuned with"
    )
    chat_template_kwargs: Annotated[
        dict[str, Any],
        Flag("--chat-template-kwargs", panel=BENCHMARK, repeat=True),
        Kind("NAME=VALUE"),
        Unset("none"),
    ] = Field(default={}, description="Variables of the model's chat template, as enable_thinking=false")
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
    max_length: Annotated[int | None, Unset("the model's context")] = Field(
        default=None, ge=2, description="Max tokens of prompt and completion together"
    )
    max_reasoning_tokens: Annotated[int, Flag("--max-reasoning-tokens", panel=SAMPLING)] = Field(
        default=4096,
        ge=1,
        description="Max tokens of a reasoning model's reasoning part, which do not count as new tokens",
    )
    min_new_tokens: Annotated[int, Flag("--min-new-tokens", panel=SAMPLING)] = Field(
        default=0, ge=0, description="Min new tokens before the model may end an answer (not for servers)"
    )
    repetition_penalty: Annotated[float, Flag("--repetition-penalty", panel=SAMPLING)] = Field(
        default=1.0, gt=0, le=10, description="Repetition penalty; 1 disables (not for servers)"
    )
    num_beams: Annotated[int, Flag("--num-beams", panel=SAMPLING)] = Field(
        default=1, ge=1, le=64, description="Beams; 1 disables beam search (transformers engine)"
    )
    stop: Annotated[
        tuple[str, ...] | None,
        Flag("--stop", panel=SAMPLING, repeat=True),
        Kind("TEXT"),
        Unset("the protocol's"),
    ] = Field(default=None, description=r"Text that ends a completion; \n is a line break")
    endpoint: Annotated[Literal["chat", "completions"], Flag("--endpoint", panel=MODEL)] = Field(
        default="chat", description="What to request of a server: an answer to a chat, or a completion of a text"
    )
    deterministic: Annotated[bool, Flag("--deterministic", panel=SAMPLING)] = Field(
        default=False,
        description="Give every completion the same bits whatever else is sampled, before, after or beside it; slower",
    )
    engine: Annotated[str, Flag("--engine", panel=MODEL, complete=lambda _: ENGINES), Kind("|".join(ENGINES))] = Field(
        default="auto",
        description="What runs the model; auto is openai if a base URL is given, vllm on a GPU where it is installed, "
        "else transformers",
    )
    engine_args: Annotated[
        dict[str, Any], Flag("--engine-arg", panel=MODEL, repeat=True), Kind("NAME=VALUE"), Unset("none")
    ] = Field(default={}, description="Arguments of vLLM's engine, as tensor_parallel_size=2")
    export: Annotated[
        tuple[ExportForm, ...],
        Flag("--export", panel=BENCHMARK, split=True, complete=lambda _: get_args(ExportForm)),
        Kind("NAME,..."),
        Unset("none"),
    ] = Field(
        default=(),
        description=f"Write the samples in the forms of other tools too: {', '.join(get_args(ExportForm))}",
    )
    dtype: Annotated[Dtype, Flag("--dtype", panel=MODEL)] = Field(default="auto", description="Dtype of the weights")
    quantize: Annotated[Quantization, Flag("--quantize", panel=MODEL)] = Field(
        default="none", description="Round the weights to 8 or 4 bits; approximate"
    )
    runtime: SampleRuntime = SampleRuntime()

    @model_validator(mode="before")
    @classmethod
    def _with_the_settings_of_the_protocol(cls, values: Any) -> Any:
        """What the protocol sets, where nothing else is given; the errors of unknown names come later."""
        values = with_own_file(values, SAMPLED)
        if "bench" not in values and (data := values.get("bench_data")):
            from coma_cli.evaluation.sampling.instruction_files import holds_prompts

            values = {**values, "bench": PROMPTS} if holds_prompts(Path(data)) else values
        bench, name = (values.get(key, cls.model_fields[key].default) for key in ("bench", "protocol"))
        entry = SAMPLED.get(canonical(bench, SAMPLED)) if isinstance(bench, str) else None
        found = next((p for p in entry.protocols if p.name == name), None) if entry else None
        own = found.settings if found else {}
        return {**{key: value for key, value in own.items() if key in cls.model_fields}, **values}

    @field_validator("chat_template_kwargs", "engine_args")
    @classmethod
    def _as_yaml(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Values of options are words; as in YAML, `false` is false and 3 a number."""
        return {name: yaml.safe_load(given) if isinstance(given, str) else given for name, given in value.items()}

    @field_validator("stop")
    @classmethod
    def _with_line_breaks(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """A shell has no short way to write them."""
        return None if value is None else tuple(text.replace("\\n", "\n").replace("\\t", "\t") for text in value)

    @model_validator(mode="after")
    def _lengths_fit(self) -> Self:
        if self.min_new_tokens > self.max_new_tokens:
            raise ValueError("min_new_tokens is above max_new_tokens")
        if self.export and self.bench == PROMPTS:
            raise ValueError("answers to instructions alone have no form of an evaluation tool: omit export")
        return self

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
        return self.engine_choice.name

    @property
    def engine_choice(self) -> EngineChoice:
        """The engine that `engine` stands for, with the reason.

        Raises:
            UsageError: no engine has that name.
        """
        changed = (name for name in UNSUPPORTED["vllm"] if getattr(self, name) != type(self).model_fields[name].default)
        lacking = [*(option_of(name) for name in changed), *(["--deterministic"] if self.deterministic else [])]
        lacking += [f"--{name}" for name in ("devices", "cluster") if getattr(self.runtime, name) is not None]
        cpu = "--device cpu is requested" if self.runtime.device == "cpu" else ""
        against = f"auto does not use vllm with {lacking[0]}" if lacking else cpu
        return choose_engine(self.engine, self.runtime.base_url, not_for_vllm=against)

    @property
    def template_file(self) -> Path | None:
        """The user's own template file, if `template` is one."""
        return file_of_template(self.template)

    def decoding(self, temperature: float, prompt_tokens: int = 0) -> Decoding:
        """How rows of one temperature are sampled, after a prompt of that length."""
        left = self.max_new_tokens if self.max_length is None else max(1, self.max_length - prompt_tokens)
        return Decoding(
            temperature,
            self.top_p,
            self.top_k,
            min(self.max_new_tokens, left),
            repetition_penalty=self.repetition_penalty,
            min_new_tokens=self.min_new_tokens,
            num_beams=self.num_beams,
        )

    @property
    def url(self) -> str | None:
        """The URL that identifies the server of the model, None for an engine in this process."""
        if self.engine_name != "openai":
            return None
        from coma_cli.engines.openai_engine import counts_as

        return counts_as(self.runtime)

    def identity(self) -> dict[str, Any]:
        """Everything that determines a row; model, benchmark and template file count by content, as inputs."""
        identity = super().identity()
        for elsewhere in ("model", "revision", "bench_data", "allow_template_mismatch"):
            identity.pop(elsewhere)
        own_file = {"template": "file"} if self.template_file else {}
        server = {"url": self.url} if self.url else {}
        return {**identity, "engine": self.engine_name, **own_file, **server}
