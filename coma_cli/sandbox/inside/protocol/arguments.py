"""Arguments that a program changes in place, and how the changes reach the tests' objects."""

from __future__ import annotations

import collections
from typing import Any

from coma_cli.sandbox.inside.protocol.values import SCALARS


def is_mutable(value: object) -> bool:
    """Whether a program could change this argument, or something inside it, visibly to its caller."""
    if type(value) in SCALARS:
        return False
    if type(value) is tuple:
        return any(map(is_mutable, value))
    return not isinstance(value, (str, bytes, range, frozenset, complex))


def copy_into(old: Any, new: Any) -> Any:
    """Copy the content of `new` into `old` if both are of the same mutable type, and return what should replace it."""
    kind = type(old)
    if kind is not type(new):
        return new
    if kind is list:
        old[:] = [copy_into(old[i], item) if i < len(old) else item for i, item in enumerate(new)]
    elif isinstance(old, dict):
        merged = [(key, copy_into(old[key], item) if key in old else item) for key, item in new.items()]
        old.clear()
        old.update(merged)
    elif kind is set:
        old.clear()
        old.update(new)
    elif kind is bytearray:
        old[:] = new
    elif kind is collections.deque:
        items = list(new)
        old.clear()
        old.extend(items)
    elif kind is tuple and len(old) == len(new):
        for before, after in zip(old, new, strict=True):
            copy_into(before, after)
        return old
    elif kind.__module__ == "numpy" and getattr(old, "shape", ()) == getattr(new, "shape", None) != ():
        old[...] = new
    else:
        return new
    return old
