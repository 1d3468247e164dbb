"""Private e-mail addresses in rows: what an address is, and where in a text one may be.

Much code looks like an address: matrix products in Python (`x@self.weight.data`), ranges in Ruby
(`1...@items.length`), versions of packages (`lodash@4.17.com`). So an address has a top-level domain that exists, and
in code it counts only within a string or a comment, by the syntax tree.

Addresses of nobody are kept: those of reserved and placeholder domains, and role names like `noreply@` or `git@`.

Sources: RFC 5321 and RFC 2606 for addresses and reserved domains; ISO 3166 and IANA's root zone for top-level domains.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from coma_cli.languages import looks_like_python, parses_as_python
from coma_cli.syntax.leaves import leaves_of
from coma_cli.syntax.trees import parse


class Address(NamedTuple):
    """An address and its place in a text."""

    text: str
    start: int
    end: int


_FORM = r"(?P<address>[A-Za-z0-9][\w.+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,})(?![\w@(])"
_CANDIDATE = re.compile(r"(?<![\w.+\\@-])" + _FORM)
_AFTER_ESCAPE = re.compile(r"(?<=\\[nrt])" + _FORM)
_NO_PERSON = re.compile(
    r"(?:no-?reply|do-?not-?reply|git|hg|user|username|name\d*|email|mail|you|your\w*|foo|bar|test\w*|someone|somebody"
    r"|info|support|admin|contact|hello|root|example|sender|receiver|recipient|my_?e?mail|abc|xyz)[\w.+-]*@"
    r"|\w@\w\."
    r"|.*@(?:[\w-]+\.)*(?:example|test|invalid|domain|email|company|foo|bar|host|server|site|abc|xyz)"
    r"\.(?:com|org|net|edu|tld|co\.\w\w|\w\w)\Z|.*@(?:[\w-]+\.)*(?:example|test|invalid|localhost|local)\Z"
    r"|.*@(?:registry|npm|cdn|pkg)\.",
    re.IGNORECASE,
)
_TOP_LEVEL_NAMES = (
    "com org net edu gov mil int info biz name pro aero coop museum jobs mobi travel tel cat asia post arpa app "
    "dev xyz online site club shop store tech blog cloud email page wiki news world life live media agency "
    "company studio design digital software systems solutions services network group team work works center "
    "academy school university science health care bank finance capital london berlin paris tokyo nyc ac ad ae af "
    "ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd cf cg "
    "ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gb gd "
    "ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp "
    "ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr "
    "ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa "
    "re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn "
    "to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_TOP_LEVEL = frozenset(_TOP_LEVEL_NAMES.split())
_MOST_LOCAL = 64
_URL_LOGIN = re.compile(r"://[^\s/@]*:\Z")
_ONLY_ADDRESSES = re.compile(r"[\s,;<>\"']*(?:[\w.+-]+@[\w.-]+[\s,;<>\"']*)+")
_CODE_LINE = re.compile(
    r"[=;{}()\[\]]|^\s*(?:def|class|import|from|return|if|for|while|function|var|let|const)\b", re.MULTILINE
)
_ASSIGNED = re.compile(r"\s*(?:return\b|[\w.\[\], ]+[+*/-]?=)\s*")
_INLINE = re.compile(r"`[^`\n]+`")
_WORD = re.compile(r"[A-Za-z]{2,}")
_SIGNS = frozenset("=;{}()[]")
_LEAST_WORDS = 3  # of a line of prose


def private_addresses(text: str, language: str, is_code: bool | None) -> list[Address]:
    """The addresses of persons in a text, in order.

    `is_code` says whether the text is a program in that programming language or prose; None if it may be either.
    """
    if "@" not in text:
        return []
    found = list(_candidates(text))
    if not found or _ONLY_ADDRESSES.fullmatch(text):
        return found
    if is_code or (is_code is None and _looks_like_code(text, language)):
        return _within_words(text, language, found)
    inline = [match.span() for match in _INLINE.finditer(text)]
    return [address for address in found if not _is_expression(text, address, inline)]


def may_hold_address(text: str) -> bool:
    """Whether there is anything with the form of a private address, wherever it is; most texts end here."""
    return "@" in text and next(_candidates(text), None) is not None


def _candidates(text: str) -> Iterator[Address]:
    """What has the form of an address of a person, in order."""
    matches = [*_CANDIDATE.finditer(text), *_AFTER_ESCAPE.finditer(text)]
    for match in sorted(matches, key=lambda match: match.start("address")):
        address = match["address"]
        in_url = _URL_LOGIN.search(text[: match.start("address")]) is not None
        if _is_address(address) and not _NO_PERSON.match(address) and not in_url:
            yield Address(address, *match.span("address"))


def _is_address(text: str) -> bool:
    local, _, domain = text.partition("@")
    labels = domain.split(".")
    if ".." in local or local.endswith((".", "-")) or len(local) > _MOST_LOCAL:
        return False
    if any(label.startswith("-") or label.endswith("-") for label in labels):
        return False
    top = labels[-1]
    spelled = top.islower() or domain.isupper()
    return spelled and top.lower() in _TOP_LEVEL and not all(label.isdigit() for label in labels[:-1])


def _looks_like_code(text: str, language: str) -> bool:
    """Whether a text that may be either is a program in that language."""
    lines = [line for line in text.splitlines() if line.strip()]
    coded = sum(_CODE_LINE.search(line) is not None for line in lines)
    if not coded:
        return False
    if language == "python":
        return parses_as_python(text) or looks_like_python(text)
    tree = parse(language, text)
    return (tree is not None and not tree.has_error) or 2 * coded >= len(lines)


def _within_words(text: str, language: str, found: list[Address]) -> list[Address]:
    """The addresses in strings and comments of a program; where it does not parse, those in lines of prose as well."""
    tree = parse(language, text)
    if tree is None:
        return [address for address in found if _is_quoted(text, address) or _in_prose(text, address)]
    spans = [(leaf.start, leaf.end) for leaf in leaves_of(tree, tree.root) if leaf.role in ("comment", "literal")]
    return [
        address
        for address in found
        if any(start <= address.start and address.end <= end for start, end in spans)
        or (tree.has_error and _in_prose(text, address))
    ]


def _line(text: str, address: Address) -> tuple[str, str]:
    """What is before and behind an address in its line."""
    start, end = text.rfind("\n", 0, address.start) + 1, text.find("\n", address.end)
    return text[start : address.start], text[address.end : end if end >= 0 else len(text)]


def _is_quoted(text: str, address: Address) -> bool:
    """Whether an address is in quotes or behind the mark of a comment, by its line alone."""
    before, _ = _line(text, address)
    return any(before.count(mark) % 2 for mark in "\"'`") or re.search(r"(?:^|\s)(?://|#|--|/?\*)", before) is not None


def _in_prose(text: str, address: Address) -> bool:
    """Whether the line of an address is made of words."""
    line = "".join(_line(text, address))
    return _SIGNS.isdisjoint(line) and len(_WORD.findall(line)) >= _LEAST_WORDS


def _is_expression(text: str, address: Address, inline: list[tuple[int, int]]) -> bool:
    """Whether an address in prose is code: part of a longer code span, or an operand that is assigned or returned."""
    for start, end in inline:
        if start < address.start and address.end < end:
            return text[start + 1 : end - 1].strip() != address.text and not _is_quoted(text[:end], address)
    before, _ = _line(text, address)
    return _ASSIGNED.fullmatch(before) is not None and not _is_quoted(text, address)
