"""How a piece of material becomes a row of a task.

A row's id is a hash of its question and answer, so the same content always has the same id. The wording of its
instruction is chosen by a hash of the run's seed and that id.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from coma_cli.catalog.material import Material
from coma_cli.catalog.tasks.task import Draft, Surroundings, Task
from coma_cli.jsonl import sha256_of
from coma_cli.languages import display
from coma_cli.records import Example, TextLanguage, row_seed

_ID_DIGITS = 20
# What a wording loses where the programming language is unknown: "these {language} snippets" are "these snippets".
_UNNAMED: Mapping[TextLanguage, str] = {"en": " {language}", "cn": " {language} "}
MADE_BY = "build-data"
BLOCK = 128
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
