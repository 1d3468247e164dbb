"""The type of a catalogue entry for a task, and how a piece of material becomes a row of it.

A row's id is a hash of its question and answer, so the same content always has the same id. The wording of its
instruction is chosen by a hash of the run's seed and that id.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from coma_cli.catalog.material import Material
from coma_cli.jsonl import sha256_of
from coma_cli.languages import display
from coma_cli.records import Example, TextLanguage, row_seed

Wordings = Mapping[TextLanguage, tuple[str, ...]]
_ID_DIGITS = 20
# What a wording loses where the programming language is unknown: "these {language} snippets" are "these snippets".
_UNNAMED: Mapping[TextLanguage, str] = {"en": " {language}", "cn": " {language} "}
MADE_BY = "build-data"
BLOCK = 128


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
class Task:
    """A task of the data set.

    `form` describes the input and the output; `draft` returns None for material that this task can't use (its second
    argument is a seed for this piece of material); `among` may complete a piece of material from its neighbours in the
    file before it is drafted; `code_fields` names the row's fields that hold nothing but a program; `asks_by_input`
    means that the instruction is only a wording and the question itself is in the input. `labels` are the two possible
    answers of a yes/no task in each text language, the yes first.
    """

    name: str
    group: str
    form: str
    draft: Callable[[Material, int], Draft | None]
    among: Callable[[Material, Surroundings], Material] | None = None
    code_fields: tuple[str, ...] = ()
    asks_by_input: bool = False
    labels: Mapping[TextLanguage, tuple[str, str]] | None = None


NOWHERE = Surroundings()


def make_example(
    task: Task, material: Material, source: str, seed: int, context: Surroundings = NOWHERE
) -> Example | None:
    """The row that a task makes of a piece of material, or None; `context` is its neighbours in the file."""
    if task.among is not None:
        material = task.among(material, context)
    draft = task.draft(material, row_seed(seed, f"{task.name}|{material.origin.path}|{material.origin.row}"))
    if draft is None:
        return None
    content = list(draft.named_by) or [draft.instruction or draft.asked, draft.input, draft.output]
    row_id = sha256_of([task.name, *content])[:_ID_DIGITS]
    return Example(
        id=row_id,
        task=task.name,
        source=source,
        language=material.language,
        text_language=material.text_language,
        instruction=draft.instruction or _worded(draft, material, seed, row_id),
        input=draft.input,
        output=draft.output,
        licence=material.licence,
        origin=material.origin,
        made_by=f"{MADE_BY}; {draft.remark}" if draft.remark else MADE_BY,
    )


def with_surroundings(entries: Iterable[Material], size: int = BLOCK) -> Iterator[tuple[Material, Surroundings]]:
    """Each piece of material with its neighbours: its block of `size` pieces and the block before.

    Blocks depend only on the order of the file, so every reader finds the same neighbours.
    """
    before: list[Material] = []
    stream = iter(entries)
    while block := list(islice(stream, size)):
        context = Surroundings((*before, *block))
        yield from ((material, context) for material in block)
        before = block


def _worded(draft: Draft, material: Material, seed: int, row_id: str) -> str:
    assert draft.wordings is not None
    choices = draft.wordings[material.text_language]
    wording = choices[row_seed(seed, f"wording|{row_id}") % len(choices)]
    if not display(material.language):
        wording = wording.replace(_UNNAMED[material.text_language], "")
    named = wording.replace("{language}", display(material.language)).replace("{target}", display(draft.target))
    return named.replace("{text}", draft.asked)
