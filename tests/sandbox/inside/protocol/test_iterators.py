"""Iterators that cross: of every built-in type, equal only to themselves, and consumed no faster than tests ask."""

import itertools
import types
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any

import pytest

from coma_cli.sandbox.inside.protocol import iterators, values
from coma_cli.sandbox.inside.protocol.iterators import BorrowedItems, LentIterators
from coma_cli.sandbox.inside.protocol.wire import FrameError

ITEMS = [3, 1, 2]
BACKWARDS = [2, 1, 3]
MADE = {
    "generator": lambda: (x for x in ITEMS),
    "map": lambda: map(int, ITEMS),
    "filter": lambda: filter(None, ITEMS),
    "list": lambda: iter(ITEMS),
    "tuple": lambda: iter(tuple(ITEMS)),
    "deque": lambda: iter(deque(ITEMS)),
    "reversed": lambda: reversed(BACKWARDS),
    "keys": lambda: iter(dict.fromkeys(ITEMS)),
    "ordered": lambda: iter(OrderedDict.fromkeys(ITEMS)),
    "reversed keys": lambda: reversed(dict.fromkeys(ITEMS[::-1])),
    "values": lambda: iter({1: 3, 2: 1, 3: 2}.values()),
    "chain": lambda: itertools.chain(ITEMS),
    "islice": lambda: itertools.islice(ITEMS, 9),
    "tee": lambda: itertools.tee(ITEMS)[0],
    "callable": lambda: iter([None, 2, 1, 3].pop, None),
    "bytes": lambda: iter(bytes(ITEMS)),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE.keys())
def test_iterators_of_every_kind_give_their_items_once_and_equal_only_themselves(make: Any) -> None:
    back = values.decode(values.encode(make()))
    assert back == back and back != ITEMS and back != make()
    assert isinstance(back, Iterator)
    assert list(back) == ITEMS and list(back) == []


@pytest.mark.parametrize(
    ("value", "items"),
    [
        (zip([1, 2], "ab", strict=False), [(1, "a"), (2, "b")]),
        (enumerate("ab", 5), [(5, "a"), (6, "b")]),
        (iter("a\u20ac"), ["a", "\u20ac"]),
        (iter({1: 2}.items()), [(1, 2)]),
        (iter({7}), [7]),
        (iter(range(3)), [0, 1, 2]),
        (iter(range(1 << 70, (1 << 70) + 1)), [1 << 70]),
        (itertools.combinations("abc", 2), [("a", "b"), ("a", "c"), ("b", "c")]),
        (itertools.accumulate([1, 2]), [1, 3]),
        (itertools.zip_longest([1], []), [(1, None)]),
        (itertools.repeat(0, 2), [0, 0]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_items_of_other_kinds_are_unchanged(value: Any, items: list[Any]) -> None:
    assert list(values.decode(values.encode(value))) == items


def test_the_types_that_programs_return_most_often_stay_what_they_are() -> None:
    for make, kind in (("generator", types.GeneratorType), ("map", map), ("filter", filter)):
        assert type(values.decode(values.encode(MADE[make]()))) is kind


def test_an_endless_iterator_of_the_tests_is_refused() -> None:
    with pytest.raises(values.CrossingError, match="more than 1,048,576 items"):
        values.encode(itertools.count())


# --- iterators that stay in the program's process ---


class Programs:
    """Both sides of a link without the link: what a program has lent, and how often it was asked for items."""

    def __init__(self) -> None:
        self.lent = LentIterators()
        self.asked: list[int] = []

    def borrowed(self, iterator: Iterator[Any], name: str = iterators.OTHER) -> Iterator[Any]:
        number = self.lent.lend(iterator)

        def ask(count: int) -> tuple[list[Any], bool, BaseException | None]:
            self.asked.append(count)
            return self.lent.take(number, count)

        return iterators.rebuild(name, BorrowedItems(ask))


def test_nothing_is_consumed_before_tests_ask_and_then_one_by_one() -> None:
    given: list[int] = []

    def count() -> Iterator[int]:
        for number in itertools.count():
            given.append(number)
            yield number

    program = Programs()
    borrowed = program.borrowed(count(), iterators.GENERATOR)
    assert given == []
    assert [next(borrowed) for _ in range(20)] == given == list(range(20))
    assert program.asked == [1] * 20


def test_a_long_iterator_is_fetched_in_growing_parts() -> None:
    program = Programs()
    assert list(program.borrowed(iter(range(100_000)))) == list(range(100_000))
    assert len(program.asked) < 80
    assert max(program.asked) == 4096


def test_large_items_are_fetched_in_parts_of_some_megabytes() -> None:
    program = Programs()
    borrowed = program.borrowed("x" * 300_000 for _ in range(1000))
    assert sum(map(len, borrowed)) == 300_000 * 1000
    lent = program.lent.lend(iter(["x" * 300_000] * 100))
    items, ended, error = program.lent.take(lent, 50)
    assert (len(items), ended, error) == (4, False, None)


@pytest.mark.parametrize("before", [0, 5, 50])
def test_an_exception_comes_up_after_the_items_before_it(before: int) -> None:
    def fails() -> Iterator[int]:
        yield from range(before)
        raise KeyError("k")

    borrowed = Programs().borrowed(fails())
    assert list(itertools.islice(borrowed, before)) == list(range(before))
    with pytest.raises(KeyError):
        next(borrowed)
    assert list(borrowed) == []


def test_the_same_iterator_has_the_same_number() -> None:
    lent = LentIterators()
    one, other = iter([1]), iter([1])
    assert [lent.lend(one), lent.lend(other), lent.lend(one)] == [0, 1, 0]


def test_a_lent_iterator_is_written_as_its_number() -> None:
    lent = LentIterators()
    values.lend_iterators(lent.lend)
    try:
        data = values.encode([map(int, "12"), {"a": iter([])}])
    finally:
        values.lend_iterators(None)
    seen: list[tuple[str, int]] = []
    back = values.decode_answer(data, lambda name, number: seen.append((name, number)))
    assert seen == [("map", 0), ("iterator", 1)]
    assert back == [None, {"a": None}]
    with pytest.raises(FrameError):
        values.decode(data)
