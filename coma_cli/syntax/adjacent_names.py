"""Names side by side as in no program: a syntax error that is found in a fifth of the time that a grammar takes.

Grammars take longest where they meet an error, since they look for the least that must be skipped. In JavaScript and
PHP no two names follow each other on one line, in Java and C# no three (`Type name`), if none of them is a word of the
language's own and they are not in strings, comments or text between tags. Texts with anything that could hide such
places from a regular expression are left to the grammar: every text that is found here has a syntax error.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from coma_cli.syntax.grammars import grammar_of
from coma_cli.words import name_set

_QUOTED = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_QUOTED_LINES = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
_COMMENTS = r"//[^\n]*|/\*.*?\*/"
# Words that grammars know under other names: literals, and types that are built in.
_OWN_WORDS = name_set(
    "bool boolean byte callable char decimal double dynamic false float from get int iterable long mixed never null "
    "object of parent self set short static string super this true undefined var void"
)


class _Rule(NamedTuple):
    """More than `most` names are an error, unless a text, or what is left without `hidden`, has something `unclear`."""

    most: int
    names: re.Pattern[str]
    hidden: re.Pattern[str]
    unclear: tuple[str, ...]
    unclear_left: tuple[str, ...]


def _rule(most: int, name: str, hidden: str, unclear: str, unclear_left: str = "") -> _Rule:
    names = re.compile(rf"(?<![\w$@#\\]){name}(?:[ \t]+{name}){{{most},}}(?![\w$\\])", re.ASCII)
    left = (*unclear_left.split(), '"', "'", "\\")
    return _Rule(most, names, re.compile(hidden, re.DOTALL), tuple(unclear.split()), left)


_NAME, _PHP_NAME = r"[A-Za-z_$][\w$]*", r"[A-Za-z_]\w*"
_RULES: Mapping[str, _Rule] = {
    # Elements of JSX and templates hold text; a slash that is left may begin a regular expression.
    "javascript": _rule(1, _NAME, f"{_QUOTED}|{_COMMENTS}", "` @ </ /> <!-- -->", "/"),
    # Constants may have a type (`const Type NAME`), and texts outside of tags hold anything.
    "php": _rule(
        1, _PHP_NAME, rf"{_QUOTED_LINES}|{_COMMENTS}|#[^\n]*", "` ?> <? <% << const Const CONST halt_compiler"
    ),
    # An annotation may precede a type.
    "java": _rule(2, _NAME, f"{_QUOTED}|{_COMMENTS}", '` @ """'),
    "csharp": _rule(2, _NAME, f"{_QUOTED}|{_COMMENTS}", '` @ # $ """'),
}
_OPENING_TAG = "<?php"


def has_adjacent_names(language: str, code: str) -> bool:
    """Whether a text surely has a syntax error, whatever is put around it, because two names follow one another."""
    rule = _RULES.get(language)
    if rule is None or not code.isascii() or not rule.names.search(code):
        return False
    if language == "php":
        code = code.lstrip().removeprefix(_OPENING_TAG)
    if any(map(code.__contains__, rule.unclear)):
        return False
    left = rule.hidden.sub("\n", code)
    if any(map(left.__contains__, rule.unclear_left)):
        return False
    return any(_most_in_a_row(language, found.group()) > rule.most for found in rule.names.finditer(left))


def _most_in_a_row(language: str, words: str) -> int:
    """How many of some words follow each other without a word of the language's own between them."""
    most = count = 0
    for word in words.split():
        count = 0 if word.lower() in _own_words(language) else count + 1
        most = max(most, count)
    return most


@cache
def _own_words(language: str) -> frozenset[str]:
    """The words that are symbols of a grammar, whatever kind of symbols, in lower case."""
    grammar = grammar_of(language)
    kinds = (grammar.node_kind_for_id(number) for number in range(grammar.node_kind_count))
    return _OWN_WORDS | {word.lower() for kind in kinds if kind is not None for word in kind.split()}
