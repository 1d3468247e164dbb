"""How a piece of material becomes a row of a task.

A row's id is a hash of its question and answer, so the same content always has the same id. The wording of its
instruction is chosen by a hash of the run's seed and that id.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from itertools import islice

from coma_cli.catalog.material import Material
from coma_cli.catalog.tasks import TASKS
from coma_cli.catalog.tasks.task import Draft, Surroundings, Task, Wordings
from coma_cli.jsonl import sha256_of
from coma_cli.languages import display
from coma_cli.records import Example, RowSubject, TextLanguage, row_seed

_ID_DIGITS = 20
# What a wording loses where the programming language is unknown: "these {language} snippets" are "these snippets".
_UNNAMED: Mapping[TextLanguage, str] = {"en": " {language}", "cn": " {language} "}
_NAME = r"[\w+#./-]+(?: [\w+#./-]+)?"  # how a sentence calls a language
_NAMED: Mapping[TextLanguage, str] = {"en": rf"\ {_NAME}", "cn": rf"\ {_NAME}\ "}
MADE_BY = "build-data"
BLOCK = 128
NOWHERE = Surroundings()


class Pool(Enum):
    """Whose neighbour a piece of material may be: it is on one side of the split, or close to the other (`NONE`)."""

    TRAIN = "train"
    VALIDATION = "validation"
    NONE = "none"


PoolsOf = Callable[[Sequence[Material]], Sequence[Pool]]
WordingsBeside = Callable[[str, Wordings, TextLanguage], Sequence[str]]


def no_others(task: str, table: Wordings, text_language: TextLanguage) -> Sequence[str]:
    """No wordings beside those of the catalogue."""
    return ()


def make_example(
    task: Task,
    material: Material,
    source: str,
    seed: int,
    context: Surroundings = NOWHERE,
    beside: WordingsBeside = no_others,
) -> Example | None:
    """The row that a task makes of a piece of material, or None; `context` is its neighbours in the file.

    `beside` gives further wordings for a task and one of its tables.

    A draft that asks nothing gives a row with an empty instruction, which cleaning drops.

    Raises:
        ValueError: the draft has wordings that its task does not list.
    """
    about = material.about
    if task.among is not None:
        material = task.among(material, context)
    draft = task.draft(material, row_seed(seed, f"{task.name}|{material.origin.path}|{material.origin.row}"))
    if draft is None:
        return None
    asked = draft.asked if draft.instruction is None else draft.instruction
    content = list(draft.named_by) or [asked, draft.input, draft.output]
    row_id = sha256_of([task.name, *content])[:_ID_DIGITS]
    instruction = draft.instruction
    if instruction is None:
        instruction = _worded(task, draft, material, seed, row_id, beside)
    return Example(
        id=row_id,
        task=task.name,
        source=source,
        language=material.language,
        text_language=material.text_language,
        instruction=instruction,
        input=draft.input,
        output=draft.output,
        licence=material.licence,
        origin=material.origin,
        made_by=f"{MADE_BY}; {draft.remark}" if draft.remark else MADE_BY,
        subject=RowSubject(about, material.shown) if about else None,
    )


def asked_of(example: Example) -> str:
    """What a row asks: its instruction without the wording that a task put around the question, if there is one."""
    question = _question(example, _frames(example.task, example.text_language))
    return example.instruction if question is None else question


def question_in(example: Example, wordings: tuple[str, ...]) -> str | None:
    """What a row asks, if its instruction is one of some wordings that have a place for the question; else None."""
    return _question(example, _patterns(wordings, example.text_language))


def _question(example: Example, patterns: Iterable[re.Pattern[str]]) -> str | None:
    for pattern in patterns:
        found = pattern.fullmatch(example.instruction)
        if found is not None:
            return found["text"]
    return None


@lru_cache(maxsize=64)
def _frames(task: str, text_language: TextLanguage) -> tuple[re.Pattern[str], ...]:
    """The wordings of a task that have a place for the question, as patterns."""
    tables = TASKS[task].wordings if task in TASKS else ()
    return _patterns(tuple(wording for table in tables for wording in table[text_language]), text_language)


@lru_cache(maxsize=64)
def _patterns(wordings: tuple[str, ...], text_language: TextLanguage) -> tuple[re.Pattern[str], ...]:
    wordings = tuple(wording for wording in wordings if "{text}" in wording)
    return tuple(re.compile(_pattern(wording, text_language), re.DOTALL) for wording in wordings)


def _pattern(wording: str, text_language: TextLanguage) -> str:
    """What a wording looks like filled in; where the language is unknown, it is not named."""
    unnamed = re.escape(_UNNAMED[text_language])
    made = re.escape(wording).replace(unnamed, f"(?:{_NAMED[text_language]})?")
    made = made.replace(re.escape("{language}"), _NAME)
    return made.replace(re.escape("{text}"), "(?P<text>.+)")


def with_surroundings(
    entries: Iterable[Material],
    size: int = BLOCK,
    pools_of: PoolsOf | None = None,
    barred_in: Callable[[Sequence[Material]], frozenset[str]] = lambda block: frozenset(),
) -> Iterator[tuple[Material, Surroundings]]:
    """Each piece of material with its neighbours on its side of the split: its block of `size` pieces of that side and
    the block before. Blocks depend only on the order of the file, so every reader finds the same neighbours.

    `pools_of` says of some pieces on which side they are, and which of them may be neighbours at all;
    `barred_in` says which code of some pieces must not get into other rows.
    """
    waiting: dict[bool, list[tuple[Material, bool]]] = {False: [], True: []}
    before: dict[bool, Surroundings] = {False: Surroundings(), True: Surroundings()}
    stream = iter(entries)

    def served(side: bool, count: int) -> Iterator[tuple[Material, Surroundings]]:
        block, waiting[side] = waiting[side][:count], waiting[side][count:]
        own = tuple(material for material, serves in block if serves)
        now, last = Surroundings(own, barred_in(own)), before[side]
        context = Surroundings((*last.materials, *own), last.barred | now.barred)
        before[side] = now
        yield from ((material, context) for material, _ in block)

    while block := list(islice(stream, size)):
        for material, pool in zip(block, pools_of(block) if pools_of else (Pool.TRAIN,) * len(block), strict=True):
            waiting[pool is Pool.VALIDATION].append((material, pool is not Pool.NONE))
        for side in (False, True):
            if len(waiting[side]) >= size:
                yield from served(side, size)
    for side in (False, True):
        yield from served(side, size)


def _worded(task: Task, draft: Draft, material: Material, seed: int, row_id: str, beside: WordingsBeside) -> str:
    """One of the draft's wordings, filled in; empty where the question that belongs into it is."""
    if draft.wordings is None or not any(draft.wordings is listed for listed in task.wordings):
        raise ValueError(f"The task {task.name} drafts a row with wordings that its entry does not list.")
    choices = (
        *draft.wordings[material.text_language],
        *beside(task.name, draft.wordings, material.text_language),
    )
    wording = choices[row_seed(seed, f"wording|{row_id}") % len(choices)]
    if "{text}" in wording and not draft.asked.strip():
        return ""
    if not display(material.language):
        wording = wording.replace(_UNNAMED[material.text_language], "")
    named = wording.replace("{language}", display(material.language)).replace("{target}", display(draft.target))
    return named.replace("{text}", draft.asked)
