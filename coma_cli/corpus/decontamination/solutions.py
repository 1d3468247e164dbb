"""Benchmark solutions recognized under other names and after small changes: level 2 of decontamination.

A row is contaminated if one of its functions, or its code as a whole, has the same shape (see `normalized_ast`) as a
function of a reference solution; or, if it can't be parsed or holds more, the same run of tokens under some renaming.

A shape must be distinctive: `MIN_WEIGHT` operations, calls, literals and kept names. Below that a body is an idiom that
anybody writes. It counts if the function has the solution's name as well (from `MIN_NAMED_WEIGHT` on), or the same
names throughout. The same holds for a shape that occurs in three or more problems of a benchmark. What unrelated
programs have in common, the textbook's prime test say, proves nothing (see `tables.Background`), up to a weight of
`NO_COINCIDENCE`.
"""

import ast
import builtins
import keyword
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from coma_cli.corpus.decontamination.gram_table import GramTable
from coma_cli.corpus.decontamination.normalized_ast import (
    NO_CODE,
    CodeUnit,
    dedented,
    foreign_names_of,
    skeletons,
    units,
    units_in,
)
from coma_cli.corpus.decontamination.tables import Owner, Stretch, Tables, hash_of
from coma_cli.corpus.lexing import grams_of
from coma_cli.languages import parse_python
from coma_cli.records import Problem

MIN_WEIGHT = 8
MIN_NAMED_WEIGHT = 6
NO_COINCIDENCE = 20  # weight from which a program is a copy, however many others have it
_GRAMS = (24, 12)  # a body is found by so many tokens at its beginning: the first number that it has
_MAX_OWNERS = 2
_REMEMBERED_TEXTS = 2048
_TOKEN = re.compile(r"\w+|[^\w\s(),;\\'\"`]")
_FIXED = frozenset((*keyword.kwlist, *dir(builtins)))
_NAME = re.compile(r"[^\W\d]\w*")
# Names that a solution need not use for a copy of it to use them: the normal form may do without them.
_ALWAYS_KNOWN = frozenset(
    {"add", "all", "any", "append", "bool", "dict", "extend", "filter", "float", "int", "len", "list", "map", "max"}
    | {"min", "print", "range", "set", "str", "sum", "tuple"}
)


class Copy(NamedTuple):
    """The number of an owner, and the piece of the text that is a copy of his solution."""

    owner: int
    shared: str


def keys_of(unit: CodeUnit) -> tuple[int, ...]:
    """What a unit is known by: its shape; for a function also with its name, and with all names in it."""
    if not unit.name:
        return (hash_of(f"body {unit.shape.text}"),)
    shape, name = unit.shape, unit.name.lower().replace("_", "")
    return (
        hash_of(f"function {shape.text}"),
        hash_of(f"{name} {shape.text}"),
        hash_of(f"{name} {' '.join(shape.names)} {shape.text}"),
    )


# --- what the tables hold ---


def add_solutions(tables: Tables, bench: str, problems: Sequence[Problem], common: Set[int]) -> None:
    """Add the solutions of a benchmark's problems; `common` are the keys of what unrelated programs have too."""
    owners: dict[int, list[Owner]] = defaultdict(list)
    found = [
        (Owner(bench, problem.task_id, "solution"), problem.reference, forms)
        for problem in problems
        for unit, forms in _forms(problem.reference).items()
        if not _is_given(problem, unit)
    ]
    idioms: set[str] = set()
    for owner, code, forms in found:
        tables.words.update(map(hash_of, foreign_names_of(code)))
        for unit in forms:
            shape, *named = keys_of(unit)
            commonplace = common if unit.shape.weight < NO_COINCIDENCE else frozenset()
            for key, least in zip(named, (MIN_NAMED_WEIGHT, 0), strict=False):
                if key not in commonplace and unit.shape.weight >= least:
                    tables.named.setdefault(key, tables.number_of(owner))
            if shape in commonplace or unit.shape.weight < MIN_WEIGHT:
                idioms.add(unit.shape.text)
            elif owner not in owners[shape]:
                owners[shape].append(owner)
            if len(owners[shape]) > _MAX_OWNERS:
                idioms.add(unit.shape.text)
    _add_shapes(tables, owners)
    for owner, code, forms in found:
        if forms[0].shape.text not in idioms:
            _add_bodies(tables, owner, forms[0].body(code))


def _is_given(problem: Problem, unit: CodeUnit) -> bool:
    """Whether a small function is a helper that the question gives (HumanEval/10's test for palindromes)."""
    is_helper = unit.name != problem.entry_point and f"def {unit.name}(" in problem.prompt_code
    return is_helper and unit.shape.weight < MIN_WEIGHT


def _add_shapes(tables: Tables, owners: Mapping[int, Sequence[Owner]]) -> None:
    for key, having in owners.items():
        if 0 < len(having) <= _MAX_OWNERS:
            tables.shapes.setdefault(key, tables.number_of(having[0]))


def _add_bodies(tables: Tables, owner: Owner, body: str) -> None:
    """Add the tokens of a body, as written and as `ast.unparse` writes them."""
    for text in dict.fromkeys((body, _printed(body))):
        skeleton, tokens = skeletons([text]).hashes, _tokens(text)
        size = next((size for size in _GRAMS if len(skeleton) >= size), None)
        if size is not None:
            made = Stretch(len(tokens), _hash(tokens), size, tables.number_of(owner))
            begun = tables.bodies.setdefault(int(grams_of(skeleton, size)[0]), [])
            if made not in begun:
                begun.append(made)


