"""The record type of a task: which material it takes, and how a piece of it is drafted as a row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from coma_cli.catalog.material import Material
from coma_cli.records import TextLanguage

Wordings = Mapping[TextLanguage, tuple[str, ...]]


@dataclass(frozen=True)
class Draft:
    """What a task makes of a piece of material.

    Either a finished `instruction`, or `wordings` that are filled with `{language}` (how a sentence calls the
    programming language), `{target}` (the same of `target`, the language that code is carried over to) and `{text}`
    (`asked`, what the row asks about in words). `named_by` takes the input's place in the row's id where chance has a
    hand in the input. `remark` is added to what the row says of its making.
    """

    input: str
    output: str
    instruction: str = ""
    asked: str = ""
    wordings: Wordings | None = None
    named_by: tuple[str, ...] = ()
    target: str = ""
    remark: str = ""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Material that stands together in a file: one object for all of a block, so that what is made of it is kept."""

    materials: tuple[Material, ...] = ()


@dataclass(frozen=True)
class Counterpart:
    """How a row is turned into the same row in another text language, for tasks whose rows may be requested so.

    `prose` is the field to rewrite; `code` are the fields that stay the same, by which counterparts are recognised. If
    the output is rewritten, the row is made of a `Function` with that text as its summary.
    """

    prose: Literal["instruction", "output"]
    code: tuple[Literal["input", "output"], ...]


@dataclass(frozen=True)
class Task:
    """A task of the data set.

    `group` says what is asked and answered (`text-to-code`), `form` describes input and output. `takes` lists the
    shapes of material that rows are made of, from every source that gives one of them. `draft` returns None for a piece
    that cannot become a row (its second argument is the piece's own seed); `among` may complete a piece from the
    material around it in its file, before it is drafted.

    `code_fields` are the fields that contain only code. `prose_answer`: the output is text in the row's text language.
    `asks_by_input`: the instruction is only a wording, and the question itself is in the input. `labels` are the only
    two answers of a yes-or-no question in each text language, yes first. `counterpart` is set if rows in another text
    language may be requested.
    """

    name: str
    group: str
    form: str
    takes: tuple[type[Material], ...]
    draft: Callable[[Material, int], Draft | None]
    among: Callable[[Material, Surroundings], Material] | None = None
    code_fields: tuple[str, ...] = ()
    prose_answer: bool = False
    asks_by_input: bool = False
    labels: Mapping[TextLanguage, tuple[str, str]] | None = None
    counterpart: Counterpart | None = None
