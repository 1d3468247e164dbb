"""Which paths a repository ignores: `.gitignore` files as git reads them, as far as choosing source files needs it.

Supported: comments, negation with `!`, folders with a trailing slash, anchoring with a slash, `*`, `?`, `[...]`, `**`,
and files in subfolders, which take precedence. Not read: `.git/info/exclude` and the user's global ignore file.
"""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Rule:
    """One line of an ignore file in the folder `base` (relative to the repository, "" for its root)."""

    base: str
    pattern: re.Pattern[str]
    negated: bool
    folders_only: bool

    def matches(self, path: str, is_folder: bool) -> bool:
        """Whether the rule applies to this path (relative to the repository, with slashes)."""
        if self.folders_only and not is_folder:
            return False
        inside = path if not self.base else path.removeprefix(f"{self.base}/")
        return (not self.base or path.startswith(f"{self.base}/")) and bool(self.pattern.fullmatch(inside))


def read_rules(folder: Path, base: str) -> list[Rule]:
    """The rules of one folder's `.gitignore`; none if there is no such file."""
    try:
        text = (folder / ".gitignore").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [rule for line in text.splitlines() if (rule := parse_rule(line, base)) is not None]


def parse_rule(line: str, base: str = "") -> Rule | None:
    """One line as a rule; None for blank lines, comments and invalid patterns."""
    text = re.sub(r"(?<!\\)\s+$", "", line)
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    text = text[1:] if negated else text.removeprefix("\\") if text.startswith(("\\#", "\\!")) else text
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    anchored = "/" in text
    expression = _translate(text.removeprefix("/"))
    try:
        pattern = re.compile(expression if anchored else f"(?:.*/)?{expression}")
    except re.error:
        return None
    return Rule(base, pattern, negated, folders_only) if text else None


def is_ignored(rules: list[Rule], path: str, is_folder: bool) -> bool:
    """Whether the last rule that applies to the path ignores it."""
    return next((not rule.negated for rule in reversed(rules) if rule.matches(path, is_folder)), False)


def _translate(pattern: str) -> str:
    """A git pattern as a regular expression: `*` matches within a folder name, `**` across folders."""
    parts: list[str] = []
    position = 0
    tokens = re.compile(
        r"(?P<deep>\*\*/|/\*\*$)|(?P<star>\*+)|(?P<one>\?)|(?P<set>\[[!^]?\]?[^\]]*\])|\\(?P<quoted>.)|(?P<plain>.)"
    )
    while position < len(pattern):
        token = tokens.match(pattern, position)
        if token is None:
            break
        position = token.end()
        parts.append(_expression(token))
    return "".join(parts)


def _expression(token: re.Match[str]) -> str:
    text = token.group()
    match token.lastgroup:
        case "deep":
            return "(?:.*/)?" if text == "**/" else "/.*"
        case "star":
            return "[^/]*"
        case "one":
            return "[^/]"
        case "set":
            negated = text[1] in "!^"
            inner = "".join(sign if sign == "-" else re.escape(sign) for sign in text[1 + negated : -1])
            return f"[^/{inner}]" if negated else f"[{inner}]"
        case "quoted":
            return re.escape(token["quoted"])
        case _:
            return re.escape(text)
