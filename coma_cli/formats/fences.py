"""Code in the answers of language models, which often stands between fences of three backticks."""

import re
from typing import NamedTuple

_FENCE = "```"
_BLOCK = re.compile(r"```(?P<tag>[^\n`]*)(?:\n(?P<code>.*?))??\n?```", re.DOTALL)


class Unfenced(NamedTuple):
    """An answer without the fence around it, and the tag of its first fence (a programming language; "" for none)."""

    text: str
    tag: str


def unfenced(given: str) -> Unfenced | None:
    """The code of an answer that is one fenced block, else the whole answer; None where a block is left open."""
    text = given.strip()
    if text.count(_FENCE) % 2:
        return None
    block = _BLOCK.search(text)
    if block is None or block.span() != (0, len(text)):
        return Unfenced(given.strip("\n").rstrip(), block["tag"].strip() if block else "")
    return Unfenced((block["code"] or "").strip("\n").rstrip(), block["tag"].strip())
