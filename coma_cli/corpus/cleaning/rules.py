"""The settings of cleaning, apart from it: a command's help needs no parser."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from coma_cli.catalog.licences.kinds import Policy
from coma_cli.flags import Kind, Unset
from coma_cli.records import TextLanguage

TEXT_LANGUAGE = "text-language"  # the reason of rows that are in none of the requested languages

KeptLicences = Annotated[
    Policy,
    Field(description="Licences of rows to keep; non-commercial-ok keeps all known ones"),
]


class CleaningRules(BaseModel):
    """Limits of what is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text_languages: tuple[TextLanguage, ...] = Field(default=("en", "cn"), description="Text languages to keep")
    licences: KeptLicences = "any"
    secrets: Literal["mask", "drop", "keep"] = Field(
        default="mask", description="What to do with keys, tokens and private e-mail addresses"
    )
    min_output_chars: int = Field(default=2, ge=1, description="Minimum length of an answer, in characters")
    max_chars: int = Field(
        default=8000, ge=1, description="Maximum length of a row (instruction, input and output), in characters"
    )
    max_words: int = Field(default=1200, ge=1, description="Maximum length of a row, in whitespace-separated words")
    tokenizer: Annotated[str | None, Kind("NAME|DIR"), Unset("tokens are not counted")] = Field(
        default=None, description="Base model whose tokenizer counts max_tokens"
    )
    max_tokens: int = Field(default=2048, ge=1, description="Maximum length of a row, in tokens of tokenizer")


def not_requested(text_language: str) -> str:
    """The detail of a row in a text language that was not requested."""
    return f"{text_language} was not requested"
