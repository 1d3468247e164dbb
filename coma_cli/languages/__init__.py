"""Programming languages: the names that rows carry, how a sentence calls them."""

import ast
import re
import warnings
from collections.abc import Iterator
from functools import lru_cache

from coma_cli.languages.language import Language
from coma_cli.languages.table import LANGUAGES

__all__ = [
    "LANGUAGES",
    "UNSPECIFIED",
    "Language",
    "display",
    "language_of_label",
    "looks_like_python",
    "named_language",
    "named_languages",
    "opens_block_of",
    "parse_python",
    "parses_as_python",
    "python_tree",
    "require_known",
    "same_python",
]

UNSPECIFIED = "unspecified"

# Every short name that folders, file names and the tags of fenced code give a language, in lower case.
_LABELS = {label: entry.name for entry in LANGUAGES.values() for label in (entry.name, *entry.labels)}
# ASCII only, so that a name between Chinese characters is a word too.
_PATTERNS = tuple(
    (entry.name, named.pieces, re.compile(named.pattern, re.ASCII | (0 if named.exact_case else re.IGNORECASE)))
    for entry in LANGUAGES.values()
    if (named := entry.named_by) is not None
)
_PYTHON_ONLY = re.compile(r"^\s*(?:def\s+\w+\s*\(.*|class\s+\w+.*:|import\s+\w|from\s+\w[\w.]*\s+import)", re.MULTILINE)
_CODE_LINE = re.compile(
    r"\s*(?:(?:async\s+)?def\s+\w+\s*\(|class\s+\w+|import\s+\w|from\s+[\w.]+\s+import|for\s+.+:\s*$|while\s+.+:\s*$"
    r"|(?:el)?if\s+.+:\s*$|else:|try:|return\b|print\s*\(|@\w+|#|[\w.\[\]'\"]+\s*[-+*/]?=\s*\S|[\w.]+\(.*\)\s*$)"
)


def display(language: str) -> str:
    """How a sentence calls a language; `code` takes the place of one that is not known."""
    known = LANGUAGES.get(language)
    if known is not None:
        return known.display
    return language.capitalize().strip() if language != UNSPECIFIED else ""


def require_known(language: str) -> None:
    """Raise ValueError for a name that is neither in the table of languages nor `unspecified`."""
    if language not in LANGUAGES and language != UNSPECIFIED:
        raise ValueError(f"The language {language!r} has no entry; known: {', '.join((*LANGUAGES, UNSPECIFIED))}.")


def language_of_label(label: str) -> str | None:
    """The language that a short label means (`C#`, `js`, `Python3`), or None."""
    return _LABELS.get(label.strip().lower())


def opens_block_of(tag: str, language: str) -> bool:
    """Whether the tag of a fenced block (in lower case) says that its code is in that language."""
    known = LANGUAGES.get(language)
    return tag == language or (known is not None and tag in (*known.labels, *known.fence_tags))


def named_language(text: str) -> str | None:
    """The programming language that a text names, or None."""
    return next(named_languages(text), None)


def named_languages(text: str) -> Iterator[str]:
    """The programming languages that a text names, in the order of the table."""
    lower = text.lower()
    for name, pieces, pattern in _PATTERNS:
        if any(map(lower.__contains__, pieces)) and pattern.search(text):
            yield name


def looks_like_python(text: str) -> bool:
    """Whether most lines of a text have the shape of Python statements (whether or not the whole parses)."""
    if not _PYTHON_ONLY.search(text):
        return False
    lines = [line for line in text.splitlines() if line.strip()]
    braces = sum(line.rstrip().endswith((";", "{", "}")) for line in lines)
    return braces <= 0.1 * len(lines) and sum(bool(_CODE_LINE.match(line)) for line in lines) >= 0.5 * len(lines)


def parse_python(code: str) -> ast.Module | None:
    """The syntax tree of a program, or None where the running interpreter's grammar does not accept it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in somebody's code is not our warning
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=4)  # one step after the other looks at the code of a row; trees of files are large
def python_tree(code: str) -> ast.Module | None:
    """The syntax tree of a program as `parse_python` makes it, shared by all who ask: nobody may change it."""
    return parse_python(code)


@lru_cache(maxsize=2048)  # rows move from step to step in batches, and several steps ask this of the same code
def parses_as_python(code: str) -> bool:
    """Whether the running interpreter's grammar accepts the code."""
    return python_tree(code) is not None


def same_python(one: str, other: str) -> bool:
    """Whether two texts are the same program, layout and comments aside."""
    first, second = parse_python(one), parse_python(other)
    return first is not None and second is not None and ast.dump(first) == ast.dump(second)
