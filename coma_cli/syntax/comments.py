"""Comments as text, and code without the comments that repeat its documentation."""

import re
from itertools import pairwise

from coma_cli.syntax.documentation import leaks, prose_of
from coma_cli.syntax.leaves import Leaf, leaves


def without_repeats(language: str, code: str, documentation: str) -> str:
    """The code without comments that contain a sentence of its documentation; code before a trailing comment stays."""
    prose = prose_of(documentation, language)
    if prose is None or leaks(prose.description, code) is None:
        return code
    for run in reversed(_runs(code, [leaf for leaf in leaves(language, code) if leaf.role == "comment"])):
        if leaks(prose.description, "\n".join(leaf.text for leaf in run)):
            for leaf in reversed(run):
                code = _cut(code, leaf.start, leaf.start + len(leaf.text.rstrip()))
    return code


def _runs(code: str, comments: list[Leaf]) -> list[list[Leaf]]:
    """Groups of comments with only whitespace between them."""
    runs = [comments[:1]] if comments else []
    for before, after in pairwise(comments):
        if code[before.end : after.start].strip():
            runs.append([after])
        else:
            runs[-1].append(after)
    return runs


def _cut(code: str, start: int, end: int) -> str:
    """The code without a comment, and without its line if nothing else is on it."""
    head, tail = code[:start].rstrip(" \t"), code[end:]
    rest = re.match(r"[ \t]*(?:\n|$)", tail)
    if rest and (not head or head.endswith("\n")):
        return head + tail[rest.end() :]
    return head + tail if rest else code[:start] + tail.lstrip(" \t")
