"""Recognizes whole licence texts, with the matcher and the texts of the package licenseclassifier.

One sentence found somewhere is not a licence: what a text says outside the licences that are recognized in it counts as
well. If that withholds rights (a condition before the MIT licence, terms that quote it for a part), the text is not
under the licence that it quotes.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from coma_cli.catalog.licences.kinds import COMMONS_CLAUSE, PROPRIETARY, allows, joined
from coma_cli.catalog.licences.names import offers_choice, stated_by_name, withheld

_SHORT = 1500  # characters of a text that may state a licence by its name
_LONG = 3000  # characters beside recognized licences: a list of bundled parts, each with terms of its own
_NAME = r"\(*[A-Za-z0-9][A-Za-z0-9.+]*(?:-[A-Za-z0-9.+]+)*\)*"
_TAG = rf"SPDX-License-Identifier:[ \t]*({_NAME}(?:[ \t]+(?:AND|OR|WITH)[ \t]+{_NAME})*)"
_WHOLE_LINE = re.compile(rf"^[\W_]*{_TAG}[\W_]*$", re.IGNORECASE | re.MULTILINE)
# What the matcher calls otherwise; Python's own stack of licences goes by the name of its first one here.
_NAMES = {"Python-2.0": "PSF-2.0", "Python-2.0.1": "PSF-2.0", "CommonsClause": COMMONS_CLAUSE}
# A licence that contains another, or comes with it for something other than the code.
_CONTAINS = {"PSF-2.0": frozenset({"0BSD", "CNRI-Python", "HPND"})}
# Words of terms that no recognized licence covers: then the quoted licences may apply to parts only.
_TERMS = re.compile(
    r"\b(?:shall|must|may\s+only|you\s+may|agreement|clause|prohibit\w*|restrict\w*|forbid\w*|licensee|licensor)\b",
    re.IGNORECASE,
)
_FOR_PARTS = re.compile(
    r"\b(?:part|portion|component|file|section|code)s?\b.{0,80}?\bonly\b", re.IGNORECASE | re.DOTALL
)
_COPYRIGHT = re.compile(r"^[\W_]*(?:copyright\s+(?:\(c\)|©|\d{4})|\(c\)\s*\d{4}|©).*$", re.IGNORECASE | re.MULTILINE)
_LEAST_SHARE = 0.5  # of a text that recognized licences must be, if the rest are terms


class Recognized(NamedTuple):
    """The licences whose texts a text contains, in its order, and what it says beside them."""

    licences: tuple[str, ...]
    rest: str
    share: float  # of the text that the licences are


def licence_of_text(text: str) -> str | None:
    """The licence that a licence file states: an SPDX expression, or None if it is not recognized."""
    tag = tag_in(text[:4000])
    found = recognized(text)
    if not found.licences:
        return tag or (stated_by_name(text) if len(text) <= _SHORT else withheld(text[:_SHORT]))
    terms = _rest_withholds(found)
    if terms is not None:
        return None if terms == PROPRIETARY and len(found.rest) > _LONG else terms
    if tag is not None and allows("permissive", tag) <= allows("permissive", joined("AND", list(found.licences))):
        return tag
    if _is_quoted(found):
        return None
    return joined("OR" if offers_choice(found.rest) else "AND", _without_contained(found.licences))


def tag_in(text: str) -> str | None:
    """The SPDX tags of a text on lines of their own, all of which apply; None without one."""
    tags = [match.group(1) for match in _WHOLE_LINE.finditer(text)]
    return joined("AND", tags) if tags else None


def without_copyright(text: str) -> str:
    """A text without the lines that name owner and year, which are all that differs between most licence files."""
    return _COPYRIGHT.sub("", text)


def recognized(text: str) -> Recognized:
    """The whole licences in a text; texts that differ in their copyright lines alone are looked at once."""
    return _recognized(without_copyright(text))


@lru_cache(maxsize=4096)
def _recognized(text: str) -> Recognized:
    from licenseclassifier import identify_license

    found = identify_license(text, coverage_threshold=0)
    rest, at = [], 0
    for match in found:
        rest.append(text[at : match.start])
        at = max(at, match.end)
    licences = dict.fromkeys(_NAMES.get(match.id, match.id) for match in found)
    rest.append(text[at:])
    return Recognized(tuple(licences), "\n".join(rest), 1 - sum(map(len, rest)) / max(len(text), 1))


def _rest_withholds(found: Recognized) -> str | None:
    """The terms beside recognized licences that withhold rights."""
    if COMMONS_CLAUSE in found.licences:
        return joined("AND", list(found.licences))
    terms = withheld(found.rest)
    if terms == COMMONS_CLAUSE:
        return joined("AND", [terms, *found.licences])
    return terms


def _is_quoted(found: Recognized) -> bool:
    """Whether most of a text are other terms than the licences that are recognized in it, or limit them to parts."""
    rest = found.rest
    return found.share < _LEAST_SHARE and bool(_TERMS.search(rest) or _FOR_PARTS.search(rest))


def _without_contained(licences: tuple[str, ...]) -> list[str]:
    contained = {name for whole in licences for name in _CONTAINS.get(whole, ())}
    return [name for name in licences if name not in contained] or list(licences)
