"""The prose of documentation: what a person would say the function does, without parameter lists, examples and markup.

Python's docstrings come without signs; other languages' comments may bring theirs, which go first (`comment_markup`).
"""

import inspect
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from coma_cli.syntax.comment_markup import without_markup
from coma_cli.syntax.function import CodeFunction
from coma_cli.words import chinese_share, latin_share, sentences, words

if TYPE_CHECKING:
    from coma_cli.records import TextLanguage

# A line that opens something other than prose: field lists, section titles, doctests, directives, "name -- text" lists.
_STOP = re.compile(
    r"""\s*(?:
        :\w[\w\s]*:(?!`) | @\w+\b | >>> | \.\.\s | \.\.$ | [-*+•]\s | \d+[.)]\s | \|
      | (?:args?|arguments?|params?|parameters?|keyword\s+arguments?|kwargs|returns?|return\s+values?|yields?
          |raises?|throws|exceptions?|examples?|usage|notes?|warnings?|see\s+also|references?|attributes|todo|side\s+effects)\s*:{1,2}\s*$
      | (?:args|arguments|params|parameters|returns|raises|yields|examples?|usage|notes?|todo)\s*:
      | [\w*,.\s]{1,30}\s+--\s | [\w*]+\s*:\s+\w+\s*$ | \$\s
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_UNDERLINE = re.compile(r"\s*([-=~^*_#])\1{2,}\s*$")
_SIGNATURE = re.compile(r"[\w.\[\]]+\(.*\)\s*(?:(?:->|-->|=>|==>|:)\s*\S.*)?$|[\w.\[\]]+\(.*\)\s*(?:->|-->)\s*.*$")
_ROLE = re.compile(r":[\w:+-]+:`~?!?([^`<]+?)(?:\s*<[^`>]*>)?`")
# What Doxygen's docstrings begin with: a mark that they are its own, and the command that opens what is said.
_OPENING = re.compile(r"\A\s*!?\s*[@\\]brief\b[ \t]*|\A!\s+")
_MIN_SENTENCE_WORDS = 3
_MIN_SUMMARY_WORDS = 3  # as CodeXGLUE's filter of CodeSearchNet: under three words of documentation
_LEAST_CHINESE, _LEAST_LATIN = 0.3, 0.7  # shares of the letters


@dataclass(frozen=True)
class Prose:
    """`summary` is the first paragraph in one line; `description` all paragraphs, one a line."""

    summary: str
    description: str


@lru_cache(maxsize=16)  # the steps that make one function's row ask one after the other
def prose_of(documentation: str, language: str = "python") -> Prose | None:
    """The prose at the head of a docstring or comment, or None where it holds none."""
    text = documentation.replace("\r\n", "\n")
    text = inspect.cleandoc(_OPENING.sub("", text)) if language == "python" else without_markup(text, language)
    paragraphs: list[str] = []
    for block in _blocks(text.split("\n")):
        kept, stopped = _prose_lines(block, first=not paragraphs)
        text = _plain(" ".join(line.strip() for line in kept))
        if text:
            paragraphs.append(text)
        if stopped:
            break
    return Prose(paragraphs[0], "\n".join(paragraphs)) if paragraphs else None


@lru_cache(maxsize=16)
def leaks(description: str, code: str) -> str | None:
    """The first sentence of a description that stands word for word in the code, or None; the shortest don't count."""
    haystack = f" {' '.join(words(code))} "
    for sentence in sentences(description):
        wanted = words(sentence)
        if len(wanted) >= _MIN_SENTENCE_WORDS and f" {' '.join(wanted)} " in haystack:
            return sentence
    return None


def refusal(function: CodeFunction, prose: Prose | None) -> tuple[str, str] | None:
    """Why a function and its documentation teach nothing, with a detail, or None: an empty body, no prose, too few
    words, text in neither Latin nor Chinese letters, or a sentence of the prose that is still in the code.
    """
    if function.empty:
        return "empty-body", ""
    if prose is None:
        return "no-prose", ""
    if len(words(prose.summary)) < _MIN_SUMMARY_WORDS:
        return "too-short", prose.summary
    if text_language(prose.summary) is None:
        return "text-language", ""
    sentence = leaks(prose.description, function.code) or leaks(prose.summary, function.code)
    return ("leaks-answer", sentence) if sentence else None


def text_language(text: str) -> "TextLanguage | None":
    """Chinese where a good part of the letters is, else English where nearly all are Latin; None for other letters."""
    if chinese_share(text) >= _LEAST_CHINESE:
        return "cn"
    return "en" if latin_share(text) >= _LEAST_LATIN else None


def _blocks(lines: list[str]) -> list[list[str]]:
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def _prose_lines(block: list[str], *, first: bool) -> tuple[list[str], bool]:
    """The lines of a paragraph that are prose, and whether prose ends within or after it."""
    if first and len(block) > 1 and _SIGNATURE.fullmatch(block[0].strip()):
        block = block[1:]
    elif first and _SIGNATURE.fullmatch(block[0].strip()) and len(words(block[0])) < 30:
        return [], False
    if block[0][:1].isspace() and not first:
        return [], True  # indented text is code, output or a list
    for number, line in enumerate(block):
        if _UNDERLINE.fullmatch(line):
            return block[: max(0, number - 1)], True
        if _STOP.match(line):
            return block[:number], True
    return block, block[-1].rstrip().endswith("::")


def _plain(text: str) -> str:
    """Prose without reStructuredText roles and doubled back-quotes; a colon before a cut becomes a full stop."""
    text = _ROLE.sub(r"`\1`", text).replace("``", "`")
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"\s*:+$", ".", text)
