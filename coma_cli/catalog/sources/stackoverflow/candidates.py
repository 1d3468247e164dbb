"""What the sources made of Stack Overflow posts share: names, addresses, and snippets that answer a question."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

from coma_cli.languages import UNSPECIFIED, language_of_label

_SITE = "https://stackoverflow.com"
_WORD = re.compile(r"[a-z0-9+#]+")


class CodeBlock(NamedTuple):
    """A snippet of an answer, and whether it answers the question on its own."""

    code: str
    answers: bool


def question_url(number: object) -> str | None:
    """The address of a question, or None where the number is none."""
    whole = isinstance(number, int) and not isinstance(number, bool)
    return f"{_SITE}/questions/{number}" if whole else None


def language_of_name(name: str) -> str:
    """The language that a file's name or one of its folders begins or ends with (`sql_multi...`, `sca_python/`)."""
    words = (word for part in reversed(PurePosixPath(name).parts) for word in _WORD.findall(part.lower()))
    return next((language for word in words if (language := language_of_label(word))), UNSPECIFIED)


def candidates_of(blocks: Iterable[CodeBlock]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The distinct snippets in their order, and the positions of those that answer; blank ones are passed over.

    A snippet that stands there twice answers if one of the two does.
    """
    found: dict[str, bool] = {}
    for block in blocks:
        code = block.code.strip("\n").rstrip()
        if code.strip():
            found[code] = found.get(code, False) or block.answers
    return tuple(found), tuple(place for place, answers in enumerate(found.values()) if answers)
