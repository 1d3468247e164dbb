"""The split into training and validation rows, decided for each row by a hash of what it is about.

A row's side depends on nothing but the row and the seed, so adding rows never moves old ones. Rows made of the same
function share a side. Where a validation row still repeats a longer text of a training row (up to case, numbers and
layout), it leaves the validation set: nothing is judged by what was trained on.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from coma_cli.corpus.dropping import OnDrop, dropped
from coma_cli.records import Example, row_seed
from coma_cli.words import words

Side = Literal["train", "validation"]
TWIN_REASON = "twin-in-train"
MIN_TEXT_WORDS = 8
_SPACE = 1 << 63  # row_seed gives 63 bits
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Split:
    """Rows on both sides."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]


def split(examples: Iterable[Example], share: float, seed: int, on_drop: OnDrop) -> Split:
    """Divide rows that fit into memory; `share` (0 to 1) of what they are about goes to validation."""
    sides: dict[Side, list[Example]] = {"train": [], "validation": []}
    for example in examples:
        sides[side_of(example, share, seed)].append(example)
    trained = {signature for example in sides["train"] for signature in signatures(example)}
    kept: list[Example] = []
    for example in sides["validation"]:
        if trained.isdisjoint(signatures(example)):
            kept.append(example)
        else:
            on_drop(dropped(example, TWIN_REASON))
    return Split(tuple(sides["train"]), tuple(kept))


def side_of(example: Example, share: float, seed: int) -> Side:
    """The side of one row."""
    return "validation" if row_seed(seed, f"split|{anchor(example)}") < share * _SPACE else "train"


def anchor(example: Example) -> str:
    """What a row is about: the place of the function that it was made of, else the text of its question."""
    origin = example.origin
    if origin.lines is not None:
        return f"{example.source}|{origin.path}|{origin.row}"
    return _plain(f"{example.instruction}\n{example.input}")


def signatures(example: Example) -> tuple[bytes, ...]:
    """Digests of a row's longer texts, the same for texts that differ in case, numbers, punctuation and layout."""
    plain = (_plain(text) for text in (example.input, example.output, f"{example.instruction}\n{example.input}"))
    return tuple(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for text in plain
        if text.count(" ") >= MIN_TEXT_WORDS - 1
    )


def _plain(text: str) -> str:
    return _DIGITS.sub("0", " ".join(words(text)))
