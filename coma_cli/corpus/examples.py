"""How a piece of material becomes a row of a task.

A row's id is a hash of its question and answer, so the same content always has the same id. The wording of its
instruction is chosen by a hash of the run's seed and that id.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
    """The row that a task makes of a piece of material, or None; `context` is its neighbours in the file.

    A draft that asks nothing gives a row with an empty instruction, which cleaning drops.

    Raises:
        ValueError: the draft has wordings that its task does not list.
    """
    if task.among is not None:
        material = task.among(material, context)
    draft = task.draft(material, row_seed(seed, f"{task.name}|{material.origin.path}|{material.origin.row}"))
    if draft is None:
        return None
    asked = draft.asked if draft.instruction is None else draft.instruction
    content = list(draft.named_by) or [asked, draft.input, draft.output]
    row_id = sha256_of([task.name, *content])[:_ID_DIGITS]
    return Example(
        id=row_id,
        task=task.name,
        source=source,
        language=material.language,
        text_language=material.text_language,
        instruction=_worded(task, draft, material, seed, row_id) if draft.instruction is None else draft.instruction,
        input=draft.input,
        output=draft.output,
        licence=material.licence,
        origin=material.origin,
        made_by=f"{MADE_BY}; {draft.remark}" if draft.remark else MADE_BY,
    )


def _bar_none(block: Sequence[Material]) -> frozenset[str]:
    return frozenset()


def with_surroundings(
    entries: Iterable[Material],
    size: int = BLOCK,
    barred_in: Callable[[Sequence[Material]], frozenset[str]] = _bar_none,
) -> Iterator[tuple[Material, Surroundings]]:
    """Each piece of material with its neighbours: its block of `size` pieces and the block before.

    Blocks depend only on the order of the file, so every reader finds the same neighbours. `barred_in` says which code
    of a block must not get into other rows.
    """
    before: list[Material] = []
    barred_before: frozenset[str] = frozenset()
    stream = iter(entries)
    while block := list(islice(stream, size)):
        barred = barred_in(block)
        context = Surroundings((*before, *block), barred_before | barred)
        yield from ((material, context) for material in block)
        before, barred_before = block, barred


def _worded(task: Task, draft: Draft, material: Material, seed: int, row_id: str) -> str:
    """One of the draft's wordings, filled in; empty where the question that belongs into it is."""
    if draft.wordings is None or not any(draft.wordings is listed for listed in task.wordings):
        raise ValueError(f"The task {task.name} drafts a row with wordings that its entry does not list.")
    choices = draft.wordings[material.text_language]
    wording = choices[row_seed(seed, f"wording|{row_id}") % len(choices)]
    if "{text}" in wording and not draft.asked.strip():
        return ""
    if not display(material.language):
        wording = wording.replace(_UNNAMED[material.text_language], "")
    named = wording.replace("{language}", display(material.language)).replace("{target}", display(draft.target))
    return named.replace("{text}", draft.asked)
