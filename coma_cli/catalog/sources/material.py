"""What sources hand to tasks: pieces of material in a few shapes, each with its origin and licence.

A source reads files and yields material; a task turns the shapes that it understands into rows. Neither knows the
other, so a new source that yields a known shape feeds every task that takes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coma_cli.records import Origin, TextLanguage


@dataclass(frozen=True)
class Function:
    """A documented function. `code` has the documentation cut out of it; `header` is its signature alone.

    `summary` is the first paragraph of the documentation's prose, `description` all of that prose. `cuts` lists the
    places (start, end as character offsets in `code`) of whole one-line statements whose text completion may ask for.
    """

    language: str
    name: str
    header: str
    code: str
    summary: str
    description: str
    cuts: tuple[tuple[int, int], ...]
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class Instruction:
    """A finished instruction row of an upstream instruction set."""

    language: str
    instruction: str
    input: str
    output: str
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class Exercise:
    """A small programming problem with tests that show what is wanted, and a solution."""

    language: str
    statement: str
    tests: tuple[str, ...]
    solution: str
    licence: str
    origin: Origin
    text_language: TextLanguage = "en"


@dataclass(frozen=True)
class Rejected:
    """Something in a source that gives no material: which one, and one reason code with its detail."""

    reason: str
    detail: str
    origin: Origin
    row: Mapping[str, Any] = field(default_factory=dict)


Material = Function | Instruction | Exercise
