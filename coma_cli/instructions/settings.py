"""The settings of `coma gen-instructions`."""

import math
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from coma_cli.catalog.bases import BASES, DEFAULT_BASE
from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.cleaning.rules import CleaningRules
from coma_cli.corpus.dedup.rules import NearRules
from coma_cli.engines.chat import SERVER, Connection
from coma_cli.engines.choose import EngineName
from coma_cli.engines.interface import Decoding
from coma_cli.instructions.proving.levels import DEFAULT_KEEP, LEVELS, level_to_keep
from coma_cli.instructions.proving.settings import PROOF, ProofSettings
from coma_cli.models.prices import REMOTE_MODELS
from coma_cli.records import TextLanguage
from coma_cli.settings import (
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

INPUT, LIMITS, LOCAL = "Input", "Limits", "Model on this machine"
_NUM = 100
_SERVED_MODEL = "gpt-3.5-turbo"  # CodeCapybara's


InstructionCheck = Literal[
    "odd-start", "cut-off", "names-no-task", "names-another-language", "copies-the-code", "near-repeat"
]


class GenRuntime(Runtime, Connection):
    """How requests are sent to a server, or a model runs on this machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: Annotated[Device, Flag("--device", panel=LOCAL)] = "auto"
    batch_size: Annotated[int | None, Flag("--batch-size", panel=LOCAL), Unset("16 on a CPU, 64 on a GPU")] = Field(
        default=None, ge=1, description="Answers computed together"
    )
    trust_remote_code: Annotated[TrustRemoteCode, Flag("--trust-remote-code", panel=LOCAL)] = False
    allow_pickle: Annotated[AllowPickle, Flag("--allow-pickle", panel=LOCAL)] = False


class Round(BaseModel):
    """How the answers of one round are sampled."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float
    top_p: float
    max_new_tokens: int

    def decoding(self, longest: int | None = None) -> Decoding:
        """The form that engines take; `longest` is another limit of tokens than that of the settings."""
        return Decoding(self.temperature, self.top_p, 0, self.max_new_tokens if longest is None else longest)


class RoundOne(Round):
    """Round one, the instructions: varied and short."""

    temperature: float = Field(default=0.7, ge=0, le=2, description="Temperature; 0 is greedy")
    top_p: float = Field(default=0.95, gt=0, le=1, description="Top-p (nucleus); 1 disables")
    max_new_tokens: int = Field(
        default=300, ge=16, le=32768, description="Max new tokens per instruction; longer ones are dropped"
    )
    requirements: Literal["coma", "codecapybara"] = Field(
        default="coma",
        description="What instructions are required to be: tasks that a single program solves, or as in CodeCapybara's "
        "recipe; length, wording, and whether input and output are described vary by seed",
    )


class RoundTwo(Round):
    """Round two, the programs: close to greedy, and longer."""

    temperature: float = Field(default=0.2, ge=0, le=2, description="Temperature; 0 is greedy")
    top_p: float = Field(default=0.95, gt=0, le=1, description="Top-p (nucleus); 1 disables")
    max_new_tokens: int = Field(
        default=1024, ge=16, le=32768, description="Max new tokens per program; longer ones are dropped"
    )


class PriceSettings(BaseModel):
    """Prices to use instead of the built-in list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_usd_per_mtok: Annotated[float | None, Unset("the model's list price")] = Field(
        default=None, ge=0, description="USD per million prompt tokens"
    )
    output_usd_per_mtok: Annotated[float | None, Unset("the model's list price")] = Field(
        default=None, ge=0, description="USD per million completion tokens"
    )


class Filters(BaseModel):
    """What a row must satisfy to be kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_words: int = Field(
        default=8, ge=1, description="Minimum words per instruction; a Chinese character counts as one"
    )
    max_words: int = Field(default=300, ge=1, description="Maximum words per instruction")
    min_program_lines: int = Field(default=3, ge=1, description="Minimum lines of code per program")
    checks: Annotated[tuple[InstructionCheck, ...] | None, Kind("CHECK,..."), Unset("all of them")] = Field(
        default=None, description=f"Further checks of instructions, of {', '.join(get_args(InstructionCheck))}"
    )
    must_run: bool = Field(
        default=True,
        description="Request programs with a main part, and drop Python programs that only define things; without it, "
        "programs without main part, tests and comments are requested",
    )

    @property
    def instruction_checks(self) -> tuple[InstructionCheck, ...]:
        """The checks to make, all of them unless some are named."""
        return get_args(InstructionCheck) if self.checks is None else self.checks


def _is_level_to_keep(expression: str) -> str:
    return f"proof>={level_to_keep(expression)}"


# The location of an input does not change the rows; its content is hashed as an input of the run.
_PLACES = frozenset({"seed_code", "from_repo", "pending", "bench_data", "engine"})


class GenSettings(StageSettings):
    """Settings of gen-instructions."""

    EXTENT: ClassVar[frozenset[str]] = frozenset({"num", "num_kept", "max_usd", "price"})

    model: Annotated[
        str, Flag("--model", panel=SERVER, complete=lambda _: (*REMOTE_MODELS, *BASES)), Kind("NAME|RUN|DIR|ID")
    ] = Field(
        default=_SERVED_MODEL,
        min_length=1,
        description="Model that writes the rows, by the server's name for it; with --engine transformers or vllm a "
        f"run, a name that coma knows, a local folder or a Hugging Face id ({DEFAULT_BASE} if none is given)",
    )
    engine: Annotated[EngineName, Flag("--engine", panel=SERVER)] = Field(
        default="openai",
        description="What runs the model: any OpenAI-compatible server, or this machine, which costs nothing",
    )
    dtype: Annotated[Dtype, Flag("--dtype", panel=LOCAL)] = Field(default="auto", description="Dtype of the weights")
    engine_args: Annotated[
        dict[str, Any], Flag("--engine-arg", panel=LOCAL, repeat=True), Kind("NAME=VALUE"), Unset("none")
    ] = Field(default={}, description="Arguments of vLLM's engine, as tensor_parallel_size=2")
    seed_code: Annotated[
        Path | None,
        Flag("--seed-code", panel=INPUT, complete=runs_of("build-data")),
        Kind("RUN|FILE|DIR"),
        Unset("the latest build-data run"),
    ] = Field(
        default=None,
        description="Code functions to start from: a build-data run, a folder of LANGUAGE/train.jsonl, or a JSONL file",
    )
    from_repo: Annotated[Path | None, Flag("--from-repo", panel=INPUT), Kind("DIR")] = Field(
        default=None, description="Instead, start from the functions of a folder of code, in eleven languages"
    )
    pending: Annotated[str | None, Flag("--pending", panel=INPUT, complete=runs_of("build-data")), Kind("RUN|FILE")] = (
        Field(
            default=None,
            description="Instead, answer the requests for missing rows of a build-data run (pending.jsonl)",
        )
    )
    wordings: Annotated[int | None, Flag("--wordings", panel=INPUT), Unset("none")] = Field(
        default=None,
        ge=1,
        le=100,
        description="Instead, write this number of further wordings per table of build-data's tasks, in --lang",
    )
    tasks: Annotated[
        tuple[str, ...] | None,
        Flag("--tasks", panel=INPUT, split=True, complete=lambda _: TASKS),
        Kind("NAME,..."),
        Unset("those of --pending, else all"),
    ] = Field(default=None, description="Tasks to write wordings for, with --wordings")
    languages: Annotated[list[str] | None, Kind("NAME,..."), Unset("all")] = Field(
        default=None, description="Programming languages of the code functions to use"
    )
    language: Annotated[str, Kind("NAME")] = Field(
        default="python", description="Programming language of code functions whose rows do not name one"
    )
    text_language: Annotated[TextLanguage, Flag("--lang", panel=INPUT, complete=lambda _: get_args(TextLanguage))] = (
        Field(default="en", description="Language of the instructions")
    )
    num: Annotated[
        int | None, Flag("--num", panel=LIMITS), Unset(f"{_NUM}; all with --num-kept or --num-per-language")
    ] = Field(default=None, ge=1, description="Code functions to use (two calls each), or requests to answer")
    num_kept: Annotated[int | None, Flag("--num-kept", panel=LIMITS), Unset("as many as --num gives")] = Field(
        default=None, ge=1, description="Use more code functions until this number of rows is kept"
    )
    num_per_language: Annotated[int | None, Flag("--num-per-language", panel=LIMITS), Unset("no limit")] = Field(
        default=None, ge=1, description="Maximum number of code functions per programming language"
    )
    max_usd: Annotated[float | None, Flag("--max-usd", panel=LIMITS), Kind("USD"), Unset("no limit")] = Field(
        default=None, gt=0, description="Maximum total cost of this run in dollars; it is never exceeded"
    )
    reparse: Annotated[bool, Flag("--reparse", panel=LIMITS)] = Field(
        default=False,
        description="Make rows from stored answers alone, without a call, as after an update that reads them better",
    )
    price: PriceSettings = PriceSettings()
    round_one: RoundOne = RoundOne()
    round_two: RoundTwo = RoundTwo()
    functions_per_request: Annotated[int, Flag("--functions-per-request", panel=LIMITS)] = Field(
        default=1, ge=1, le=20, description="Code functions per request of round one, answered in JSON by name"
    )
    second_round: Annotated[Literal["from-code", "from-instruction"], Flag("--round-two")] = Field(
        default="from-code",
        description="What round two sees: instruction and function, so that the program is built around the function "
        "(others are dropped), or the instruction alone",
    )
    max_code_chars: int = Field(
        default=6000, ge=100, description="Maximum length of a code function in characters; longer ones are skipped"
    )
    filters: Filters = Filters()
    keep: Annotated[
        str,
        AfterValidator(_is_level_to_keep),
        Flag("--keep", panel=PROOF, complete=lambda _: [f"proof>={level}" for level in LEVELS]),
        Kind("proof>=LEVEL"),
    ] = Field(
        default=DEFAULT_KEEP,
        description="Least proof of rows to keep: parsed, ran, called (the function was executed), tested or "
        "cross-checked; every row states its own",
    )
    repair: Annotated[int, Flag("--repair", panel=PROOF)] = Field(
        default=0, ge=0, le=10, description="Times that a program that fails is sent back with its error to be repaired"
    )
    self_test: Annotated[bool, Flag("--self-test", panel=PROOF)] = Field(
        default=False, description="Also request asserts for each Python program, and try them on injected bugs"
    )
    tries: Annotated[int, Flag("--tries", panel=PROOF)] = Field(
        default=1,
        ge=1,
        le=20,
        description="Python programs to request per instruction; they are compared by running, and one of the largest "
        "group that agrees is kept",
    )
    proof: ProofSettings = ProofSettings()
    cleaning: CleaningRules = CleaningRules()
    near: NearRules = NearRules()
    decontaminate: bool = Field(default=True, description="Drop rows that share text with a benchmark")
    bench_data: Annotated[Path | None, Kind("FILE|DIR")] = Field(
        default=None, description="Benchmark problems (MBPP and others) to decontaminate against"
    )
    validation_share: float = Field(
        default=0.05, ge=0, lt=1, description="Share of rows to hold out for validation (0 to less than 1)"
    )
    licence: Annotated[str, Kind("NAME")] = Field(
        default="unknown", min_length=1, description="Licence of code functions whose rows do not name one"
    )
    runtime: GenRuntime = GenRuntime()

    @model_validator(mode="before")
    @classmethod
    def _with_a_model_that_the_engine_has(cls, values: Any) -> Any:
        """A model of this machine is the embedded base unless one is named."""
        is_local = isinstance(values, dict) and values.get("engine") in ("transformers", "vllm")
        return {"model": DEFAULT_BASE, **values} if is_local else values

    @field_validator("engine_args")
    @classmethod
    def _as_yaml(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Values of options are words; as in YAML, `false` is false and 3 a number."""
        return {name: yaml.safe_load(given) if isinstance(given, str) else given for name, given in value.items()}

    @model_validator(mode="after")
    def _one_input(self) -> Self:
        given = [name for name in ("seed_code", "from_repo", "pending") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"give only one of {' and '.join(given)}")
        if self.pending is not None and (self.num_kept or self.num_per_language):
            raise ValueError("num_kept and num_per_language are for code functions: omit them with pending")
        if self.wordings is not None and (self.seed_code or self.from_repo or self.num_kept or self.num_per_language):
            raise ValueError("wordings need no code: omit seed_code, from_repo, num_kept and num_per_language")
        return self

    @property
    def most_items(self) -> int:
        """The most code functions, or requests, that the run uses."""
        if self.num is None and (self.num_kept or self.num_per_language):
            return sys.maxsize
        return self.num or _NUM

    def in_whole_requests(self, count: int) -> int:
        """That many code functions or a few more, so that a larger number later has the same ones in each request."""
        return math.ceil(count / self.functions_per_request) * self.functions_per_request

    @property
    def is_local(self) -> bool:
        """Whether the model runs on this machine."""
        return self.engine != "openai"

    @property
    def server(self) -> str:
        """What tells answers of this server from those of others; "" for OpenAI's own."""
        if self.is_local:
            return self.engine
        from coma_cli.engines.openai_engine import OWN_ADDRESS, counts_as

        url = counts_as(self.runtime)
        return "" if url == OWN_ADDRESS else url

    def identity(self) -> dict[str, Any]:
        """All that changes a row."""
        kept = {name: value for name, value in super().identity().items() if name not in _PLACES}
        return {**kept, "server": self.server}
