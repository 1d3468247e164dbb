"""Values that cross: the same value comes out, of the same exact type, or is refused; no code of the program runs."""

import collections
import contextlib
import datetime
import decimal
import enum
import fractions
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.sandbox.inside.protocol import values
from coma_cli.sandbox.inside.protocol.arguments import copy_into, is_mutable
from coma_cli.sandbox.inside.protocol.wire import FrameError

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(2**200), max_value=2**200),
    st.floats(),
    st.text(st.characters()),
    st.binary(max_size=30),
    st.complex_numbers(allow_nan=False),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
)
HASHABLE = st.one_of(st.integers(), st.text(max_size=5), st.tuples(st.integers(), st.booleans()))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.tuples(inner, inner),
        st.dictionaries(HASHABLE, inner, max_size=4),
        st.sets(HASHABLE, max_size=4),
        st.frozensets(HASHABLE, max_size=4),
        st.lists(inner, max_size=4).map(collections.deque),
    ),
    max_leaves=20,
)


def same(left: Any, right: Any) -> bool:
    """Equal and of the same exact types all the way down; NaN is itself."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return (math.isnan(left) and math.isnan(right)) or (
            left == right and math.copysign(1, left) == math.copysign(1, right)
        )
    if isinstance(left, list | tuple | collections.deque):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(map(repr, left)) == list(map(repr, right)) and all(map(same, left.values(), right.values()))
    return bool(left == right)


@given(value=VALUES)
def test_plain_values_are_unchanged(value: Any) -> None:
    assert same(values.decode(values.encode(value)), value)


@pytest.mark.parametrize(
    "value",
    [
        range(3, 9, 2),
        collections.Counter("abca"),
        collections.OrderedDict([("b", 1), ("a", 2)]),
        collections.defaultdict(list, {1: [2]}),
        collections.deque([1, 2], 3),
        bytearray(b"ab"),
        datetime.time(1, 2, 3),
        int,
        "\ud800\udc00",
        10**5000,
        [True, 1, 1.0],
    ],
    ids=lambda value: repr(value)[:30] if value != 10**5000 else "huge",
)
def test_types_with_their_own_encoding_are_unchanged(value: Any) -> None:
    back = values.decode(values.encode(value))
    assert same(back, value)
    if isinstance(value, collections.defaultdict):
        assert back.default_factory is value.default_factory


class EqualToAll(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class Colour(enum.IntEnum):
    RED = 1


class Point(collections.namedtuple("Point", "x y")):
    def __iter__(self) -> Any:
        raise AssertionError("the program's own code must not run for this")


@pytest.mark.parametrize(
    ("value", "base"),
    [
        (EqualToAll(3), 3),
        (Colour.RED, 1),
        (Point(1, 2), (1, 2)),
        (type("Text", (str,), {})("a"), "a"),
        (type("Map", (dict,), {"items": lambda self: [("forged", 1)]})(a=1), {"a": 1}),
    ],
)
def test_subclasses_are_sent_as_their_plain_base_type(value: Any, base: Any) -> None:
    back = values.decode(values.encode(value))
    assert type(back) is type(base)
    assert back == base


@pytest.mark.parametrize("value", [object(), lambda: 1, (x for x in ""), open, json, iter([])])
def test_what_is_not_data_can_not_be_sent(value: Any) -> None:
    with pytest.raises(values.CrossingError, match="a value of type"):
        values.encode([value])


@pytest.mark.parametrize("name", ["datetime.date", "datetime.timedelta", "decimal.Decimal", "fractions.Fraction"])
@pytest.mark.parametrize("module", [str, lambda module: type("Text", (str,), {})(module), lambda module: [module]])
def test_a_class_with_the_name_of_another_can_not_be_sent(name: str, module: Callable[[str], object]) -> None:
    place, _, own = name.partition(".")
    pretender = type(own, (), {"__module__": module(place), "year": object(), "days": object()})
    with pytest.raises(values.CrossingError, match="a value of type"):
        values.encode([pretender()])


def test_too_deep_too_many_and_too_large_values_can_not_be_sent() -> None:
    deep: list[Any] = []
    for _ in range(values.MAX_DEPTH + 1):
        deep = [deep]
    endless: list[Any] = []
    endless.append(endless)
    for value in (deep, endless, [0] * 5_000_000, "x" * (9 << 20)):
        with pytest.raises(values.CrossingError):
            values.encode(value)


def test_numpy_values_are_sent_as_type_and_bytes() -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(6, dtype="int16").reshape(2, 3)
    back = values.decode(values.encode([array, numpy.float64(2.5), numpy.bool_(True)]))
    assert back[0].dtype == array.dtype
    assert (back[0] == array).all()
    assert back[1] == 2.5
    assert type(back[1]) is numpy.float64
    with pytest.raises(values.CrossingError):
        values.encode(numpy.array([object()]))


@given(noise=st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with contextlib.suppress(FrameError):
        values.decode(noise)


TAGS = sorted(values.READERS)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(TAGS), st.text(max_size=3)), inner, max_size=2),
    ),
    max_leaves=15,
)


@given(tree=JSON)
def test_any_json_is_a_value_or_refused(tree: Any) -> None:
    with contextlib.suppress(FrameError):
        values.decode(json.dumps(tree).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 5000 + b"]" * 5000,
        b'{"t":[1],"s":[2]}',
        b'{"t":[1],"t":[2]}',
        b'{"i":"0x10","i":"0x11"}',
        b'{"pickle":"gASVAAAAAA=="}',
        b'{"t":5}',
        b'{"d":[1]}',
        b'{"s":[[1]]}',
        b'{"n":[true,"|O",[1],"00"]}',
        b'{"n":[true,"<i8",[-1],"00"]}',
        b'{"y":"eval"}',
        b"1" * 10_000,
        b"[1",
        b"",
        "é".encode(),
    ],
    ids=range(15),
)
def test_malformed_values_are_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        values.decode(data)


def test_brackets_and_commas_in_strings_are_not_structure() -> None:
    text = '[{,"\\' * 300_000
    assert values.decode(values.encode(text)) == text


def test_a_value_with_too_many_parts_is_refused_without_being_built() -> None:
    with pytest.raises(FrameError, match="too many"):
        values.decode(b"[" + b"[]," * 4_100_000 + b"[]]")


def test_changes_are_copied_into_the_callers_own_objects() -> None:
    inner, table, items = [1], {"a": [1], "b": 2}, {1, 2}
    outer = [inner, 5]
    assert copy_into(outer, [[1, 9], 6, 7]) is outer
    assert outer == [[1, 9], 6, 7]
    assert outer[0] is inner
    row = table["a"]
    copy_into(table, {"a": [3], "c": 4})
    assert table == {"a": [3], "c": 4}
    assert table["a"] is row
    copy_into(items, {7})
    assert items == {7}
    assert copy_into([1], (2,)) == (2,)


@given(value=VALUES)
def test_immutable_arguments_are_recognized(value: Any) -> None:
    if not is_mutable(value):
        assert not isinstance(value, list | dict | set | collections.deque)


def test_decimal_and_fraction_are_found_by_name() -> None:
    for value in (decimal.Decimal("1.10"), fractions.Fraction(1, 3)):
        assert same(values.decode(values.encode(value)), value)
