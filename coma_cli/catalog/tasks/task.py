"""The form of a catalogue entry for a task, and how a piece of material becomes a row of it.

A row's id is a hash of what it asks and answers, so the same content has the same id wherever and whenever it is read.
The wording of its instruction is chosen by a hash of the run's seed and that id.
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
MADE_BY = "build-data"
BLOCK = 128


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
class Task:
    """A task of the data set.

    `form` says what the input and the output are; `draft` gives None for material that is not for this task (its second
    argument is a seed of the material's own); `among` may complete a piece of material by what stands around it in its
    file, before it is drafted; `code_fields` names the row's fields that hold nothing but a program;
    `asks_by_input` says that the instruction is only a wording, and what is asked about stands in the input. `labels`
    are the only two answers of a question for yes or no in each text language, the yes first.
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
    """The row that a task makes of a piece of material, or None; `around` is what stands around it in its file."""
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
    """Each piece of material with what stands around it: its block of `size` pieces and the block before.

    Blocks depend on nothing but the order of the file, so whoever reads it finds the same surroundings.
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
    named = wording.replace("{language}", display(material.language)).replace("{target}", display(draft.target))
    return named.replace("{text}", draft.asked)