@lru_cache(maxsize=1024)  # benchmarks share solutions: most of sanitized MBPP's are in MBPP
def _forms(code: str) -> Mapping[CodeUnit, Sequence[CodeUnit]]:
    """The functions of a solution, each with the forms in which it is searched for."""
    return {unit: tuple(_alone(code, unit)) for unit in units(code) if _is_indexed(unit)}


def _is_indexed(unit: CodeUnit) -> bool:
    """Only functions are, except special methods (`__init__`), which are not distinctive."""
    return bool(unit.name) and not unit.name.startswith("__")


def _alone(code: str, unit: CodeUnit) -> Iterator[CodeUnit]:
    """A function in its context, by itself, and as a body without its header."""
    yield unit
    yield from (found for found in units(dedented(unit.source(code))) if found.name == unit.name)
    yield from (found for found in units(dedented(unit.body(code))) if not found.name)


def _printed(code: str) -> str:
    tree = parse_python(dedented(code))
    return ast.unparse(tree) if tree is not None else code


# --- how texts are searched ---


class _Searched(NamedTuple):
    """What the functions of a text have shown, and whether it was a program."""

    copies: Sequence[Copy]
    is_program: bool


_NOT_SEARCHED = _Searched((), is_program=False)


class Solutions:
    """Finds the solutions of some tables in texts."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._begins: dict[int, GramTable] | None = None
        self._known: dict[str, bool] = dict.fromkeys(_ALWAYS_KNOWN, True)
        self._searched: dict[str, _Searched] = {}

    def copies(self, texts: Sequence[str]) -> Iterator[tuple[int, Copy]]:
        """The numbers of texts that contain solutions, with what they contain."""
        unread = []
        for number, text in enumerate(texts):
            searched = self._parsed(text) if _may_be_python(text) else _NOT_SEARCHED
            for copy in searched.copies:
                yield number, copy
            if not searched.is_program:
                unread.append(number)
        for place, copy in self._by_tokens([texts[number] for number in unread]):
            yield unread[place], copy

    def _parsed(self, text: str) -> _Searched:
        """The solutions among the functions of a text; rows of one function, and lists of candidates, repeat texts."""
        known = self._searched.get(text)
        if known is None:
            if len(self._searched) >= _REMEMBERED_TEXTS:
                self._searched.clear()
            found = units_in(text, self._is_known)
            copies = [
                Copy(owner, unit.source(code)) for code, unit in found.units if (owner := self._owner(unit)) is not None
            ]
            known = self._searched[text] = _Searched(copies, found.is_program)
        return known

    def _is_known(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = hash_of(name) in self._tables.words
            if len(self._known) > 100_000:
                self._known = dict.fromkeys(_ALWAYS_KNOWN, True)
        return known

    def _owner(self, unit: CodeUnit) -> int | None:
        shape, *named = keys_of(unit)
        owner = self._tables.shapes.get(shape)
        return (
            owner
            if owner is not None
            else next((self._tables.named[key] for key in named if key in self._tables.named), None)
        )

    def _by_tokens(self, texts: Sequence[str]) -> Iterator[tuple[int, Copy]]:
        """The solutions in texts that are not programs, by runs of tokens."""
        if self._begins is None:
            begins = {
                size: [key for key, all_of in self._tables.bodies.items() if all_of[0].weight == size]
                for size in _GRAMS
            }
            self._begins = {size: GramTable.of(np.array(keys, dtype=np.uint64)) for size, keys in begins.items()}
        found = skeletons(texts)
        begun: dict[int, set[Stretch]] = defaultdict(set)
        for size, table in self._begins.items():
            grams = grams_of(found.hashes, size)
            places = table.places(grams)
            owners = np.searchsorted(found.bounds, places, side="right") - 1
            inside = places + size <= found.bounds[owners + 1]
            for number, gram in zip(owners[inside].tolist(), grams[places[inside]].tolist(), strict=True):
                begun[number].update(self._tables.bodies[gram])
        for number in sorted(begun):
            tokens = _tokens(texts[number])
            for solution in sorted(begun[number]):
                for place in range(len(tokens) - solution.length + 1):
                    piece = tokens[place : place + solution.length]
                    if _hash(piece) == solution.hash:
                        yield number, Copy(solution.owner, " ".join(piece))
                        break


def _may_be_python(text: str) -> bool:
    """Whether it is worth parsing; a body without its header has no braces and semicolons, as other languages have."""
    return "return" in text and ("def " in text or "{" not in text or ";" not in text)


def _tokens(text: str) -> list[str]:
    """Names, keywords, numbers and stable characters, without comments and documentation."""
    return _TOKEN.findall(NO_CODE.sub(" ", text))


def _hash(tokens: Sequence[str]) -> int:
    """A hash of tokens that does not depend on names, but on which of them are the same.

    Python's own words and attributes count as they are.
    """
    numbers: dict[str, str] = {}
    made = []
    before = ""
    for token in tokens:
        if token in _FIXED or before == "." or not _NAME.fullmatch(token):
            made.append(token)
        else:
            made.append(numbers.setdefault(token, f"${len(numbers)}"))
        before = token
    return hash_of(" ".join(made))
