"""Comparisons for tests that run in the program's own process, in which no class of the program decides.

An instance of a subclass of a built-in type counts as that type. An instance of any other class that a program has
defined equals only itself and what its own class calls equal, so that a class with an `__eq__` that is always true
equals nothing that the tests expect.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

NAME = "_coma_compare"  # under which tests call `compare`; `plain_comparisons` writes these calls
_EXACT = frozenset((int, float, complex, bool, str, bytes, bytearray, type(None), range))
_OF_ITEMS = frozenset((list, tuple, set, frozenset))
_BASES: tuple[tuple[type, Callable[[Any], object]], ...] = (
    (str, str.__str__),
    (int, lambda value: int.__add__(value, 0)),
    (float, lambda value: float.__mul__(value, 1.0)),
    (list, lambda value: list(list.__iter__(value))),
    (tuple, lambda value: tuple(tuple.__iter__(value))),
    (dict, lambda value: dict(dict.items(value))),
    (set, lambda value: set(set.__iter__(value))),
    (frozenset, lambda value: frozenset(frozenset.__iter__(value))),
    (bytes, lambda value: bytes.__add__(value, b"")),
    (bytearray, lambda value: bytearray.__add__(value, b"")),
    (complex, lambda value: complex.__mul__(value, 1)),
)
# Modules whose classes decide themselves, as numpy's arrays have to.
_LIBRARIES = frozenset(
    ("builtins", "collections", "datetime", "decimal", "fractions", "itertools", "numpy", "pandas", "re", "sympy")
)
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement, among others


class OwnInstance:
    """An instance of a class of the program, as it is compared."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return self._is_like(other) and (self.value is other.value or bool(self.value == other.value))  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(type(self.value))

    def _is_like(self, other: object) -> bool:
        return type(other) is OwnInstance and type(other.value) is type(self.value)

    def _ordered(self, other: object, decide: Callable[[Any, Any], Any]) -> Any:
        return decide(self.value, other.value) if self._is_like(other) else NotImplemented  # type: ignore[attr-defined]

    def __lt__(self, other: object) -> Any:
        return self._ordered(other, operator.lt)

    def __le__(self, other: object) -> Any:
        return self._ordered(other, operator.le)

    def __gt__(self, other: object) -> Any:
        return self._ordered(other, operator.gt)

    def __ge__(self, other: object) -> Any:
        return self._ordered(other, operator.ge)


def plain(value: Any) -> Any:
    """The value without what classes of the program say about it."""
    kind = type(value)
    if kind in _EXACT:
        return value
    if kind in _OF_ITEMS:
        return value if _EXACT.issuperset(map(type, value)) else kind(map(plain, value))
    if kind is dict:
        return {plain(key): plain(item) for key, item in value.items()}
    if not kind.__flags__ & _HEAP_TYPE or _is_of_a_library(kind):
        return value
    for base, convert in _BASES:
        if issubclass(kind, base):
            return plain(convert(value))
    return OwnInstance(value)


def _is_of_a_library(kind: type) -> bool:
    module = sys.modules.get(kind.__module__)
    return kind.__module__.partition(".")[0] in _LIBRARIES and getattr(module, kind.__qualname__, None) is kind


def _holds(items: Any, value: Any) -> bool:
    items = plain(items)
    if type(items) is OwnInstance:
        return any(value == plain(item) for item in items.value)  # type: ignore[attr-defined]
    return value in items


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda value, items: _holds(items, value),
    "not in": lambda value, items: not _holds(items, value),
    "is": operator.is_,
    "is not": operator.is_not,
}


def compare(names: tuple[str, ...], *operands: Any) -> Any:
    """The result of a chain of comparisons; `names` are its operators as Python writes them."""
    result: Any = True
    for name, left, right in zip(names, operands, operands[1:], strict=False):
        if not name.startswith("is"):
            left, right = plain(left), right if name.endswith("in") else plain(right)
        result = _OPERATORS[name](left, right)
        if len(names) > 1 and not result:
            break
    return result
