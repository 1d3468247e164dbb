"""Benchmark solutions recognised under other names: level 2 of decontamination.

A row is contaminated if one of its functions, or its code as a whole, has the same shape (see `normalized_ast`) as a
function of a reference solution; or, if it can't be parsed or holds more, the same run of tokens under some renaming.

A shape must be distinctive: `MIN_WEIGHT` operations, calls, literals and kept names. Below that a body is an idiom that
anybody writes (`return x + y`), and counts only in a function with the name that the benchmark requires. The same holds
for a shape that occurs in three or more problems of a benchmark. Measured with this weight: of 16,415 functions of
Python's standard library, none has the shape of a solution of HumanEval or MBPP except one `__len__`.
"""

import ast
import keyword
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from coma_cli.corpus.decontamination.gram_table import GramTable
from coma_cli.corpus.decontamination.normalized_ast import (
    NO_CODE,
    CodeUnit,
    codes_in,
    dedented,
    names_given,
    skeletons,
    units,
)
from coma_cli.corpus.lexing import U64, grams_of
from coma_cli.languages import parse_python

MIN_WEIGHT = 4
GRAM = 12
_LEAST_GRAM = 4
_MAX_OWNERS = 2
_SMALL_TEXT_TOKENS = 40  # texts this short are parsed one by one: their skeletons may be too short to search for
_TOKEN = re.compile(r"\w+|[^\w\s(),;\\'\"`]")
_FIXED = frozenset(keyword.kwlist)
Owner = TypeVar("Owner")  # what a solution belongs to


class Match(NamedTuple, Generic[Owner]):
    """The owner of the solution that was found, and the piece of the text that is a copy of it."""

    owner: Owner
    shared: str


class _Tokens(NamedTuple, Generic[Owner]):
    """The tokens of a solution's body; `own` are the names that it defines."""

    owner: Owner
    tokens: tuple[str, ...]
    own: frozenset[str]


