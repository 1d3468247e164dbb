"""Fenced code blocks of Markdown, in answers of language models and in what people write.

Source of the rules: CommonMark 0.31, "Fenced code blocks". A fence is a line of at least three backticks or tildes,
indented by at most three spaces, within a list item from its text on. The closing fence has the same character, is at
least as long as the opening one, and is followed by nothing but whitespace; without one the block extends to the end.

One rule is ours: a line within a string of Python is not a fence, since docstrings hold fenced examples.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from coma_cli.languages import parse_python

_MARGIN = 3  # spaces by which a fence may be indented
_TAB = 4
_OPENING = re.compile(r"[ \t]*(?P<mark>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)")
_MARKS = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t\r]*$", re.MULTILINE)
_GLUED_OPENING = re.compile(r"(?<=[^\s`])```(?=[\w+#.-]+$)", re.MULTILINE)  # behind the words of a sentence
_INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)
_ITEM = re.compile(r"[ \t]*(?:[-+*]|\d{1,9}[.)])(?P<space>[ \t]+|$)")
_PYTHON = frozenset({"", "python", "py", "python3", "py3"})  # a block that names no language may be Python
_STRING_OR_COMMENT = re.compile(
    r"""#[^\n]*|(?P<triple>\"""|''')|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?""", re.DOTALL
)
_STRING_ENDS = {mark: re.compile(rf"(?:\\.|(?!{mark})[^\\])*{mark}", re.DOTALL) for mark in ('"""', "'''")}
_MOST_CLOSINGS = 16  # of one block that are looked at
_LONGEST_PROGRAM = 100_000  # characters; a parsed file takes about 600 times its size in memory


@dataclass(frozen=True)
class Fence:
    """A block: `start` is where its opening line begins in the text, `end` where the first line after it does.

    `mark` and `info` are what the opening fence consists of, and `language` is the first word of `info` in lower case.
    `code` keeps its last line end.
    """

    language: str
    code: str
    start: int
    closed: bool
    end: int
    mark: str
    info: str


class Unfenced(NamedTuple):
    """An answer without the fence around it, and the tag of its first fence (a programming language; "" for none)."""

    text: str
    tag: str


def fenced_blocks(text: str) -> Iterator[Fence]:
    """The blocks of a text with LF as line ends, in order; one that is never closed is the last."""
    if "```" not in text and "~~~" not in text:
        return
    containers: list[int] = []
    at, is_first = 0, True
    while at < len(text):
        end = _end_of_line(text, at)
        line = text[at:end].rstrip("\n")
        if line.strip():
            indent = _indentation(line)
            while containers and indent < containers[-1]:
                containers.pop()
            opening = _OPENING.fullmatch(line)
            if opening and is_first and indent > _MARGIN:
                containers = [indent]  # a text that is indented as a whole
            is_first = False
            offset = containers[-1] if containers else 0
            if opening and indent - offset <= _MARGIN:
                block = _block(text, opening, at, end, offset)
                yield block
                end = block.end
            elif indent - offset <= _MARGIN and (item := _ITEM.match(line)):
                containers.append(_content_of(item))
        at = end


def answer_blocks(text: str) -> Iterator[Fence]:
    """As `fenced_blocks`, but the last block also counts as closed if the answer ends with its marks.

    Models indent the last fence like the code above it, or put it at the end of the last line of code.
    """
    for block in fenced_blocks(text):
        yield block if block.closed else _closed_at_the_end(block)


def only_block(text: str) -> Fence | None:
    """The closed block that an answer is, with nothing but whitespace around it."""
    first = next(answer_blocks(text), None)
    if first is None or not first.closed or text[: first.start].strip() or text[first.end :].strip():
        return None
    return first


def unfenced(given: str) -> Unfenced | None:
    """The code of an answer that is one fenced block, else the whole answer; None where a block is left open."""
    whole = only_block(given)
    if whole is not None:
        return Unfenced(whole.code.strip("\n").rstrip(), whole.info)
    blocks = list(answer_blocks(_GLUED_OPENING.sub("\n\\g<0>", given)))
    if any(not block.closed for block in blocks):
        return None
    return Unfenced(given.strip("\n").rstrip(), blocks[0].info if blocks else "")


