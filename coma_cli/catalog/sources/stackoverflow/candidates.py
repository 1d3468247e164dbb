"""What the sources of Stack Overflow posts share: names, URLs, and snippets that answer a question."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

from coma_cli.languages import UNSPECIFIED, language_of_label
from coma_cli.syntax.python_dialects import without_prompts

_SITE = "https://stackoverflow.com"
_WORD = re.compile(r"[a-z0-9+#]+")


class CodeBlock(NamedTuple):
    """A snippet of an answer, and whether it answers the question on its own."""

    code: str
    answers: bool


def question_url(number: object) -> str | None:
    """The URL of a question, or None if `number` is not an integer."""
    whole = isinstance(number, int) and not isinstance(number, bool)
    return f"{_SITE}/questions/{number}" if whole else None


def language_of_name(name: str) -> str:
    """The language in the name of a file or one of its folders (`sql_multi...`, `sca_python/`)."""
    words = (word for part in reversed(PurePosixPath(name).parts) for word in _WORD.findall(part.lower()))
    return next((language for word in words if (language := language_of_label(word))), UNSPECIFIED)


def candidates_of(blocks: Iterable[CodeBlock]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The distinct snippets in order, and the positions of those that answer; blank ones are skipped.

    Interactive sessions of Python become their statements.

    A repeated snippet answers if any of its copies does.
    """
    found: dict[str, bool] = {}
    for block in blocks:
        code = without_prompts(block.code.strip("\n").rstrip())
        if code.strip():
            found[code] = found.get(code, False) or block.answers
    return tuple(found), tuple(place for place, answers in enumerate(found.values()) if answers)
