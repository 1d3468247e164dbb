"""Code without its comments and documentation, found by the marks of comments alone, without a grammar.

Fingerprints are made of every row, so this costs a few microseconds: one regular expression that skips strings, and
only for texts that contain a mark of comments at all.
"""

import re

_DOUBLE, _SINGLE, _BACKTICK = r'"(?:\\.|[^"\\\n])*"', r"'(?:\\.|[^'\\\n])*'", r"`(?:\\.|[^`\\])*`"
_SLASHES = r"//[^\n]*|/\*[\s\S]*?\*/"
# A string that documents what it follows the beginning of, which is a comment; other strings of several lines.
_DOCSTRING = r'(?P<kept>\A|:[ \t]*\n)\s*[rRuU]?(?:"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\')'
_LONG = r'"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\''
_Rule = tuple[tuple[str, ...], re.Pattern[str]]


def _rule(marks: tuple[str, ...], comments: str, strings: str = f"{_DOUBLE}|{_SINGLE}") -> _Rule:
    return marks, re.compile(f"(?P<string>{strings})|{comments}")


_C = _rule(("//", "/*"), _SLASHES)
_SCRIPT = _rule(("//", "/*"), _SLASHES, f"{_DOUBLE}|{_SINGLE}|{_BACKTICK}")
_HASH = _rule(("#",), r"#[^\n]*")
_PYTHON = (("#", '"""', "'''"), re.compile(f"{_DOCSTRING}|(?P<string>{_LONG}|{_DOUBLE}|{_SINGLE})|#[^\\n]*"))
_RULES: dict[str, _Rule] = {
    **dict.fromkeys(("c", "cpp", "csharp", "java", "rust", "swift", "kotlin", "css"), _C),
    **dict.fromkeys(("javascript", "typescript", "go"), _SCRIPT),
    **dict.fromkeys(("ruby", "bash", "r"), _HASH),
    **dict.fromkeys(("python", "python2"), _PYTHON),
    "php": _rule(("//", "/*", "#"), rf"{_SLASHES}|#(?!\[)[^\n]*"),
    "sql": _rule(("--", "/*"), r"--[^\n]*|/\*[\s\S]*?\*/"),
    "html": _rule(("<!--",), r"<!--[\s\S]*?-->"),
}


def without_comments(language: str, code: str) -> str:
    """The code with a space in place of each comment; unchanged if it is nothing else, or the language is unknown."""
    rule = _RULES.get(language)
    if rule is None or not any(mark in code for mark in rule[0]):
        return code
    bare = rule[1].sub(_kept, code)
    return bare if bare.strip() else code


def _kept(found: re.Match[str]) -> str:
    groups = found.groupdict()
    return groups["string"] or groups.get("kept") or " "
