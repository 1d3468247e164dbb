"""The settings of `coma gen-instructions`."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from coma_cli.corpus.cleaning.cleaning import CleaningRules
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.engines.chat import Connection
from coma_cli.engines.interface import Decoding
from coma_cli.records import TextLanguage
from coma_cli.settings import Runtime, StageSettings


class GenRuntime(Runtime, Connection):
    """The server and how to connect to it, besides what every command's runtime has."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Round(BaseModel):
    """How the answers of one round are sampled."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float
    top_p: float
    max_new_tokens: int

    def decoding(self) -> Decoding:
        """The form that engines take."""
        return Decoding(self.temperature, self.top_p, 0, self.max_new_tokens)


class RoundOne(Round):
    """Instructions: varied, and short."""

    temperature: float = Field(default=0.7, ge=0, le=2, description="Temperature; 0 is greedy.")
    top_p: float = Field(default=0.95, gt=0, le=1, description="Nucleus; 1 cuts nothing.")
    max_new_tokens: int = Field(
        default=300, ge=16, le=32768, description="Longest instruction; longer ones are dropped."
    )


class RoundTwo(Round):
    """Programs: close to greedy, and longer."""

    temperature: float = Field(default=0.2, ge=0, le=2, description="Temperature; 0 is greedy.")
    top_p: float = Field(default=0.95, gt=0, le=1, description="Nucleus; 1 cuts nothing.")
    max_new_tokens: int = Field(default=1024, ge=16, le=32768, description="Longest program; longer ones are dropped.")


class PriceSettings(BaseModel):
    """Prices that override the table's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_usd_per_mtok: float | None = Field(default=None, ge=0, description="USD for a million tokens of prompt.")
    output_usd_per_mtok: float | None = Field(default=None, ge=0, description="USD for a million tokens of answer.")


class Filters(BaseModel):
    """What a row must satisfy to be kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_words: int = Field(default=8, ge=1, description="Fewest words of an instruction; a Chinese sign counts as one.")
    max_words: int = Field(default=300, ge=1, description="Most words of an instruction.")
    min_program_lines: int = Field(default=3, ge=1, description="Fewest lines with code of a program.")
    must_run: bool = Field(default=True, description="Refuse Python programs that only define things and do nothing.")


# Paths do not change the rows; what they hold counts as an input.
_PLACES = frozenset({"seed_code", "pending", "bench_data", "engine"})


class GenSettings(StageSettings):
    """Settings of gen-instructions."""

    EXTENT: ClassVar[frozenset[str]] = frozenset({"num", "max_usd", "price"})

    model: str = Field(
        default="gpt-3.5-turbo", min_length=1, description="The model that writes, by the server's name."
    )
    engine: Literal["openai"] = Field(default="openai", description="What asks it: any OpenAI-compatible server.")
    seed_code: Path | None = Field(
        default=None,
        description="Code functions: a folder of <language>/train.jsonl, or a JSONL file; default: newest build-data.",
    )
    pending: str | None = Field(
        default=None,
        description="Answer requests for rows that upstream lacks instead: a run of build-data, or its pending.jsonl.",
    )
    languages: list[str] | None = Field(
        default=None, description="Programming languages to take; default: all there are."
    )
    language: str = Field(default="python", description="Language of seed rows that do not say theirs.")
    text_language: TextLanguage = Field(default="en", description="Language of the instructions: en or cn.")
    num: int = Field(default=100, ge=1, description="Code functions (or requests) to use, each for one row.")
    max_usd: float | None = Field(default=None, gt=0, description="Dollars this run may cost in all; default: no cap.")
    price: PriceSettings = PriceSettings()
    round_one: RoundOne = RoundOne()
    round_two: RoundTwo = RoundTwo()
    max_code_chars: int = Field(
        default=6000, ge=100, description="Longest code function in characters; longer ones are passed over."
    )
    filters: Filters = Filters()
    cleaning: CleaningRules = CleaningRules()
    near: NearRules = NearRules()
    decontaminate: bool = Field(default=True, description="Leave out rows that share text with a benchmark.")
    bench_data: Path | None = Field(
        default=None, description="File or folder of benchmark problems (MBPP) to keep clear of."
    )
    validation_share: float = Field(
        default=0.05, ge=0, lt=1, description="Share of rows for validation (0 to below 1)."
    )
    licence: str = Field(
        default="unknown", min_length=1, description="Licence of the seed code, where rows do not say theirs."
    )
    runtime: GenRuntime = GenRuntime()

    def identity(self) -> dict[str, Any]:
        """All that changes a row."""
        return {name: value for name, value in super().identity().items() if name not in _PLACES}
