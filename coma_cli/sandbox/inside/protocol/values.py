"""Values exchanged by a program and its tests: plain data of exact types, written as JSON.

None, booleans, small integers, floats, strings and lists are written as such; everything else is an object with one key
that names its kind. Instances of the program's own classes are never sent, nor are functions, generators or open files,
so no `__eq__`, `__hash__` or `__del__` of the program ever runs in the tests' process. A subclass of a plain type is
sent as that type. Nothing is unpickled or evaluated on either side.
"""

from __future__ import annotations

import collections
import json
import re
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from coma_cli.sandbox.inside.protocol.wire import PROGRAM_FRAME_MAX, FrameError

MAX_DEPTH = 100
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
    return text.encode("ascii")


def decode(data: bytes) -> Any:
    """The value that `encode` wrote. Raises FrameError for anything else, before allocating much memory."""
    _check_shape(data)
    try:
        return _from_json(data.decode("ascii"))
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, ImportError, AttributeError) as error:
        raise FrameError(f"not a value: {type(error).__name__}: {str(error)[:80]}") from None


SCALARS = frozenset((int, float, bool, str, type(None)))
_SCALARS_AND_LISTS = SCALARS | {list}
_BASES: tuple[type, ...] = (str, int, float, list, tuple, dict, set, frozenset, bytes, bytearray, complex)
_TYPES: dict[str, type] = {kind.__name__: kind for kind in (*_BASES, bool, range, object, type(None))}
_TYPE_NAMES = {kind: name for name, kind in _TYPES.items()}


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
    for base in _BASES:
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
    if not _NUMPY_TYPE.fullmatch(numpy_type):
        raise CrossingError(f"a numpy value of type {numpy_type[:40]}")
    return {"n": [type(value).__name__ == "ndarray", numpy_type, list(value.shape), value.tobytes().hex()]}


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


# --- reading ---


def _check_shape(data: bytes) -> None:
    """Reject values that are too deep or have too many parts before building anything."""
    brackets = data.count(b"[") + data.count(b"{")
    parts = data.count(b",") + brackets
    if brackets <= _JSON_DEPTH and parts <= _JSON_PARTS:
        return
    # Only now look closer, since brackets and commas inside strings are harmless.
    bare = _STRING.sub(b"", data)
    if bare.count(b",") + bare.count(b"[") + bare.count(b"{") > _JSON_PARTS:
        raise FrameError("a value with too many parts")
    depth = 0
    for bracket in _BRACKET.findall(bare):
        depth += 1 if bracket in b"[{" else -1
        if depth > _JSON_DEPTH:
            raise FrameError("a value nested too deeply")


# One level of a value is at most three levels of JSON.
_JSON_DEPTH = 3 * MAX_DEPTH + 3
_JSON_PARTS = 4_000_000
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_BRACKET = re.compile(rb"[\[\]{}]")
_NUMPY_TYPE = re.compile(r"[<>|=][biufcSUmM]\d{1,6}(\[\w{1,8}\])?")


def _rebuild(pairs: list[tuple[str, Any]]) -> object:
    if len(pairs) != 1:
        raise FrameError(f"an object with {len(pairs)} keys")
    tag, content = pairs[0]
    build = READERS.get(tag)
    if build is None:
        raise FrameError(f"an unknown kind {tag[:20]!r}")
    return build(content)


def _expect(content: Any, kind: type) -> Any:
    if type(content) is not kind:
        raise FrameError(f"{type(content).__name__} in place of {kind.__name__}")
    return content


def _dict_items(content: Any) -> list[tuple[Any, Any]]:
    flat = _expect(content, list)
    if len(flat) % 2:
        raise FrameError("a key without a value")
    return list(zip(flat[::2], flat[1::2], strict=True))


def _ints(content: Any, count: int) -> list[Any]:
    if len(_expect(content, list)) != count:
        raise FrameError("the wrong number of parts")
    return [_expect(part, int) for part in content]


def _two(content: Any) -> list[Any]:
    if len(_expect(content, list)) != 2:
        raise FrameError("the wrong number of parts")
    return list(content)


def _complex(content: Any) -> complex:
    real, imaginary = _two(content)
    return complex(_expect(real, float), _expect(imaginary, float))


def _deque(content: Any) -> object:
    items, maximum = _two(content)
    return collections.deque(_expect(items, list), None if maximum is None else _expect(maximum, int))


def _default_dict(content: Any) -> object:
    factory, items = _two(content)
    return collections.defaultdict(None if factory is None else _TYPES[_expect(factory, str)], _dict_items(items))


def _decimal(content: Any) -> object:
    import decimal

    return decimal.Decimal(_expect(content, str))


def _fraction(content: Any) -> object:
    import fractions

    return fractions.Fraction(*_ints(content, 2))


def _moment(kind: str, content: Any, count: int) -> object:
    import datetime

    return getattr(datetime, kind)(*_ints(content, count))


def _numpy(content: Any) -> object:
    is_array, numpy_type, shape, data = content
    if not _NUMPY_TYPE.fullmatch(_expect(numpy_type, str)) or len(_expect(shape, list)) > 32:
        raise FrameError("an invalid numpy value")
    numpy: ModuleType = __import__("numpy")
    flat = numpy.frombuffer(bytes.fromhex(_expect(data, str)), dtype=numpy.dtype(numpy_type))
    array = flat.reshape(tuple(_ints(shape, len(shape)))).copy()
    return array if _expect(is_array, bool) else array[()]


READERS: dict[str, Callable[[Any], object]] = {
    "i": lambda content: int(_expect(content, str), 16),
    "u": lambda content: "".join(chr(_expect(code, int)) for code in _expect(content, list)),
    "t": lambda content: tuple(_expect(content, list)),
    "s": lambda content: set(_expect(content, list)),
    "f": lambda content: frozenset(_expect(content, list)),
    "d": lambda content: dict(_dict_items(content)),
    "b": lambda content: _expect(content, str).encode("latin-1"),
    "ba": lambda content: bytearray(_expect(content, str), "latin-1"),
    "c": _complex,
    "r": lambda content: range(*_ints(content, 3)),
    "y": lambda content: _TYPES[_expect(content, str)],
    "q": _deque,
    "C": lambda content: collections.Counter(dict(_dict_items(content))),
    "O": lambda content: collections.OrderedDict(_dict_items(content)),
    "dd": _default_dict,
    "D": _decimal,
    "F": _fraction,
    "n": _numpy,
    "date": lambda content: _moment("date", content, 3),
    "datetime": lambda content: _moment("datetime", content, 7),
    "time": lambda content: _moment("time", content, 4),
    "delta": lambda content: _moment("timedelta", content, 3),
}


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


def _make_reader() -> Callable[[str], Any]:
    scan = json.JSONDecoder(object_pairs_hook=_rebuild).scan_once  # type: ignore[attr-defined]

    def read(text: str) -> Any:
        try:
            value, end = scan(text, 0)
        except StopIteration:
            raise FrameError("not a value: not JSON") from None
        if end != len(text):
            raise FrameError("not a value: trailing data")
        return value

    return read


_to_json = _make_writer()
_from_json = _make_reader()
