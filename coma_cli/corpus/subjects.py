"""What rows are about, and the functions that they show: keys, by which the split keeps its sides apart.

Rows that are made of material know both from it (see `catalog.material`): a line to complete is about the whole
function. Of finished rows the longer of input and output is taken, or everything where both are short.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from coma_cli.catalog.material import Material
from coma_cli.corpus.code_keys import FEWEST_TOKENS, keys_of, without_comments
from coma_cli.corpus.lexing import U64, Ints
from coma_cli.formats.fences import fenced_blocks
from coma_cli.records import Code, Example, RowSubject
from coma_cli.syntax.contained import contained_functions

_AT_ONCE = 256  # rows
_SHORT_CHARS = 40  # `print("Hello, world!")` answers many questions


@dataclass(frozen=True)
class SubjectKeys:
    """The keys of some rows: `about` of what they are about, `functions` of what they show, each with its row.

    `about_rows` and `function_rows` (numbers of rows, ascending) are as long as the keys; a row may have several of
    both, and at least one of the first.
    """

    about: U64
    about_rows: Ints
    functions: U64
    function_rows: Ints


def subject_of(example: Example) -> RowSubject:
    """What a row is about and shows; of a row without a known subject, as its texts tell."""
    if example.subject is not None:
        return example.subject
    shown = tuple(Code(example.language, text, mixed=True) for text in (example.input, example.output) if text)
    longest = max(shown, key=lambda code: len(code.text), default=Code("", ""))
    if len(longest.text) < _SHORT_CHARS:
        longest = Code("", f"{example.instruction}\n{example.input}\n{example.output}")
    return RowSubject((longest,), shown)


def subject_keys(examples: Sequence[Example]) -> SubjectKeys:
    """The keys of rows that fit into memory; their texts are split into tokens some at a time, which takes far more."""
    starts = range(0, len(examples) or 1, _AT_ONCE)
    made = [_keys_of_some(examples[start : start + _AT_ONCE]) for start in starts]
    return SubjectKeys(
        np.concatenate([part.about for part in made]),
        np.concatenate([part.about_rows + start for part, start in zip(made, starts, strict=True)]),
        np.concatenate([part.functions for part in made]),
        np.concatenate([part.function_rows + start for part, start in zip(made, starts, strict=True)]),
    )


def _keys_of_some(examples: Sequence[Example]) -> SubjectKeys:
    subjects = list(map(subject_of, examples))
    about = [(row, _plain(code)) for row, subject in enumerate(subjects) for code in subject.about]
    shown = [(row, text) for row, subject in enumerate(subjects) for text in _functions(subject.shown)]
    places = {text: place for place, text in enumerate(dict.fromkeys(text for _, text in (*about, *shown)))}
    keys, sizes = keys_of(list(places))
    about_rows, about_places = _columns(about, places)
    function_rows, function_places = _columns(shown, places)
    long = sizes[function_places] >= FEWEST_TOKENS
    return SubjectKeys(keys[about_places], about_rows, keys[function_places[long]], function_rows[long])


def material_keys(materials: Sequence[Material]) -> tuple[U64, Ints]:
    """The keys of what some pieces of material are about, and how many each has; none if only its rows tell."""
    about = [material.about for material in materials]
    keys, _ = keys_of([_plain(code) for codes in about for code in codes])
    return keys, np.array([len(codes) for codes in about], dtype=np.int64)


def _columns(entries: Sequence[tuple[int, str]], places: dict[str, int]) -> tuple[Ints, Ints]:
    rows = np.array([row for row, _ in entries], dtype=np.int64)
    return rows, np.array([places[text] for _, text in entries], dtype=np.int64)


def _plain(code: Code) -> str:
    return without_comments(code.language, code.text)


def _functions(shown: tuple[Code, ...]) -> Iterator[str]:
    """The code and the functions in it, without comments, each text once."""
    found: dict[str, None] = {}
    for code in shown:
        blocks = [block.code for block in fenced_blocks(code.text)] if code.mixed else []
        for text in dict.fromkeys((code.text, *blocks)):
            plain = without_comments(code.language, text)
            found[plain] = None
            if code.mixed or plain.count("def ") > 1:
                found.update(dict.fromkeys(contained_functions(code.language, plain)))
    yield from found
