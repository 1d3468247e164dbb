"""Looks for functions of validation rows in the fields of training rows, by token runs: not the way the split does."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from coma_cli.corpus.code_keys import keys_of, without_comments
from coma_cli.corpus.lexing import hashes_of_ranges, lex
from coma_cli.records import Example
from coma_cli.syntax.contained import contained_functions

_GRAM = 10
_BATCH = 256
_TITLES = re.compile(r"^(?:Function \d:|函数 \d：)\n", re.MULTILINE)
_CHOICES = re.compile(r"\n\n(?:Choices: |可选：)[^\n]*\Z")
FUNCTIONS = (
    "code-summarization",
    "code-translation",
    "code-repair",
    "clone-detection",
    "defect-detection",
    "cloze-test",
)


class Leak(NamedTuple):
    """A text of a validation row that a field of a training row holds."""

    validation: Example
    train: Example
    text: str


def programs(row: Example) -> list[str]:
    """The code in a row, whole: candidates decoded, pairs apart, the masked word back in its place."""
    match row.task:
        case "code-search":
            return [*json.loads(row.input), row.output]
        case "clone-detection":
            return [code for code in _TITLES.split(row.input) if code.strip()]
        case "cloze-test":
            code = _CHOICES.sub("", row.input).partition("\n\n")[2]
            return [code.replace("<mask>", row.output)]
        case "code-summarization" | "defect-detection":
            return [row.input]
        case "code-translation" | "code-repair":
            return [row.input, row.output]
        case _:
            return [row.output]


def shown_functions(row: Example) -> Iterator[str]:
    """The functions that a row shows; of a line to complete, all before it."""
    if row.task == "line-completion":
        yield row.input
        return
    for code in programs(row):
        plain = without_comments(row.language, code)
        found = contained_functions(row.language, plain)
        yield from found
        if row.task in FUNCTIONS:
            yield plain


def leaks(train: Iterable[Example], validation: Iterable[Example], fewest: int) -> list[Leak]:
    """Functions of `fewest` tokens or more that validation rows show and that stand, as they are, anywhere in a
    training row: in its instruction, its input, its output, a candidate, a masked function."""
    wanted = [(row, text) for row in validation for text in dict.fromkeys(shown_functions(row))]
    lexed = lex([text for _, text in wanted])
    sizes = np.diff(lexed.bounds)
    chosen = np.flatnonzero(sizes >= max(fewest, _GRAM))
    starts, ends = lexed.bounds[:-1][chosen], lexed.bounds[1:][chosen]
    first = hashes_of_ranges(lexed.hashes, starts, starts + _GRAM)
    whole = hashes_of_ranges(lexed.hashes, starts, ends)
    order = np.argsort(first, kind="stable")
    first, whole, sizes, chosen = first[order], whole[order], sizes[chosen][order], chosen[order]
    found: list[Leak] = []
    rows = list(train)
    for begin in range(0, len(rows), _BATCH):
        batch = rows[begin : begin + _BATCH]
        fields = [(row, text) for row in batch for text in _fields(row)]
        theirs = lex([text for _, text in fields])
        if len(theirs.hashes) < _GRAM:
            continue
        # The hash of a range depends on its tokens alone, so that of ten tokens finds where a function may begin.
        places = np.arange(len(theirs.hashes) - _GRAM + 1)
        grams = hashes_of_ranges(theirs.hashes, places, places + _GRAM)
        low, high = np.searchsorted(first, grams, "left"), np.searchsorted(first, grams, "right")
        for place in np.flatnonzero(high > low).tolist():
            field = int(np.searchsorted(theirs.bounds, place, side="right")) - 1
            own = np.arange(low[place], high[place])
            own = own[place + sizes[own] <= theirs.bounds[field + 1]]
            same = hashes_of_ranges(theirs.hashes, np.full(len(own), place), place + sizes[own]) == whole[own]
            found += [Leak(wanted[chosen[n]][0], fields[field][0], wanted[chosen[n]][1]) for n in own[same].tolist()]
    return found


def _fields(row: Example) -> Iterator[str]:
    yield row.instruction
    for text in dict.fromkeys((row.input, row.output, *programs(row))):
        yield without_comments(row.language, text)


def renamed_twins(train: Iterable[Example], validation: Iterable[Example], fewest: int) -> set[int]:
    """Keys of functions of `fewest` tokens or more, up to names and comments, that rows of both sides show."""
    return _keys(train, fewest) & _keys(validation, fewest)


def _keys(rows: Iterable[Example], fewest: int) -> set[int]:
    texts = [text for row in rows if row.task != "line-completion" for text in shown_functions(row)]
    keys, sizes = keys_of(texts)
    return set(keys[sizes >= fewest].tolist())
