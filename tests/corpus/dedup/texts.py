"""Random texts, and copies of them with some words exchanged."""

import random
from collections.abc import Iterable

from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.records import Example
from tests.corpus.rows import example

RULES = NearRules()
WORDS = [f"w{n}" for n in range(2000)]


def text(seed: int, size: int = 80) -> str:
    """Random words, the same for the same seed."""
    return " ".join(random.Random(seed).choices(WORDS, k=size))


def mutated(base: str, count: int, seed: int) -> str:
    """The text with `count` of its words exchanged."""
    parts = base.split()
    dice = random.Random(seed)
    for place in dice.sample(range(len(parts)), count):
        parts[place] = f"m{dice.random()}"[:8]
    return " ".join(parts)


def rows_of(texts: Iterable[str]) -> list[Example]:
    """A row for each text, which is its input."""
    return [example(n, instruction="", input=one, output="x") for n, one in enumerate(texts)]
