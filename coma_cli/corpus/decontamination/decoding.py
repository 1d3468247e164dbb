r"""What the texts of a row say once decoded: letters that look like Latin ones, entities, escapes, base64, lists.

A benchmark's text is found in all these forms. Each text is folded, and a few readings are added to it: the candidates
of a list in JSON, one by one; a text in which line ends are written as `\\n`; what is coded in base64; the same without
the numbers of its lines; a cloze text with the answer in its gap.
"""

import base64
import binascii
import html
import itertools
import json
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib import resources

_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);")
# Letters that NFKC replaces: full-width, mathematical, in circles, raised, ligatures; combining marks; invisible ones.
_COMPATIBLE = (
    "\u00aa\u00ad\u00b2-\u00ba\u0132-\u0140\u0149\u017f\u01c4-\u01cc\u0300-\u036f\u2000-\u200f\u2028-\u206f\u2070-\u209f"
    "\u2460-\u24ff\ufb00-\ufb06\ufeff\uff10-\uff19\uff21-\uff3a\uff41-\uff5a"
)
_FOREIGN = re.compile(
    f"[{_COMPATIBLE}\u0370-\u1fff\u2100-\u21ff\u2c00-\u2dff\ua4d0-\ua7ff\uab30-\uabff\U00010000-\U0001ffff]"
)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{40,}[\r\n]*)+={0,2}")
_ESCAPED = re.compile(r"\\(?:[nrt\"'\\/]|u[0-9a-fA-F]{4})")
_NUMBERED = re.compile(r"^[ \t]*(?:In ?\[)?(\d+)(?:[:.)|\]]+|[ \t])[ \t]?", re.MULTILINE)
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"), "")
_LEAST_ESCAPES = 2
_LEAST_NUMBERED = 2
_MOST_CHARS = 200_000
_MASK = "<mask>"


def folded(text: str) -> str:
    """A text with entities decoded, and with Latin letters for those that look like them."""
    if "&" in text and _ENTITY.search(text):
        text = html.unescape(text)
    if text.isascii() or not _FOREIGN.search(text):
        return text
    return unicodedata.normalize("NFKC", text).translate(_INVISIBLE).translate(_latin_letters())


@cache
def _latin_letters() -> dict[int, str]:
    """Letters of other alphabets, and the Latin ones that they look like."""
    text = resources.files(__package__).joinpath("look_alikes.txt").read_text(encoding="utf-8")
    lines = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {ord(other): latin for latin, others in lines for other in others}


def readings(text: str) -> Iterator[str]:
    """What else a folded text says."""
    if len(text) > _MOST_CHARS:
        return
    if "\\" in text and len(_ESCAPED.findall(text)) >= _LEAST_ESCAPES:
        yield _unescaped(text)
    coded = _BASE64.search(text) if len(text) >= 40 else None
    while coded is not None:
        plain = _decoded(coded[0])
        if plain is not None:
            yield folded(plain)
        coded = _BASE64.search(text, coded.end())
    unnumbered = _without_numbers(text)
    if unnumbered is not None:
        yield unnumbered


def filled(text: str, answer: str) -> str | None:
    """A cloze text with the answer in its gap; None for other texts."""
    return text.replace(_MASK, answer) if _MASK in text else None


def strings_in(text: str) -> list[str]:
    """The strings in a text that is a list or an object in JSON; nothing for other texts."""
    if not text.lstrip().startswith(("[", "{")):
        return []
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    found: list[str] = []
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict):
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
    return found[::-1]


def _unescaped(text: str) -> str:
    """A text in which escapes are what they stand for."""

    def meant(found: re.Match[str]) -> str:
        escape = found[0]
        if escape[1] == "u":
            return chr(int(escape[2:], 16))
        return {"n": "\n", "r": "\r", "t": "\t"}.get(escape[1], escape[1])

    return _ESCAPED.sub(meant, text)


def _decoded(coded: str) -> str | None:
    """The text that is coded in base64, or None if it is not a text."""
    plain = "".join(coded.split()).translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        text = base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    return text if text.isprintable() or " " in text or "\n" in text else None


def _without_numbers(text: str) -> str | None:
    """A text without the numbers at the beginnings of its lines; None if they do not count its lines."""
    found = [int(number[:9]) for number in _NUMBERED.findall(text)] if "\n" in text else []
    following = sum(later == earlier + 1 for earlier, later in itertools.pairwise(found))
    if following + 1 < _LEAST_NUMBERED:
        return None
    return _NUMBERED.sub("", text)
