"""How large a value may be, what both sides know of its form, and the check of a text before anything is built."""

from __future__ import annotations

import re

from coma_cli.sandbox.inside.protocol.wire import FrameError, TooLargeError

MAX_DEPTH = 100
MAX_NODES = 1 << 20  # of a value with all that is in it; the items of a range and of a numpy array count
BASES: tuple[type, ...] = (str, int, float, list, tuple, dict, set, frozenset, bytes, bytearray, complex)
TYPES: dict[str, type] = {kind.__name__: kind for kind in (*BASES, bool, range, object, type(None))}
NUMPY_TYPE = re.compile(r"[<>|=][biufcSUmM]\d{1,6}(\[\w{1,8}\])?")


def check_shape(data: bytes) -> None:
    """Reject values that are too deep or have too many parts before building anything."""
    brackets = data.count(b"[") + data.count(b"{")
    if brackets <= _JSON_DEPTH and data.count(b",") + brackets <= MAX_NODES:
        return
    # Only now look closer, since brackets and commas inside strings are harmless.
    bare = _STRING.sub(b"", data)
    if _has_too_many(bare):
        raise TooLargeError(f"a value of more than {MAX_NODES:,} parts")
    depth = 0
    for bracket in _BRACKET.finditer(bare):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > _JSON_DEPTH:
            raise FrameError("a value nested too deeply")


def too_many(data: bytes) -> bool:
    """Whether a value has too many parts: counted with the characters of its strings first, which is faster."""
    return _has_too_many(data) and _has_too_many(_STRING.sub(b"", data))


def _has_too_many(bare: bytes) -> bool:
    # A list has one part more than commas; an object and the list or string in it are one part.
    return bare.count(b",") + bare.count(b"[") > MAX_NODES or bare.count(b"{") > MAX_NODES


# One level of a value is at most three levels of JSON.
_JSON_DEPTH = 3 * MAX_DEPTH + 3
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_BRACKET = re.compile(rb"[\[\]{}]")
