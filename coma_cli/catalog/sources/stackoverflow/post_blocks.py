"""The blocks of text and code in a post's HTML, which of them may be an answer, and which titles are how-to questions.

These are simple rules of our own, where StaQC and CodePro trained classifiers that were not published with their data:
a title must ask how to do something, and an answer's first block of code in the right language is the answer.
"""

import re
from html.parser import HTMLParser
from typing import NamedTuple

from coma_cli.languages import parses_as_python

_HOW_TO = re.compile(
    r"\bhow\s+(?:do|does|can|could|should|would|to|might)\b"
    r"|\b(?:is|are)\s+there\s+(?:an?|any|some)\s+(?:[\w-]+\s+){0,3}(?:way|ways|method|function|command|query)\b"
    r"|\b(?:best|easiest|fastest|simplest|cleanest|right|correct|proper|standard|good|better|efficient|elegant|pythonic)"
    r"\s+(?:\w+\s+)?(?:way|ways|method|practice|approach)\b"
    r"|\bway\s+(?:to|of)\b",
    re.IGNORECASE,
)
_ABOUT_AN_ERROR = re.compile(
    r"\bwhy\b|\b(?:not|n['’]t|never|stopped)\s+work(?:s|ing)?\b|\bfails?\b|\bfailing\b|\btraceback\b|\bunexpected\b"
    r"|\bwhat(?:['’]s|\s+is)\s+wrong\b|\b(?:get|gets|getting|got|throws?|raises?)\s+(?:an?\s+|this\s+)?\w*(?:error|exception)"
    r"|\w*(?:error|exception):|\bfix\b",
    re.IGNORECASE,
)
_SQL = re.compile(
    r"\s*(?:--[^\n]*\n\s*|;\s*)*(?:select|insert|update|delete|create|alter|drop|with|merge|declare|exec|execute|begin"
    r"|grant|revoke|truncate|set|replace|explain|use|call)\b",
    re.IGNORECASE,
)
_OUTPUT = re.compile(r"\s*(?:[+|]|[-=]{3,}|\d+(?:[\s.,:]\d*)*\s|traceback\b|error\b|\$ |c:\\|<\?xml)", re.IGNORECASE)
_PROMPT = ">>> "
_LINES_OF_INPUT = (_PROMPT, "... ")
_BREAKS = frozenset({"p", "li", "h1", "h2", "h3", "br", "blockquote", "tr", "div", "hr"})


class PostBlock(NamedTuple):
    """A part of a post: a block of code, or the text between two such blocks."""

    is_code: bool
    text: str


def asks_how_to(title: str) -> bool:
    """Whether a title asks how to do something, and not why something fails."""
    return bool(_HOW_TO.search(title)) and not _ABOUT_AN_ERROR.search(title)


def blocks_of(body: str) -> list[PostBlock]:
    """The non-empty blocks of a post's HTML in order; inline code belongs to the text around it."""
    reader = _BlockReader()
    reader.feed(body)
    reader.close()
    return reader.found()


class _BlockReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._blocks: list[PostBlock] = []
        self._pieces: list[str] = []
        self._pre = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "pre":
            if not self._pre:
                self._end_block(is_code=False)
            self._pre += 1
        elif tag in _BREAKS and not self._pre:
            self._pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre" and self._pre:
            self._pre -= 1
            if not self._pre:
                self._end_block(is_code=True)

    def handle_data(self, data: str) -> None:
        self._pieces.append(data)

    def _end_block(self, is_code: bool) -> None:
        text = "".join(self._pieces)
        text = text.strip("\n").rstrip() if is_code else " ".join(text.split())
        if text.strip():
            self._blocks.append(PostBlock(is_code, text))
        self._pieces.clear()

    def found(self) -> list[PostBlock]:
        """All blocks; an unclosed one ends with the post."""
        self._end_block(is_code=bool(self._pre))
        return self._blocks


def is_code_of(language: str, text: str) -> bool:
    """Whether a block is code in the language, and not output, a table or the content of a file."""
    if language == "python":
        return parses_as_python(text) and not _OUTPUT.match(text)
    if language == "sql":
        return bool(_SQL.match(text))
    return not _OUTPUT.match(text)


def without_prompts(text: str) -> str:
    """The input lines of an interactive Python session; other text is returned unchanged."""
    if not text.lstrip().startswith(_PROMPT):
        return text
    stripped = (line.lstrip() for line in text.split("\n"))
    return "\n".join(line[len(_PROMPT) :] for line in stripped if line.startswith(_LINES_OF_INPUT))
