"""What is put around a text to parse it as part of a program, and which texts that can't help.

Parsing code with an error takes longest, and a broken program would be parsed once in each frame of its language. Most
show at their beginning or end that they are statements, not a method or an argument; what is left is parsed.
"""

import re
from collections.abc import Callable
from typing import NamedTuple


def _none(code: str) -> bool:
    return False


class Frame(NamedTuple):
    """What to put before and behind a text; `excludes` is true only of texts that have a syntax error within it."""

    head: str
    tail: str
    excludes: Callable[[str], bool] = _none


BARE = Frame("", "")

_NAME = r"[A-Za-z_$][\w$]*"
# `let x` and `console.log`: two names on one line, or a name of another, where none of these comes first. Elements of a
# class end with a line, a semicolon or a body, those of an object with a comma.
_NO_MEMBER = re.compile(
    r"\s*(?!(?:abstract|accessor|async|declare|get|override|private|protected|public|readonly|set|static)\b)"
    rf"{_NAME}(?:[ \t]+[A-Za-z_$]|\.[A-Za-z_$])"
)
# Two names on one line, of which neither is an operator in words.
_NO_ARGUMENT = re.compile(
    r"\s*(?!(?:abstract|async|await|class|delete|function|new|typeof|void|yield)\b)"
    rf"{_NAME}[ \t]+(?!(?:as|in|instanceof|is|of|satisfies)\b)[A-Za-z_$]"
)
# With what a member of a class in PHP begins, or a comment, or what closes the class.
_PHP_MEMBER = re.compile(
    r"\s*(?:[#/?}]|\Z|(?:abstract|const|final|function|private|protected|public|readonly|static|use|var)\b)",
    re.IGNORECASE,
)
# What holds statements within an argument in PHP, and what hides brackets from a regular expression.
_PHP_BODY = re.compile(r"\b(?:function|class)\b|\?>|<<<|`|#\[", re.IGNORECASE)
_PHP_BRACKET = re.compile(
    r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|//[^\n]*|#[^\n]*|/\*.*?\*/|([(\[{])|([)\]}])|(;)", re.DOTALL
)
# A semicolon at the end of a line with one of these may be in a comment, or outside of the code.
_SCRIPT_COMMENTS, _PHP_COMMENTS = ("//", "<!--", "-->"), ("//", "#")
# Strings and comments, which are skipped, and brackets.
_BRACKET = re.compile(
    r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|//[^\n]*|/\*.*?\*/|([(\[{])|([)\]}])", re.DOTALL
)


def _ends_a_statement(code: str, comments: tuple[str, ...]) -> bool:
    """Whether a text ends with a semicolon: before the end of an argument or of an object's braces there is none.

    What else it may belong to (a string, a block, the head of a loop) is open then, and takes the frame's end, so that
    the frame stays open. Only a text that closes the frame itself could go on in another way.
    """
    code = code.rstrip()
    if not code.endswith(";") or any(map(code[code.rfind("\n") + 1 :].__contains__, comments)):
        return False
    depth = 0
    for bracket in _BRACKET.finditer(code):
        depth += (bracket[1] is not None) - (bracket[2] is not None)
        if depth < 0:
            return False
    return True


def _is_no_member(code: str) -> bool:
    return _NO_MEMBER.match(code) is not None


def _is_no_argument(code: str) -> bool:
    return _ends_a_statement(code, _SCRIPT_COMMENTS) or _NO_ARGUMENT.match(code) is not None


def _is_no_property(code: str) -> bool:
    return _ends_a_statement(code, _SCRIPT_COMMENTS) or _NO_MEMBER.match(code) is not None


def _is_no_php_member(code: str) -> bool:
    return _PHP_MEMBER.match(code) is None


def _is_no_php_argument(code: str) -> bool:
    return "?>" not in code and (_ends_a_statement(code, _PHP_COMMENTS) or _has_php_statement(code))


def _has_php_statement(code: str) -> bool:
    """Whether there is a semicolon in a text that closes no bracket but its own, and holds no function's body."""
    if ";" not in code or _PHP_BODY.search(code):
        return False
    depth = 0
    for sign in _PHP_BRACKET.finditer(code):
        depth += (sign[1] is not None) - (sign[2] is not None)
        if depth < 0 or sign[3]:
            return depth >= 0
    return False


CLASS = Frame("class _ {\n", "\n}")
SCRIPT_CLASS = Frame("class _ {\n", "\n}", _is_no_member)
SCRIPT_CALL = Frame("_(\n", "\n)", _is_no_argument)
SCRIPT_OBJECT = Frame("_({\n", "\n})", _is_no_property)
PHP_CLASS = Frame("class _ {\n", "\n}", _is_no_php_member)
PHP_CALL = Frame("_(\n", "\n)", _is_no_php_argument)
