"""The form of a catalogue entry for a task: which material it takes, and what it makes of it."""

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
    """How a row becomes the same row in another text language: for tasks of which such rows are requested.

    `prose` is the field that is written anew, `code` the fields that stay as they are and show that two rows are
    counterparts. Where the output is written anew, the task makes the row of a `Function` that has it as its summary.
    """

    prose: Literal["instruction", "output"]
    code: tuple[Literal["input", "output"], ...]


@dataclass(frozen=True)
class Task:
    """A task of the data set.

    `group` sorts tasks by what they ask and answer with (`text-to-code`); `form` says what the input and the output
    are. `takes` lists the shapes of material that rows are made of: of every source that gives one of them. `draft`
    gives None for a piece that no row can be made of (its second argument is a seed of the material's own); `among` may
    complete a piece of material by what stands around it in its file, before it is drafted.

    `code_fields` names the row's fields that hold nothing but a program; `prose_answer` says that the output is a text
    in the row's text language; `asks_by_input` that the instruction is only a wording, and what is asked about stands
    in the input. `labels` are the only two answers of a question for yes or no in each text language, the yes first.
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
