"""Values exchanged by a program and its tests: plain data of exact types, written as JSON.

None, booleans, small integers, floats, strings and lists are written as such; everything else is an object with one key
that names its kind. Instances of the program's own classes are never sent, nor are functions or open files, so no
`__eq__`, `__hash__` or `__del__` of the program ever runs in the tests' process. A subclass of a plain type is sent as
that type, an iterator as what its items can be had from. Nothing is unpickled or evaluated on either side.
"""

from __future__ import annotations

import collections
import itertools
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from coma_cli.sandbox.inside.protocol import iterators
from coma_cli.sandbox.inside.protocol.reading import READERS, decode, decode_answer
from coma_cli.sandbox.inside.protocol.shapes import BASES, MAX_DEPTH, MAX_NODES, NUMPY_TYPE, TYPES, too_many
from coma_cli.sandbox.inside.protocol.wire import PROGRAM_FRAME_MAX

__all__ = [
    "MAX_DEPTH",
    "MAX_NODES",
    "READERS",
    "SCALARS",
    "CrossingError",
    "decode",
    "decode_answer",
    "encode",
    "lend_iterators",
]

_BIG = 1 << 63

_Json = Any  # what json reads and writes


class CrossingError(Exception):
    """A value that can't be sent; the message names its type."""


def encode(value: object) -> bytes:
    """The bytes of one value. Raises CrossingError."""
    try:
        # Lists of plain scalars, the most common arguments, are already JSON.
        text = _to_json(value if type(value) is list and _is_plain(value, 0) else _pack(value, 0))
    except (RecursionError, ValueError) as error:
        raise CrossingError(f"a value that can't be serialized: {type(error).__name__}") from None
    if len(text) > PROGRAM_FRAME_MAX - 64:
        raise CrossingError(f"a value of {len(text)} bytes, above the limit of {PROGRAM_FRAME_MAX}")
    data = text.encode("ascii")
    if len(data) > MAX_NODES and too_many(data):
        raise CrossingError(f"a value of more than {MAX_NODES:,} parts")
    return data


SCALARS = frozenset((int, float, bool, str, type(None)))
_SCALARS_AND_LISTS = SCALARS | {list}
_TYPE_NAMES = {kind: name for name, kind in TYPES.items()}


def _is_plain(items: list[Any], depth: int) -> bool:
    """Whether a list contains only scalars that JSON represents directly, and lists of them; runs at C speed."""
    kinds = set(map(type, items))
    if not kinds <= _SCALARS_AND_LISTS or depth > MAX_DEPTH:
        return False
    if int in kinds and not _has_small_integers(items, kinds):
        return False
    if str in kinds and not all(item.isascii() for item in items if type(item) is str):
        return False
    return list not in kinds or all(_is_plain(item, depth + 1) for item in items if type(item) is list)


def _has_small_integers(items: list[Any], kinds: set[type]) -> bool:
    if kinds <= _NUMBERS:
        return bool(max(items) < _BIG and min(items) > -_BIG)
    return all(-_BIG < item < _BIG for item in items if type(item) is int)


_NUMBERS = frozenset((int, bool))


def _pack(value: Any, depth: int) -> _Json:
    """The JSON representation of a value."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _text(value)
    if kind is int:
        return value if -_BIG < value < _BIG else {"i": hex(value)}
    if value is None or kind is bool or kind is float:
        return value
    if depth >= MAX_DEPTH:
        raise CrossingError(f"a value nested deeper than {MAX_DEPTH}")
    if kind is list:
        return _pack_items(value, depth)
    write = _WRITERS.get(kind) or _writer_by_name(kind)
    return write(value, depth + 1) if write is not None else _pack_as_base(value, kind, depth)


def _writer_by_name(kind: type) -> _Writer | None:
    """The writer for a type with one of these names, if it is the real type and not a class with the same name."""
    module, name = kind.__module__, kind.__qualname__
    write = _WRITERS_BY_NAME.get(f"{module}.{name}") if type(module) is str else None
    return write if write is not None and getattr(sys.modules.get(module), name, None) is kind else None


def _pack_items(items: Iterable[object], depth: int) -> list[_Json]:
    listed = items if type(items) is list else list(items)
    return listed if _is_plain(listed, depth) else [_pack(item, depth + 1) for item in listed]


def _pack_pairs(mapping: Iterable[tuple[object, object]], depth: int) -> list[_Json]:
    """Keys and values of a mapping as a flat list."""
    return _pack_items([part for pair in mapping for part in pair], depth)


def _pack_as_base(value: Any, kind: type, depth: int) -> _Json:
    """Send an instance of a subclass as its plain base type, read with that type's own methods."""
    if kind.__module__ == "numpy" and hasattr(value, "dtype"):
        return _numpy_to_json(value)
    if kind in iterators.TYPES:
        return _iterator_to_json(value, kind, depth)
    for base in BASES:
        if issubclass(kind, base):
            return _pack(_TO_BASE[base](value), depth)
    if kind is type and value in _TYPE_NAMES:
        return {"y": _TYPE_NAMES[value]}
    raise CrossingError(f"a value of type {kind.__name__[:60]}")


def _text(value: str) -> _Json:
    # JSON would join two lone surrogates into one character.
    try:
        value.encode()
    except UnicodeEncodeError:
        return {"u": [ord(letter) for letter in value]}
    return value


