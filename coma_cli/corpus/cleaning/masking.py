"""Replaces the secrets and private addresses of a row: credentials by one word, each address by one of its own.

Distinct addresses of a row stay distinct (`name1@example.com`, `name2@example.com`), numbered as they occur in it, so a
row is masked in the same way whatever its neighbours are. A list of candidates is decoded before its code is read.
"""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.cleaning.addresses import may_hold_address, private_addresses
from coma_cli.corpus.cleaning.secrets import MASK, may_hold_secret, secrets_in
from coma_cli.formats.fences import fenced_blocks
from coma_cli.languages import language_of_label
from coma_cli.records import Example

ADDRESS = "e-mail address"
_FIELDS = ("instruction", "input", "output")
_INSTRUCTIONS = "code-generation"
_MASKED = re.compile(r"\bname(\d+)@example\.com\b")


class _Piece(NamedTuple):
    """A part of a field: a program in a language, prose, or (None) either."""

    text: str
    language: str
    is_code: bool | None


class _Found(NamedTuple):
    """Something to replace in a text."""

    kind: str
    text: str
    start: int
    end: int


def first_secret(example: Example) -> str | None:
    """The kind of the first secret or private address of a row; None if it has none."""
    return next((found.kind for name in _FIELDS for found in _in_field(example, name)), None)


def masked_row(example: Example) -> Example:
    """A row with its secrets and private addresses replaced."""
    together = "\n".join((example.instruction, example.input, example.output))
    if "@" not in together and not may_hold_secret(together):  # most rows
        return example
    if not any(_may_hold(getattr(example, name)) for name in _FIELDS):
        return example
    names = _Names.of([getattr(example, name) for name in _FIELDS])
    texts = {name: _masked_field(example, name, names) for name in _FIELDS}
    changed = {name: text for name, text in texts.items() if text != getattr(example, name)}
    return example.model_copy(update=changed) if changed else example


def masked_text(text: str, language: str = "", is_code: bool | None = None) -> str:
    """A text on its own, with its secrets and private addresses replaced."""
    names = _Names.of([text])
    return "".join(_masked(piece, names) for piece in _pieces(text, language, is_code)) if _may_hold(text) else text


class _Names:
    """The replacements of a row's addresses, numbered in the order in which they are given out."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._given: dict[str, str] = {}

    @classmethod
    def of(cls, texts: list[str]) -> "_Names":
        """Those of a row that has these texts: no number is used that occurs in it."""
        used = [int(number[-9:]) for text in texts for number in _MASKED.findall(text)]
        return cls(max(used, default=0) + 1)

    def of_address(self, address: str) -> str:
        """The replacement of an address; the same for each spelling of it."""
        return self._given.setdefault(address.lower(), f"name{self._first + len(self._given)}@example.com")


def _may_hold(text: str) -> bool:
    """Whether there may be anything to replace; most texts end here."""
    return may_hold_address(text) or bool(secrets_in(text))


def _field_pieces(example: Example, name: str) -> Iterator[_Piece]:
    task = TASKS.get(example.task)
    if name == "instruction" or (name == "output" and task is not None and task.prose_answer):
        is_code: bool | None = False
    else:
        is_code = True if task is not None and (name in task.code_fields or task.asks_by_input) else None
    text = getattr(example, name)
    if is_code and name == "output" and example.task == _INSTRUCTIONS:
        is_code = None  # instruction sets answer in prose as well
    yield from _pieces(text, example.language, is_code)


def _pieces(text: str, language: str, is_code: bool | None) -> Iterator[_Piece]:
    """A text by its fenced blocks: those are code, and what is around them is prose."""
    at = 0
    for block in fenced_blocks(text):
        inner = text.find("\n", block.start) + 1
        yield _Piece(text[at:inner], language, False)
        yield _Piece(text[inner : block.end], language_of_label(block.language) or language, True)
        at = block.end
    yield _Piece(text[at:], language, False if at else is_code)


def _candidates(text: str) -> list[str] | None:
    """The strings of a JSON list that is written as rows have it; None for any other text."""
    if not text.startswith('["'):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    whole = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return value if whole and json.dumps(value, ensure_ascii=False) == text else None


def _in_field(example: Example, name: str) -> Iterator[_Found]:
    text = getattr(example, name)
    if not _may_hold(text):
        return
    listed = _candidates(text)
    if listed is not None:
        pieces: Iterator[_Piece] = (piece for item in listed for piece in _pieces(item, example.language, True))
    else:
        pieces = _field_pieces(example, name)
    for piece in pieces:
        yield from _in_piece(piece)


def _in_piece(piece: _Piece) -> list[_Found]:
    """What is to be replaced in a piece, in order and without overlaps."""
    text = piece.text
    found = [
        _Found(secret.kind, text[secret.start : secret.end], secret.start, secret.end) for secret in secrets_in(text)
    ]
    for address in private_addresses(text, piece.language, piece.is_code):
        if not any(entry.start < address.end and address.start < entry.end for entry in found):
            found.append(_Found(ADDRESS, address.text, address.start, address.end))
    return sorted(found, key=lambda entry: entry.start)


def _masked_field(example: Example, name: str, names: _Names) -> str:
    listed = _candidates(getattr(example, name))
    if listed is None:
        return "".join(_masked(piece, names) for piece in _field_pieces(example, name))
    masked = ["".join(_masked(piece, names) for piece in _pieces(item, example.language, True)) for item in listed]
    return json.dumps(masked, ensure_ascii=False)


def _masked(piece: _Piece, names: _Names) -> str:
    parts, at = [], 0
    for entry in _in_piece(piece):
        mask = names.of_address(entry.text) if entry.kind == ADDRESS else MASK
        parts += [piece.text[at : entry.start], mask]
        at = entry.end
    return "".join((*parts, piece.text[at:]))
