"""Tells whether a text is one whole C function, where its macros keep the grammar from saying so.

Lines that got lost, as in part of Devign, leave braces open or the return type away. Brackets are counted outside of
strings and comments, and in the first branch of each `#if`, since branches may each open the same block.
"""

import re
from collections.abc import Iterator

_DIRECTIVE = re.compile(r"\s*#\s*(if|ifdef|ifndef|else|elif|endif)?\b")
_NO_CODE = re.compile(
    r"/\*.*?(?:\*/|\Z)|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)
_WORDS = re.compile(r"\w+")
# Words before a function's name that are not types.
_NO_TYPES = frozenset(("static", "inline", "extern", "const", "volatile", "register", "__inline", "__inline__"))
# A definition by a macro, as `START_TEST(name) {` or `POWERPC_FAMILY(POWER9)(ObjectClass *oc, void *data) {`.
_MACRO = re.compile(r"\s*(?:\w+\s+)*[A-Z][A-Z0-9_]*\s*\([^(){}]*\)\s*(?:\([^(){}]*\)\s*)?\{")
_PAIRS = {")": "(", "]": "[", "}": "{"}


def why_not_whole(code: str) -> str:
    """What a C function lacks: "" for a whole one, "braces", "a return type", or "an end"."""
    text = _NO_CODE.sub(" ", "\n".join(_without_branches(code)))
    end = _end_of_body(text)
    if end is None:
        return "braces"
    if text[end:].strip(" \t\n;"):
        return "an end"
    before = text[: text.find("(")] if "(" in text else ""
    words = [word for word in _WORDS.findall(before) if word not in _NO_TYPES]
    return "" if len(words) > 1 or _MACRO.match(text) else "a return type"


def _without_branches(code: str) -> Iterator[str]:
    """The lines without directives and without all branches of a condition but the first."""
    skipped: list[bool] = []
    goes_on = False
    for line in code.split("\n"):
        directive = None if goes_on else _DIRECTIVE.match(line)
        if directive is None:
            if not goes_on and not any(skipped):
                yield line
            goes_on = goes_on and line.endswith("\\")
            continue
        goes_on = line.endswith("\\")
        word = directive.group(1) or ""
        if word.startswith("if"):
            skipped.append(False)
        elif word in ("else", "elif") and skipped:
            skipped[-1] = True
        elif word == "endif" and skipped:
            skipped.pop()


def _end_of_body(text: str) -> int | None:
    """Where the first block in braces ends; None if brackets do not match, or there is no such block."""
    open_brackets: list[str] = []
    end: int | None = None
    for found in re.finditer(r"[()\[\]{}]", text):
        bracket = found.group()
        if bracket not in _PAIRS:
            open_brackets.append(bracket)
        elif not open_brackets or open_brackets.pop() != _PAIRS[bracket]:
            return None
        elif bracket == "}" and not open_brackets and end is None:
            end = found.end()
    return None if open_brackets else end
