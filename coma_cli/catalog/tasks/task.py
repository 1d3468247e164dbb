"""The record type of a task: which material it takes, and how a piece of it is drafted as a row."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from coma_cli.catalog.material import Material
from coma_cli.records import Measure, TextLanguage

Wordings = Mapping[TextLanguage, tuple[str, ...]]
Group = Literal["text-to-code", "code-to-text", "code-to-code"]
FEWEST_WORDINGS = 8  # of each table and text language, so that a model does not learn one by heart
PLACEHOLDERS = frozenset({"language", "target", "text"})
_IN_BRACES = re.compile(r"\{([^{}\s]*)\}")


@dataclass(frozen=True)
class Draft:
    """What a task makes of a piece of material.

    Either a finished `instruction` (not None), or `wordings` that are filled in with `{language}` (the display name of
    the programming language), `{target}` (that of `target`, the language to translate to) and `{text}` (`asked`, the
    row's question in words). Where the input is partly random, the row's id is made of `named_by` instead. `remark` is
    appended to the row's `made_by`.
    """

    input: str
    output: str
    instruction: str | None = None
    asked: str = ""
    wordings: Wordings | None = None
    named_by: tuple[str, ...] = ()
    target: str = ""
    remark: str = ""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Neighbouring material in a file: one object per block, so that what is computed from it can be cached.

    `barred` is code in it that must not get into another row: that of a benchmark.
    """

    materials: tuple[Material, ...] = ()
    barred: frozenset[str] = frozenset()


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

    `group` is the kind of question and answer; `form` describes the input and the output. `takes`
    lists the kinds of material that the task makes rows of, whichever source yields them. `draft` returns None for
    material that this task can't use (its second argument is a seed for this piece of material); `among` may complete a
    piece of material from its neighbours in the file before it is drafted. `wordings` lists every table of wordings
    that its drafts use, each with at least eight in both text languages.

    `code_fields` names the row's fields that hold nothing but a program; `prose_answer` means that the output is text
    in the row's text language; `asks_by_input` that the instruction is only a wording and the question itself is in the
    input; `lists_candidates` that the input only lists what to choose from; `caps_shapes` that sources have many rows
    of one generated shape, of which some are enough. `labels` are the two possible answers of a yes/no task in each
    text language, the yes first. `measure` says how an answer is compared with the reference, if that is not a label;
    `candidates_of` finds what to choose from in a row's input. `hub_category` is what the Hugging Face Hub calls such
    tasks (huggingface/huggingface.js, packages/tasks/src/pipelines.ts).
    """

    name: str
    group: Group
    form: str
    takes: tuple[type[Material], ...]
    measure: Measure
    draft: Callable[[Material, int], Draft | None]
    wordings: tuple[Wordings, ...] = ()
    among: Callable[[Material, Surroundings], Material] | None = None
    code_fields: tuple[str, ...] = ()
    prose_answer: bool = False
    asks_by_input: bool = False
    lists_candidates: bool = False
    caps_shapes: bool = False
    labels: Mapping[TextLanguage, tuple[str, str]] | None = None
    candidates_of: Callable[[str], tuple[str, ...]] | None = None
    counterpart: Counterpart | None = None
    hub_category: str = "text-generation"

    @property
    def asks_in_words(self) -> bool:
        """Whether the question is text and the answer a program: one question may have several right answers."""
        return self.group == "text-to-code"

    def __post_init__(self) -> None:
        """Raise ValueError for a group or a wording that can't be used; the message names the task and the fault."""
        if self.group not in get_args(Group):
            raise ValueError(f"task {self.name}: the group {self.group!r} is none of {', '.join(get_args(Group))}")
        for wordings in self.wordings:
            for fault in _faults(wordings):
                raise ValueError(f"task {self.name}: {fault}")


def _faults(wordings: Wordings) -> Iterator[str]:
    """What is wrong with a table of wordings."""
    languages = get_args(TextLanguage)
    if unknown := [name for name in wordings if name not in languages]:
        yield f"wordings in {unknown[0]!r}, which is none of {', '.join(languages)}"
    for language in languages:
        texts = wordings.get(language, ())
        if len(set(texts)) < FEWEST_WORDINGS:
            yield f"{len(set(texts))} different wordings in {language!r}; at least {FEWEST_WORDINGS} are needed"
    wanted: frozenset[str] | None = None
    for text in (text for texts in wordings.values() for text in texts):
        found = frozenset(_IN_BRACES.findall(text))
        if typos := sorted(found - PLACEHOLDERS):
            yield f"{text!r} has the placeholder {{{typos[0]}}}; known: {', '.join(sorted(PLACEHOLDERS))}"
        wanted = found if wanted is None else wanted
        if found != wanted:
            yield f"{text!r} has other placeholders than the first wording: {_named(found)} instead of {_named(wanted)}"


def _named(placeholders: frozenset[str]) -> str:
    return " and ".join(f"{{{name}}}" for name in sorted(placeholders)) or "none"