def _closed_at_the_end(block: Fence) -> Fence:
    body = block.code.rstrip()
    if not body.endswith(block.mark):
        return block
    return replace(block, code=body.rstrip(block.mark[0]).rstrip(" \t"), closed=True)


def _end_of_line(text: str, start: int) -> int:
    return text.find("\n", start) + 1 or len(text)


def _indentation(line: str) -> int:
    """The columns before the first character, tabs filled up to the next multiple of four."""
    whitespace = line[: len(line) - len(line.lstrip(" \t"))]
    return len(whitespace.expandtabs(_TAB))


def _content_of(item: re.Match[str]) -> int:
    """The column at which the text of a list item begins; one column behind its marker if it begins with code."""
    width, space = len(item[0].expandtabs(_TAB)), len(item["space"])
    return width - space + 1 if space > _TAB or not space else width


def _block(text: str, opening: re.Match[str], start: int, body: int, offset: int) -> Fence:
    info = opening["info"].strip()
    language = info.split(None, 1)[0].lower() if info else ""
    closings = _closings(text, opening["mark"], body, offset)
    closing = _outside_strings(text, body, closings) if language in _PYTHON else next(closings, None)
    code_end = closing.start() if closing else len(text)
    code = _without_margin(text[body:code_end], opening[0])
    end = _end_of_line(text, closing.start()) if closing else len(text)
    return Fence(language, code, start, closing is not None, end, opening["mark"], info)


def _without_margin(code: str, opening: str) -> str:
    """Code whose lines lose the indentation that the opening fence has, as far as they have it."""
    margin = opening[: len(opening) - len(opening.lstrip(" \t"))]
    return _INDENTATION.sub(lambda line: _outdented(line[0], margin), code) if margin else code


def _outdented(indentation: str, margin: str) -> str:
    """The indentation of a line without a margin; a tab that reaches beyond the margin leaves spaces."""
    if indentation.startswith(margin):
        return indentation.removeprefix(margin)
    width = len(margin.expandtabs(_TAB))
    for place in range(1, len(indentation) + 1):
        columns = len(indentation[:place].expandtabs(_TAB))
        if columns >= width:
            return " " * (columns - width) + indentation[place:]
    return ""


def _closings(text: str, mark: str, body: int, offset: int) -> Iterator[re.Match[str]]:
    """The lines that could close a block of this mark."""
    for hit in _MARKS.finditer(text, body):
        if hit["mark"].startswith(mark) and len(hit["indent"].expandtabs(_TAB)) <= offset + _MARGIN:
            yield hit


def _outside_strings(text: str, body: int, closings: Iterator[re.Match[str]]) -> re.Match[str] | None:
    """The first fence outside the strings of a Python program, if what it closes parses; else simply the first."""
    first: re.Match[str] | None = None
    string, looked_at = "", body
    for hit in islice(closings, _MOST_CLOSINGS):
        string = _open_string(text, looked_at, hit.start(), string)
        looked_at = hit.start()
        if not string and (first is None or _is_program(text[body:looked_at])):
            return hit
        first = first or hit
    return first


def _open_string(text: str, start: int, end: int, string: str) -> str:
    """The quotes of the triple-quoted string that Python is in at `end`, if any; `string` are those at `start`."""
    at = start
    while at < end:
        hit = _STRING_ENDS[string].match(text, at, end) if string else _STRING_OR_COMMENT.search(text, at, end)
        if hit is None:
            break
        string = "" if string else hit["triple"] or ""
        at = hit.end()
    return string


def _is_program(code: str) -> bool:
    """Whether code parses, as it is or as the body of a function."""
    if len(code) > _LONGEST_PROGRAM:
        return False
    return parse_python(f"if True:\n{code}" if code.lstrip("\n")[:1].isspace() else code) is not None
