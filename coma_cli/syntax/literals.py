"""Writes plain values as Python source that evaluates to them, identical in every process."""

import math
from typing import Any

_LARGEST_DECIMAL = 1 << 63  # larger numbers are written in base 16: Python refuses to parse very long decimals


def literal(value: Any) -> str:
    """Source of an expression for a value.

    Raises:
        ValueError: the value is or contains something other than None, numbers, strings, bytes and plain containers.
    """
    kind = type(value)
    if kind in (list, tuple):
        parts = ", ".join(map(literal, value))
        return f"[{parts}]" if kind is list else f"({parts},)" if len(value) == 1 else f"({parts})"
    if kind is dict:
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    if kind in (set, frozenset):
        # The order of a set varies between processes.
        return f"{kind.__name__}([{', '.join(sorted(map(literal, value)))}])"
    if kind is float:
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if kind is complex:
        return f"complex({literal(value.real)}, {literal(value.imag)})"
    if kind is int:
        return repr(value) if abs(value) < _LARGEST_DECIMAL else hex(value)
    if kind in (str, bytes, bool) or value is None:
        return ascii(value)
    raise ValueError(f"a {kind.__name__} can't be written as a literal")