class SolutionIndex(Generic[Owner]):
    """The solutions of all problems, indexed to find copies of them."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[bool, str], Owner] = {}
        self._named: dict[tuple[str, str], Owner] = {}
        self._tokens: dict[int, list[_Tokens[Owner]]] = defaultdict(list)
        self._grams: dict[int, set[int]] = defaultdict(set)
        self._tables: dict[int, GramTable] | None = None

    def add(self, solutions: Sequence[tuple[Owner, str]]) -> None:
        """Add the solutions of one benchmark, each with its owner."""
        owners: dict[tuple[bool, str], list[Owner]] = defaultdict(list)
        found = [(owner, code, unit) for owner, code in solutions for unit in _forms(code)]
        for owner, code, unit in found:
            for variant in _forms(code)[unit]:
                self._named.setdefault((_plain(variant.name), variant.shape.text), owner)
                having = owners[bool(variant.name), variant.shape.text]
                if variant.shape.weight >= MIN_WEIGHT and owner not in having:
                    having.append(owner)
        for shape, having in owners.items():
            if 0 < len(having) <= _MAX_OWNERS:
                self._shapes.setdefault(shape, having[0])
        idioms = {shape for (named, shape), having in owners.items() if named and len(having) > _MAX_OWNERS}
        self._add_grams(found, idioms)
        self._tables = None

    def _add_grams(self, found: Sequence[tuple[Owner, str, CodeUnit]], idioms: Set[str]) -> None:
        """Index the beginnings of bodies, as written and as `ast.unparse` writes them, so that copies are found."""
        written = [
            (owner, code, unit, body)
            for owner, code, unit in found
            for body in dict.fromkeys((unit.body(code), _printed(unit.body(code))))
        ]
        made = skeletons([body for *_, body in written])
        for number, (owner, code, unit, body) in enumerate(written):
            skeleton = made.one(number)
            size = min(len(skeleton), GRAM)
            if size < _LEAST_GRAM:
                continue
            gram = int(grams_of(skeleton, size)[0])
            self._grams[size].add(gram)
            if size == GRAM and unit.shape.text not in idioms:
                self._tokens[gram].append(_Tokens(owner, tuple(_tokens(body)), _own_names(code)))

    def copies(self, texts: Sequence[str], known: Set[int] = frozenset()) -> Iterator[tuple[int, Match[Owner]]]:
        """The numbers of texts that contain a solution, with the first that each contains; skips the `known` ones."""
        if self._tables is None:
            self._tables = {
                size: GramTable.of(np.fromiter(sorted(grams), dtype=np.uint64)) for size, grams in self._grams.items()
            }
        found = skeletons(texts)
        small = (found.token_counts > 0) & (found.token_counts <= _SMALL_TEXT_TOKENS)
        hit = small.copy()
        for size, table in self._tables.items():
            grams = grams_of(found.hashes, size)
            places = table.places(grams)
            owners = np.searchsorted(found.bounds, places, side="right") - 1
            inside = places + size <= found.bounds[owners + 1]
            hit[owners[inside]] = True
        for number in np.flatnonzero(hit).tolist():
            if number not in known and "return" in texts[number]:
                copy = self.find(texts[number], found.one(number))
                if copy is not None:
                    yield number, copy

    def find(self, text: str, skeleton: U64) -> Match[Owner] | None:
        """The first solution in a text with this skeleton: the exact check that `copies` applies to few texts."""
        for code in codes_in(text):
            for unit in units(code):
                owner = self._owner(unit)
                if owner is not None:
                    return Match(owner, unit.source(code))
        return next(self._by_tokens(text, skeleton), None)

    def _owner(self, unit: CodeUnit) -> Owner | None:
        owner = self._shapes.get((bool(unit.name), unit.shape.text))
        if owner is None and unit.name:
            return self._named.get((_plain(unit.name), unit.shape.text))
        return owner

    def _by_tokens(self, text: str, skeleton: U64) -> Iterator[Match[Owner]]:
        known = {gram for gram in grams_of(skeleton, GRAM).tolist() if gram in self._tokens}
        if not known:
            return
        tokens = _tokens(text)
        for gram in sorted(known):
            for solution in self._tokens[gram]:
                place = _place_of(solution, tokens)
                if place is not None:
                    yield Match(solution.owner, " ".join(tokens[place : place + len(solution.tokens)]))


@lru_cache(maxsize=1024)  # benchmarks share solutions: most of sanitized MBPP's are in MBPP
def _forms(code: str) -> Mapping[CodeUnit, Sequence[CodeUnit]]:
    """The functions of a solution, each with the forms in which it is searched for."""
    return {unit: tuple(_alone(code, unit)) for unit in units(code) if _is_indexed(unit)}


@lru_cache(maxsize=16)  # consecutive bodies belong to one solution
def _own_names(code: str) -> frozenset[str]:
    return frozenset(names_given(ast.walk(parse_python(code) or ast.Module([], []))).names)


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


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _tokens(text: str) -> list[str]:
    """Names, keywords, numbers and stable characters, without comments and documentation."""
    return _TOKEN.findall(NO_CODE.sub(" ", text))


def _place_of(solution: _Tokens[Owner], tokens: Sequence[str]) -> int | None:
    """Where a solution's tokens begin in a text, under some one-to-one renaming of its own names."""
    size = len(solution.tokens)
    return next(
        (place for place in range(len(tokens) - size + 1) if _same(solution, tokens[place : place + size])), None
    )


def _same(solution: _Tokens[Owner], tokens: Sequence[str]) -> bool:
    there: dict[str, str] = {}
    back: dict[str, str] = {}
    for own, other in zip(solution.tokens, tokens, strict=True):
        if own not in solution.own or other in _FIXED:
            if own != other:
                return False
        elif there.setdefault(own, other) != other or back.setdefault(other, own) != own:
            return False
    return True
