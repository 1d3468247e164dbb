"""Reads the values that `values.encode` writes, from a side that is not trusted: anything else is refused."""

from __future__ import annotations

import collections
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

from coma_cli.sandbox.inside.protocol import iterators
from coma_cli.sandbox.inside.protocol.matched_text import MatchedText
from coma_cli.sandbox.inside.protocol.shapes import MAX_NODES, NUMPY_TYPE, TYPES, check_shape
from coma_cli.sandbox.inside.protocol.wire import FrameError, TooLargeError


def decode(data: bytes) -> Any:
    """The value that `encode` wrote. Raises FrameError for anything else, before allocating much memory."""
    check_shape(data)
    try:
        return _from_json(data.decode("ascii"))
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, ImportError, AttributeError) as error:
        raise FrameError(f"not a value: {type(error).__name__}: {str(error)[:80]}") from None


def decode_answer(data: bytes, borrow: Callable[[str, int], Any]) -> Any:
    """As `decode`, for what a program says: what could become very large when it is used counts with its full size.

    `borrow` gives the iterator that the program has kept, by the name of its type and its number.
    """
    global _room, _borrow
    _room, _borrow = MAX_NODES, borrow
    try:
        return decode(data)
    finally:
        _room = _borrow = None


# Set while an answer of a program is read: how many more items may be hidden in ranges and arrays, and its iterators.
_room: int | None = None
_borrow: Callable[[str, int], Any] | None = None


def _take_room(count: int) -> None:
    global _room
    if _room is not None:
        _room -= count
        if _room < 0:
            raise TooLargeError(f"a value of more than {MAX_NODES:,} parts")


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
    keys = _hashable(flat[::2])
    return list(zip(keys, flat[1::2], strict=True))


def _hashable(keys: list[Any]) -> list[Any]:
    """Refuse keys of which most have one hash: a set of them takes time that grows with the square."""
    if len(keys) > _KEYS_MAX and len(set(map(hash, keys))) < len(keys) // _KEYS_PER_HASH:
        raise FrameError("keys that share their hashes")
    return keys


_KEYS_MAX, _KEYS_PER_HASH = 1000, 64


def _ints(content: Any, count: int) -> list[Any]:
    if len(_expect(content, list)) != count:
        raise FrameError("the wrong number of parts")
    return [_expect(part, int) for part in content]


def _two(content: Any) -> list[Any]:
    if len(_expect(content, list)) != 2:
        raise FrameError("the wrong number of parts")
    return list(content)


def _range(content: Any) -> range:
    made = range(*_ints(content, 3))
    _take_room(max(0, (made.stop - made.start) // made.step))
    return made


def _ordinal(part: Any) -> int:
    if type(part) is not int or part < 0:
        raise FrameError("an invalid number")
    return part


def _lent(content: Any) -> Any:
    name, number = _two(content)
    if _borrow is None:
        raise FrameError("an iterator that is not here")
    return _borrow(_expect(name, str), _ordinal(number))


def _iterator(content: Any) -> Any:
    name, items = _two(content)
    return iterators.rebuild(_expect(name, str), iter(_expect(items, list)))


def _match(content: Any) -> object:
    string, spans, names, start, end, last = _expect(content, list)
    if type(string) not in (str, bytes):
        raise FrameError("a match in no text")
    found = [(int(one), int(other)) for one, other in _expect(spans, list)]
    numbers = {_expect(name, str): _ordinal(number) for name, number in _expect(names, dict).items()}
    return MatchedText(
        string, found, numbers, (_ordinal(start), _ordinal(end)), None if last is None else _ordinal(last)
    )


def _complex(content: Any) -> complex:
    real, imaginary = _two(content)
    return complex(_expect(real, float), _expect(imaginary, float))


def _deque(content: Any) -> object:
    items, maximum = _two(content)
    return collections.deque(_expect(items, list), None if maximum is None else _expect(maximum, int))


def _default_dict(content: Any) -> object:
    factory, items = _two(content)
    return collections.defaultdict(None if factory is None else TYPES[_expect(factory, str)], _dict_items(items))


def _decimal(content: Any) -> object:
    import decimal

    return decimal.Decimal(_expect(content, str))


def _fraction(content: Any) -> object:
    import fractions

    numerator, denominator = _ints(content, 2)
    if max(numerator.bit_length(), denominator.bit_length()) > _FRACTION_BITS:
        raise FrameError("a fraction of too many digits")
    return fractions.Fraction(numerator, denominator)


_FRACTION_BITS = 1 << 16  # reducing one takes time that grows with the square


def _moment(kind: str, content: Any, count: int) -> object:
    import datetime

    return getattr(datetime, kind)(*_ints(content, count))


def _numpy(content: Any) -> object:
    is_array, numpy_type, shape, data = content
    if not NUMPY_TYPE.fullmatch(_expect(numpy_type, str)) or len(_expect(shape, list)) > 32:
        raise FrameError("an invalid numpy value")
    numpy: ModuleType = __import__("numpy")
    flat = numpy.frombuffer(bytes.fromhex(_expect(data, str)), dtype=numpy.dtype(numpy_type))
    _take_room(int(flat.size))
    array = flat.reshape(tuple(_ints(shape, len(shape)))).copy()
    return array if _expect(is_array, bool) else array[()]


READERS: dict[str, Callable[[Any], object]] = {
    "i": lambda content: int(_expect(content, str), 16),
    "u": lambda content: "".join(chr(_expect(code, int)) for code in _expect(content, list)),
    "t": lambda content: tuple(_expect(content, list)),
    "s": lambda content: set(_hashable(_expect(content, list))),
    "f": lambda content: frozenset(_hashable(_expect(content, list))),
    "d": lambda content: dict(_dict_items(content)),
    "b": lambda content: _expect(content, str).encode("latin-1"),
    "ba": lambda content: bytearray(_expect(content, str), "latin-1"),
    "c": _complex,
    "r": _range,
    "L": _lent,
    "I": _iterator,
    "m": _match,
    "dk": lambda content: dict.fromkeys(_hashable(_expect(content, list))).keys(),
    "dv": lambda content: dict(enumerate(_expect(content, list))).values(),
    "di": lambda content: dict(_dict_items(content)).items(),
    "y": lambda content: TYPES[_expect(content, str)],
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


_from_json = _make_reader()