def _numpy_to_json(value: Any) -> _Json:
    numpy_type = str(value.dtype.str)
    if not NUMPY_TYPE.fullmatch(numpy_type):
        raise CrossingError(f"a numpy value of type {numpy_type[:40]}")
    return {"n": [type(value).__name__ == "ndarray", numpy_type, list(value.shape), value.tobytes().hex()]}


# How the program's process keeps the iterators that it returns; None where iterators are sent whole.
_lend: Callable[[Iterator[Any]], int] | None = None


def lend_iterators(lend: Callable[[Iterator[Any]], int] | None) -> None:
    """From now on `encode` writes the number that this gives an iterator instead of its items; None: the items."""
    global _lend
    _lend = lend


def _iterator_to_json(value: Any, kind: type, depth: int) -> _Json:
    name = iterators.name_of(kind)
    if _lend is not None:
        return {"L": [name, _lend(value)]}
    items = list(itertools.islice(value, MAX_NODES + 1))
    if len(items) > MAX_NODES:
        raise CrossingError(f"an iterator of more than {MAX_NODES:,} items")
    return {"I": [name, _pack_items(items, depth)]}


def _match_to_json(value: Any, depth: int) -> _Json:
    spans = [value.span(number) for number in range(len(value.groups()) + 1)]
    names = dict(value.re.groupindex)
    return {
        "m": [_pack(part, depth) for part in (value.string, spans, names, value.pos, value.endpos, value.lastindex)]
    }


_TO_BASE: dict[type, Callable[[Any], object]] = {
    str: str.__str__,
    int: lambda value: int.__add__(value, 0),
    float: lambda value: float.__mul__(value, 1.0),
    list: lambda value: list(list.__iter__(value)),
    tuple: lambda value: tuple(tuple.__iter__(value)),
    dict: lambda value: dict(dict.items(value)),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    bytes: lambda value: bytes.__add__(value, b""),
    bytearray: lambda value: bytearray.__add__(value, b""),
    complex: lambda value: complex.__mul__(value, 1),
}

_Writer = Callable[[Any, int], _Json]
_WRITERS: dict[type, _Writer] = {
    tuple: lambda value, depth: {"t": _pack_items(value, depth)},
    set: lambda value, depth: {"s": _pack_items(value, depth)},
    frozenset: lambda value, depth: {"f": _pack_items(value, depth)},
    dict: lambda value, depth: {"d": _pack_pairs(value.items(), depth)},
    bytes: lambda value, depth: {"b": value.decode("latin-1")},
    bytearray: lambda value, depth: {"ba": value.decode("latin-1")},
    complex: lambda value, depth: {"c": [value.real, value.imag]},
    range: lambda value, depth: {"r": _pack_items((value.start, value.stop, value.step), depth)},
    collections.deque: lambda value, depth: {"q": [_pack_items(value, depth), value.maxlen]},
    collections.Counter: lambda value, depth: {"C": _pack_pairs(dict.items(value), depth)},
    collections.OrderedDict: lambda value, depth: {"O": _pack_pairs(value.items(), depth)},
    collections.defaultdict: lambda value, depth: {
        "dd": [_TYPE_NAMES.get(value.default_factory), _pack_pairs(dict.items(value), depth)]
    },
    re.Match: _match_to_json,
    type({}.keys()): lambda value, depth: {"dk": _pack_items(value, depth)},
    type({}.values()): lambda value, depth: {"dv": _pack_items(value, depth)},
    type({}.items()): lambda value, depth: {"di": _pack_pairs(value, depth)},
    type(collections.OrderedDict().keys()): lambda value, depth: {"dk": _pack_items(value, depth)},
    type(collections.OrderedDict().values()): lambda value, depth: {"dv": _pack_items(value, depth)},
    type(collections.OrderedDict().items()): lambda value, depth: {"di": _pack_pairs(value, depth)},
}
# Types from modules that are too expensive to import just for this.
_WRITERS_BY_NAME: dict[str, _Writer] = {
    "decimal.Decimal": lambda value, depth: {"D": str(value)},
    "datetime.date": lambda value, depth: {"date": [value.year, value.month, value.day]},
    "datetime.datetime": lambda value, depth: {"datetime": _datetime_parts(value)},
    "datetime.time": lambda value, depth: {"time": _time_parts(value)},
    "datetime.timedelta": lambda value, depth: {"delta": [value.days, value.seconds, value.microseconds]},
    "fractions.Fraction": lambda value, depth: {"F": _pack_items((value.numerator, value.denominator), depth)},
}


def _datetime_parts(value: Any) -> list[int]:
    if value.tzinfo is not None:
        raise CrossingError("a datetime with a time zone")
    return [value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond]


def _time_parts(value: Any) -> list[int]:
    if value.tzinfo is not None:
        raise CrossingError("a time with a time zone")
    return [value.hour, value.minute, value.second, value.microsecond]


def _make_writer() -> Callable[[object], str]:
    """A function that writes JSON. The C encoder is made once: `JSONEncoder.encode` would make one per call."""
    encoder = json.JSONEncoder(check_circular=False, separators=(",", ":"))
    try:
        write = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
            None, encoder.default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True
        )
        write(["probe"], 0)
    except (TypeError, AttributeError):
        return encoder.encode
    return lambda value: "".join(write(value, 0))


_to_json = _make_writer()
