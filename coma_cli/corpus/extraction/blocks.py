"""Fenced blocks in the answers of models, which follow Markdown's rules loosely.

Beyond CommonMark: a fence may open at the end of a sentence, code may begin on the line of the fence, a closing fence
may be glued to the last line of code, and a fence within a string of the code is part of the code.
"""

import re
from dataclasses import dataclass

from coma_cli.corpus.extraction.python_text import layout, looks_like_code

_MAX_BLOCKS = 40
_MARK = re.compile(r"`{3,}|~{3,}")
_INFO = re.compile(r"[ \t]*(?P<language>[\w+#.-]*)[ \t]*(?P<rest>[^\n]*)")
_CODE_ON_FENCE_LINE = re.compile(r"(?:def|class|import|from|async|return|print|for|if|while|lambda)\b|@\w|\w+\s=\s")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+>]|\d+[.)])[ \t]+")
_MAX_MARGIN = 3  # CommonMark, section 4.5: a closing fence is indented by at most three spaces


@dataclass(frozen=True)
class Block:
    """A fenced block; `start` and `end` are where its first and behind its last line are in the text.

    `intro` is the text between it and the block before.
    """

    language: str
    code: str
    start: int
    end: int
    closed: bool
    intro: str = ""


def blocks_of(text: str) -> list[Block]:
    """The first fenced blocks of a text, in order; one that is never closed reaches to the end."""
    found: list[Block] = []
    place = behind = 0
    while len(found) < _MAX_BLOCKS and (opening := _opening(text, place)) is not None:
        block = _block(text, opening, text[behind : opening.start()])
        found.append(block)
        place = behind = block.end
    return found


def _opening(text: str, place: int) -> re.Match[str] | None:
    """The next mark that opens a block: it begins its line, or ends one of prose, and is not closed on that line."""
    for hit in _MARK.finditer(text, place):
        line_start = text.rfind("\n", 0, hit.start()) + 1
        before = text[line_start : hit.start()]
        rest = text[hit.end() :].partition("\n")[0]
        if hit[0][:3] in rest or _in_string_of_code(text, place, hit.start()):
            continue
        at_margin = not before.strip() or _LIST_ITEM.fullmatch(before) is not None
        if at_margin or (before.rstrip().endswith((":", ".", ",")) and re.fullmatch(r"[\w+#]*\s*", rest)):
            return hit
    return None


def _in_string_of_code(text: str, start: int, place: int) -> bool:
    """Whether a place lies in a string of code that no fence encloses."""
    return looks_like_code(text[start:place]) and layout(text, start, place).in_string(place)


def _block(text: str, opening: re.Match[str], intro: str) -> Block:
    line_start = text.rfind("\n", 0, opening.start()) + 1
    margin = text[line_start : opening.start()]
    if margin.strip():  # a list item has its own margin; the end of a sentence has none
        margin = " " * len(margin) if _LIST_ITEM.fullmatch(margin) else ""
    line_end = text.find("\n", opening.end())
    line_end = len(text) if line_end < 0 else line_end
    language, first_line = _info(text[opening.end() : line_end])
    body_start = min(line_end + 1, len(text))
    body_end, end, glued = _closing(text, opening[0], len(margin), body_start)
    body = text[body_start:body_end] + glued
    code = "".join(line.removeprefix(margin) for line in _lines(body)) if margin else body
    return Block(language, first_line + code, line_start, end, closed=end > body_end or bool(glued), intro=intro)


def _info(info: str) -> tuple[str, str]:
    """The language of an opening line, and the code that begins on it."""
    hit = _INFO.match(info)
    assert hit is not None
    if _CODE_ON_FENCE_LINE.match(info.lstrip()):
        return "", f"{info.strip()}\n"
    if _CODE_ON_FENCE_LINE.match(hit["rest"]):
        return hit["language"].lower(), f"{hit['rest']}\n"
    return hit["language"].lower(), ""


def _closing(text: str, mark: str, margin: int, start: int) -> tuple[int, int, str]:
    """Where the body ends, where the line behind the closing fence begins, and code that the fence is glued to."""
    closes = re.compile(
        rf"^(?P<margin>[ \t]*)(?P<code>[^\n]*?)(?P<mark>{re.escape(mark[0])}{{{len(mark)},}})(?P<behind>[^\n]*)$",
        re.MULTILINE,
    )
    for hit in closes.finditer(text, start):
        glued = bool(hit["code"].strip())
        if (glued and hit["code"].count("`") % 2) or "#" in hit["code"]:
            continue
        if hit["behind"].strip() and (glued or not _ends_block(hit["behind"], mark)):
            continue
        if not glued and len(hit["margin"].expandtabs(4)) - margin > _MAX_MARGIN:
            continue
        if layout(text, start, hit.start("mark")).in_string(hit.start("mark")):
            continue
        end = min(hit.end() + 1, len(text))
        kept = hit["margin"] + hit["code"].rstrip() + "\n" if glued else ""
        return hit.start(), end, kept
    return len(text), len(text), ""


def _ends_block(behind: str, mark: str) -> bool:
    """Whether a fence with words behind it closes: prose follows it, not the name of a language."""
    return mark[0] not in behind and " " in behind.strip()


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)
