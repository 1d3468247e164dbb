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

    Either a finished `instruction`, or `wordings` that are filled in with `{language}` (the display name of the
    programming language), `{target}` (that of `target`, the language to translate to) and `{text}` (`asked`, the
    row's question in words). Where the input is partly random, the row's id is made of `named_by` instead. `remark` is
    appended to the row's `made_by`.
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
    """Neighbouring material in a file: one object per block, so that what is computed from it can be cached."""

    materials: tuple[Material, ...] = ()


@dataclass(frozen=True)
class Counterpart:
    """How a row becomes the same row in another text language: for tasks that request such rows.

    `prose` is the field that is rewritten, `code` the fields that stay unchanged and show that two rows are
    counterparts. If the output is rewritten, the task makes the row of a `Function` that has it as its summary.
    """

    prose: Literal["instruction", "output"]
    code: tuple[Literal["input", "output"], ...]


@dataclass(frozen=True)
class Task:
    """A task of the data set.

    `group` is the kind of question and answer (`text-to-code`); `form` describes the input and the output. `takes`
    lists the kinds of material that the task makes rows of, whichever source yields them. `draft` returns None for
    material that this task can't use (its second argument is a seed for this piece of material); `among` may complete a
    piece of material from its neighbours in the file before it is drafted.

    `code_fields` names the row's fields that hold nothing but a program; `prose_answer` means that the output is text
    in the row's text language; `asks_by_input` that the instruction is only a wording and the question itself is in the
    input. `labels` are the two possible answers of a yes/no task in each text language, the yes first.
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
