"""What code of Java's family uses of libraries: called methods and named classes, by a regular expression."""

import re
from functools import lru_cache

_STRINGS_AND_COMMENTS = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*[\s\S]*?\*/')
_USED = re.compile(r"\.\s*(\w+)\s*\(|\bnew\s+(\w+)|\b([A-Z]\w*[a-z]\w*)(?:<[^;()]*>)?\s+\w+\s*[=;:]")
_EVERYWHERE = frozenset({"String", "Object", "Exception", "Integer", "length", "size", "get", "toString", "println"})
FEWEST_NAMES = 3


@lru_cache(maxsize=1024)
def called_names(code: str) -> frozenset[str]:
    """The methods that code calls on objects and the classes that it names, without those that nearly all code uses."""
    bare = _STRINGS_AND_COMMENTS.sub(" ", code)
    return frozenset(name for found in _USED.findall(bare) for name in found if name) - _EVERYWHERE


def shared_calls(first: str, second: str) -> float:
    """The share of the smaller set of called names that is in the other one (0 to 1).

    1 if one of the two has fewer than three, which says nothing: a sort of an array calls nothing.
    """
    one, other = called_names(first), called_names(second)
    fewest = min(len(one), len(other))
    return len(one & other) / fewest if fewest >= FEWEST_NAMES else 1.0
