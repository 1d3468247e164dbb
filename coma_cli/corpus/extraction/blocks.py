"""Fenced blocks in the answers of models, which follow Markdown's rules loosely.

What models write is brought into Markdown's form first: marks at the end of a sentence or of a line of code get a line
of their own, and so does code that begins on the line of its fence.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from coma_cli.formats.fences import Fence, answer_blocks

_MAX_BLOCKS = 40
# "Here is the code: ```python", "    return x```": the words must not be a comment or end in a string's quotes.
_GLUED = re.compile(r"^(?P<words>[^\n`#]*[^\s`#'\"][ \t]*)(?P<mark>`{3,})(?P<info>[\w+#]*)[ \t]*$", re.MULTILINE)
_IN_LIST_ITEM = re.compile(r"^(?P<item>[ \t]*(?:[-*+]|\d+[.)]))(?P<space>[ \t]+)(?P<fence>`{3,}[^`\n]*)$", re.MULTILINE)
_CODE_ON_FENCE_LINE = re.compile(
    r"^(?P<fence>[ \t]*`{3,}[ \t]*(?:python|py|python3)?)[ \t]*"
    r"(?P<code>(?:(?:def|class|import|from|async|return|print|for|if|while|lambda)\b|@\w|\w+\s=\s)[^\n`]*)$",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Block:
    """A fenced block, and the text between it and the block before."""

    fence: Fence
    intro: str

    @property
    def code(self) -> str:
        """What is between the fences."""
        return self.fence.code


def in_markdown(text: str) -> str:
    """An answer with each fence on a line of its own."""
    if "```" not in text:
        return text
    text = _CODE_ON_FENCE_LINE.sub(lambda hit: f"{hit['fence'].rstrip()}\n{hit['code']}", text)
    text = _IN_LIST_ITEM.sub(_below_its_item, text)
    return _GLUED.sub(lambda hit: f"{hit['words'].rstrip()}\n{hit['mark']}{hit['info']}", text)


def _below_its_item(hit: re.Match[str]) -> str:
    return f"{hit['item']}\n{' ' * len(hit['item'] + hit['space'])}{hit['fence']}"


def blocks_of(text: str) -> list[Block]:
    """The first blocks of an answer that is `in_markdown`, in order; one that is never closed is the last."""
    return list(islice(_blocks(text), _MAX_BLOCKS))


def _blocks(text: str) -> Iterator[Block]:
    behind = 0
    for fence in answer_blocks(text):
        yield Block(fence, text[behind : fence.start])
        behind = fence.end
