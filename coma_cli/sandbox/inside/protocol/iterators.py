"""Iterators that a program and its tests exchange: which types there are, and how one is made from items.

An iterator equals only itself, so what counts is which items it gives, and when. The one that a program returns stays
in its process, and its items are fetched as the tests consume them: an endless one can be used as in plain Python, and
an exception that it raises comes up where it would there. The one that tests pass on is consumed and sent whole.
"""

from __future__ import annotations

import collections
import itertools
import sys
from collections.abc import Callable, Iterator
from types import GeneratorType
from typing import Any

GENERATOR, MAP, FILTER, OTHER = "generator", "map", "filter", "iterator"
_NAMES: dict[type, str] = {GeneratorType: GENERATOR, map: MAP, filter: FILTER}


class _Sequence:
    """What `iter` makes an iterator of because of its `__getitem__`."""

    def __getitem__(self, place: int) -> object:
        raise IndexError


def _built_in() -> frozenset[type]:
    table: dict[int, int] = {}
    ordered: collections.OrderedDict[int, int] = collections.OrderedDict()
    things: list[Any] = [[], (), set(), frozenset(), "", "\u20ac", b"", bytearray(), memoryview(b"")]
    things += [range(0), range(1 << 70), collections.deque(), _Sequence()]
    both_ways: list[Any] = [[], range(0), range(1 << 70), collections.deque()]
    for mapping in (table, ordered):
        both_ways += [mapping, mapping.keys(), mapping.values(), mapping.items()]
    made = [*map(iter, (*things, *both_ways)), *map(reversed, both_ways), iter(int, 0), *itertools.tee(())]
    from_itertools = {kind for kind in vars(itertools).values() if isinstance(kind, type) and hasattr(kind, "__next__")}
    return frozenset({enumerate, filter, map, reversed, zip, GeneratorType, *map(type, made), *from_itertools})


TYPES = _built_in()


def name_of(kind: type) -> str:
    """What the other side makes of an iterator of this type."""
    return _NAMES.get(kind, OTHER)


def rebuild(name: str, items: Iterator[Any]) -> Iterator[Any]:
    """An iterator of the named type that gives these items."""
    if name == GENERATOR:
        return (item for item in items)
    if name == MAP:
        return map(_same, items)
    if name == FILTER:
        return filter(_always, items)
    return itertools.chain(items)


def _same(item: Any) -> Any:
    return item


def _always(item: Any) -> bool:
    return True


class LentIterators:
    """The iterators that a program has returned, by the number under which its tests ask for items."""

    def __init__(self) -> None:
        self._lent: list[Iterator[Any]] = []
        self._numbers: dict[int, int] = {}

    def lend(self, iterator: Iterator[Any]) -> int:
        """Its number, always the same one for the same iterator."""
        number = self._numbers.setdefault(id(iterator), len(self._lent))
        if number == len(self._lent):
            self._lent.append(iterator)
        return number

    def take(self, number: int, count: int) -> tuple[list[Any], bool, BaseException | None]:
        """Up to so many items, whether that was all, and what the iterator has raised instead of the next one.

        Fewer are taken if they are large.
        """
        items: list[Any] = []
        size = 0
        try:
            for item in itertools.islice(self._lent[number], count):
                items.append(item)
                size += sys.getsizeof(item, 0)
                if size > _PART_BYTES:
                    return items, False, None
        except BaseException as error:
            return items, True, error
        return items, len(items) < count, None


class BorrowedItems(Iterator[Any]):
    """The items of an iterator in the program's process.

    `ask` fetches up to so many of them, says whether that was all, and what comes up after them. One is fetched at a
    time at first, so that nothing runs before the tests request it; a long iterator is fetched in growing parts.
    """

    def __init__(self, ask: Callable[[int], tuple[list[Any], bool, BaseException | None]]) -> None:
        self._ask = ask
        self._items: collections.deque[Any] = collections.deque()
        self._given = 0
        self._ended = False
        self._error: BaseException | None = None

    def __next__(self) -> Any:
        if not self._items and not self._ended:
            items, self._ended, self._error = self._ask(self._part())
            self._items.extend(items)
        if self._items:
            self._given += 1
            return self._items.popleft()
        error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def _part(self) -> int:
        return 1 if self._given < _ONE_BY_ONE else min(self._given, _PART_MAX)


_ONE_BY_ONE, _PART_MAX, _PART_BYTES = 32, 4096, 1 << 20
