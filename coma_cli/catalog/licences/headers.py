"""The licence that a source file states itself, in the comments at its head.

A statement counts only in a comment: the same words in a string are data of the program. Python's module docstring is
both, so it counts where it is stricter than nothing: it may withhold rights, and never grants them.
"""

import re
from collections.abc import Iterator

from coma_cli.catalog.licences.kinds import allows, joined
from coma_cli.catalog.licences.names import named_in, withheld
from coma_cli.catalog.licences.texts import recognized, tag_in
from coma_cli.syntax.leaves import Leaf, leaves

_HEAD = 6000  # characters in which a file states its licence
_CANDIDATE = re.compile(
    r"SPDX-License-Identifier|licen[cs]e|proprietary|confidential|trade secret|unauthori[sz]ed|copying|redistribut"
    r"|written (?:consent|permission)|General Public",
    re.IGNORECASE,
)
_MARKERS = re.compile(
    r"^[ \t]*(?://+!?|/\*+!?|\*+/?|#+!?|--+|;+|%+|<!--|=begin|=end)[ \t]?|[ \t]*(?:\*+/|-->)[ \t]*$", re.MULTILINE
)
# A sentence that puts a file under the licence that it names.
_GRANT = re.compile(
    r"(?:(?:licensed|released|distributed|available|provided|published|covered|governed)\s+(?:to\s+you\s+)?(?:under|by|with)"
    r"|under\s+the\s+(?:terms|conditions)\s+of|@?licen[cs]e\s*[:=]|@licen[cs]e\b|licen[cs]ed\s+(?:as\s+)?(?=GPL|MIT|BSD))"
    r"(?P<named>[^.\n]*(?:\.\d[^.\n]*)?(?:\n[^.\n]*(?:\.\d[^.\n]*)?)?)",
    re.IGNORECASE,
)
_STYLE = re.compile(r"-(?:like|style)\b|\bLICEN[CS]E\b(?:\.\w+)?\s+file|\bfound\s+in\b", re.IGNORECASE)


def file_licence(language: str, text: str) -> str | None:
    """The licence that a file's own head states, as an SPDX expression; None if it states none."""
    head = text[:_HEAD]
    if not _CANDIDATE.search(head):
        return None
    tokens = leaves(language, head)
    comments = "\n".join(_plain(leaf.text) for leaf in tokens if leaf.role == "comment")
    stated = tag_in(comments) or _in_words("\n".join(_plain(leaf.text) for leaf in _leading(tokens)))
    if language != "python":
        return stated
    within = _in_words(_docstring(tokens))
    return within if within is not None and not allows("permissive", within) else stated


def _leading(tokens: list[Leaf]) -> Iterator[Leaf]:
    """The comments before the first line of code; PHP's opening tag is none."""
    for leaf in tokens:
        if leaf.role == "comment":
            yield leaf
        elif not leaf.text.startswith("<?"):
            return


def _docstring(tokens: list[Leaf]) -> str:
    """The string that a Python file begins with."""
    first = next((leaf for leaf in tokens if leaf.role != "comment"), None)
    return first.text.strip("\"'rRuU") if first is not None and first.role == "literal" else ""


def _plain(comment: str) -> str:
    """A comment without the characters that mark it as one."""
    return _MARKERS.sub("", comment)


def _in_words(text: str) -> str | None:
    """What a notice says without a tag: a whole licence or its notice, terms that withhold rights, or a name."""
    if not _CANDIDATE.search(text):
        return None
    tag = tag_in(text)
    found = recognized(text)
    terms = withheld(found.rest, is_notice=True)
    if terms is not None:
        return terms
    if found.licences:
        return joined("AND", list(found.licences))
    return tag or _named(found.rest)


def _named(text: str) -> str | None:
    names: list[str] = []
    for match in _GRANT.finditer(text):
        if _STYLE.search(match["named"]):
            return None
        names += named_in(match["named"])
    return joined("OR" if re.search(r"\beither\b|\bdual", text, re.IGNORECASE) else "AND", names) if names else None
