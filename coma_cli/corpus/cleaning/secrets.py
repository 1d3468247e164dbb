"""Secrets in rows: keys, tokens, passwords and private keys. The rules are data, in `secret_rules.toml`.

A placeholder is not a secret: values that say what they are ("password", "<your-key>", "xxxx", "EXAMPLE"), templates
("{key}", "%s", "$TOKEN"), and names of things instead of their values ("access_token").
"""

import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

MASK = "REDACTED"
_RULES = Path(__file__).with_name("secret_rules.toml")
Guess = Literal["", "password", "token"]


class Secret(NamedTuple):
    """The kind and the place of a secret."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class SecretRule:
    """What one kind of secret looks like: see the head of the file of rules.

    `guess` is set where the form alone proves nothing: then the value must look like a password or token as well.
    """

    kind: str
    keywords: tuple[str, ...]
    anchors: tuple[str, ...]
    pattern: re.Pattern[str]
    entropy: float
    guess: Guess


_PLACEHOLDER = re.compile(
    r"example|QWxhZGRpbjpvcGVu|x{6,}|\*{3,}|\.{3}|your[-_a-z]|<|placeholder|redacted|(?-i:abcdefghijklm|ABCDEFGHIJKLM)|(.)\1{7,}",
    re.IGNORECASE,
)
# What shows a placeholder where the form of a value proves nothing.
_MADE_UP = re.compile(r"x{4,}|change_?me|dummy|sample|fake|1234567890|abcdefghij", re.IGNORECASE)
# Values that stand for others, and what only reads like a value: templates, paths, addresses.
_TEMPLATE = re.compile(
    r"[{}<>\\]|\$\w|%[sdr(]|^\$|^[/.~#]|://|^\W*\w+\([^)]*\)?$|^\)|\.\w+\(|\w\|\w"
    r"|^(?:env|process|os|config|settings)\b",
    re.IGNORECASE,
)
_COMMON = re.compile(
    r"pass(?:word|wd|wort|phrase|code)?|pwd|secret|token|key|change_?me|testing|test|your|my|demo|dummy|fake|foo|bar|baz"
    r"|x{3,}|0?12345?6?7?8?9?0?|abc(?:def?g?h?)?|qwerty|letmein|admin|root|user(?:name)?|default|hello|world|guest|welcome"
    r"|example|sample|login|value|string|none|null|true|false|required|invalid|wrong|correct|new|old|hash",
    re.IGNORECASE,
)
_WORDY = re.compile(r"[A-Za-z]+(?:[-_.:/ ][A-Za-z]+)*[-_.:/]?\d?")
_LEAST_LEFT = 5  # characters of a password without common words


@cache
def secret_rules() -> tuple[SecretRule, ...]:
    """The rules, read once per process."""
    entries = tomllib.loads(_RULES.read_text(encoding="utf-8"))["rule"]
    return tuple(
        SecretRule(
            kind=entry["kind"],
            keywords=tuple(entry.get("keywords", ())),
            anchors=tuple(entry.get("anchors", ())),
            pattern=re.compile(entry["pattern"]),
            entropy=float(entry.get("entropy", 0)),
            guess=entry.get("guess", ""),
        )
        for entry in entries
    )


def secrets_in(text: str) -> list[Secret]:
    """The secrets in a text, in order and without overlaps: of two, the one that begins first, or is found first."""
    lower = text.lower()
    if len(lower) == len(text) and not _has_sign(text, lower):
        return []
    found = [secret for rule in secret_rules() for secret in _found(rule, text, lower)]
    kept: list[Secret] = []
    for secret in sorted(found, key=lambda secret: secret.start):
        if not kept or secret.start >= kept[-1].end:
            kept.append(secret)
    return kept


def may_hold_secret(text: str) -> bool:
    """Whether there may be a secret in a text or in a part of it; there is none in most."""
    lower = text.lower()
    return len(lower) != len(text) or _has_sign(text, lower)


def _has_sign(text: str, lower: str) -> bool:
    """Whether a keyword or an anchor of any rule occurs. Most texts end here, at a tenth of the cost of all rules."""
    keywords, anchors = _first_looks()
    return any(map(text.__contains__, keywords)) or any(map(lower.__contains__, anchors))


@cache
def _first_looks() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All rules' keywords and anchors."""
    rules = secret_rules()
    return (
        tuple({word: None for rule in rules if not rule.anchors for word in rule.keywords}),
        tuple({word: None for rule in rules for word in rule.anchors}),
    )


def _found(rule: SecretRule, text: str, lower: str) -> Iterator[Secret]:
    for match in _matches(rule, text, lower):
        group = "secret" if match.groupdict().get("secret") else 0
        if _is_secret(rule, match[group]):
            yield Secret(rule.kind, *match.span(group))


def _matches(rule: SecretRule, text: str, lower: str) -> Iterator[re.Match[str]]:
    """Where a rule's pattern matches. At the places of its anchors alone this takes a tenth of the time."""
    if not rule.anchors:
        if any(word in text for word in rule.keywords):
            yield from rule.pattern.finditer(text)
        return
    if len(lower) != len(text):  # some letters have a longer lower case, so places would differ
        yield from rule.pattern.finditer(text)
        return
    for anchor in rule.anchors:
        at = lower.find(anchor)
        while at >= 0:
            match = rule.pattern.match(text, at)
            if match is not None:
                yield match
            at = lower.find(anchor, at + 1)


def _is_secret(rule: SecretRule, value: str) -> bool:
    if _PLACEHOLDER.search(value) or (rule.entropy and entropy(value) < rule.entropy):
        return False
    if not rule.guess:
        return True
    if _MADE_UP.search(value) or _TEMPLATE.search(value) or _WORDY.fullmatch(value):
        return False
    return _is_password(value) if rule.guess == "password" else _is_token(value)


def _is_password(value: str) -> bool:
    """Whether a quoted value is a password that somebody chose: letters and other characters, and not a common word."""
    rest = _COMMON.sub("", value)
    letters = sum(map(str.isalpha, rest))
    others = sum(map(str.isdigit, rest)) + sum(not c.isalnum() and c not in "-_.:/ " for c in rest)
    return len(rest) >= _LEAST_LEFT and letters >= 2 and others >= 1 and value.isascii()


def _is_token(value: str) -> bool:
    """Whether a quoted value is a random one: enough digits among its letters, and no words between separators."""
    letters, digits = sum(map(str.isalpha, value)), sum(map(str.isdigit, value))
    words = [part for part in re.split(r"[-_./=+]", value) if part.isalpha() and len(part) > 2]
    return letters >= 4 and digits >= 3 and 3 * sum(map(len, words)) < len(value)


def entropy(text: str) -> float:
    """The Shannon entropy of a text's characters, in bits per character."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)
