"""Python that the running interpreter does not parse: Python 2, and transcripts of interactive sessions."""

import re
from collections.abc import Iterator

from coma_cli.languages import parses_as_python
from coma_cli.syntax.finding import captured
from coma_cli.syntax.trees import Tree, parse

# What only Python 2 has; strings may hold it too, so that a text must parse as well.
_SIGN = re.compile(
    r"^[ \t]*(?:.*[:;][ \t]*)?print\b[ \t]*(?:$|>>|[^\s=.,)])|\bexcept\s+[\w.()\s,]+,\s*\w+\s*:"
    r"|^[ \t]*raise\s+[\w.]+\s*,|<>|\b0[0-7]+\b|\bur[\"']|^[ \t]*exec\s+[^\s(=]|`[\w.() ]+`|\b\d+[lL]\b",
    re.MULTILINE,
)
_STATEMENTS = frozenset({"print_statement", "exec_statement"})
_TAB = 8  # columns, as Python 2 counts where tabs and spaces are mixed
# How Python 3 writes what it has changed, apart from statements that became functions.
_MODERN: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bexcept\s+([\w.]+|\([\w.,\s]*\))\s*,\s*(\w+)\s*:"), r"except \1 as \2:"),
    (re.compile(r"^([ \t]*raise\s+[\w.]+)\s*,\s*(.+)$", re.MULTILINE), r"\1(\2)"),
    (re.compile(r"<>"), "!="),
    (re.compile(r"\b0([0-7]+)\b"), r"0o\1"),
    (re.compile(r"\b(\d+)[lL]\b"), r"\1"),
    (re.compile(r"\bur(?=[\"'])"), "r"),
    (re.compile(r"`([\w.() ]+)`"), r"repr(\1)"),
)
_PROMPTED = re.compile(r"\s*(?:>>>|In ?\[\d+\]:)(?: |\n|$)")
_INDENTED = re.compile(r"\s|$")
_NO_OUTPUT = re.compile(r"(?!Out ?\[\d+\]:|\s*$)")
_PROMPT = re.compile(r"[ \t]*(?:>>>|\.\.\.|In ?\[\d+\]:|\.{3,}:)(?: |$)")


def is_python2(code: str) -> bool:
    """Whether code is Python 2: it has a sign of that, and parses but for what Python 3 has changed."""
    if parses_as_python(code) or not _SIGN.search(code):
        return False
    for pattern, modern in _MODERN:
        code = pattern.sub(modern, code)
    tree = parse("python", code.expandtabs(_TAB))
    return tree is not None and not tree.root.has_error and parses_as_python(_without_statements(tree))


def _without_statements(tree: Tree) -> str:
    """The code with `pass` in place of each print and exec statement: what is left must be Python 3."""
    code = tree.code
    for node in reversed(captured(tree, tree.root, _STATEMENTS)):
        start, end = tree.span(node)
        code = f"{code[:start]}pass{code[end:]}"
    return code


def without_prompts(text: str) -> str:
    """The statements of an interactive session, without prompts and output; other texts are returned unchanged.

    Where other code comes before the session, that code. A line without a prompt belongs to the statement before it
    if the statements are a program only with it: editors and IPython leave the prompts of further lines away.
    """
    prompts = [number for number, line in enumerate(text.splitlines()) if _PROMPTED.match(line)]
    if not prompts:
        return text
    lines = text.splitlines()
    if any(line.strip() for line in lines[: prompts[0]]):
        tries = ["\n".join(lines[: prompts[0]])]
    else:
        tries = ["\n".join(_statements(lines, goes_on)) for goes_on in (None, _INDENTED, _NO_OUTPUT)]
    codes = (code.strip("\n").rstrip() for code in tries)
    return next((code for code in codes if code and (parses_as_python(code) or is_python2(code))), text)


def _statements(lines: list[str], goes_on: re.Pattern[str] | None) -> Iterator[str]:
    """The lines with a prompt, and those directly after them that match `goes_on`."""
    inside = False
    for line in lines:
        prompt = _PROMPT.match(line)
        inside = prompt is not None or (inside and goes_on is not None and goes_on.match(line) is not None)
        if inside:
            yield line[prompt.end() :] if prompt is not None else line
