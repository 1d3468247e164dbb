"""What the final pass knows of a row without reading it again: digests, sides, lengths and names, of a fixed size.

All of it is found by the workers that build the rows, so that the final pass, which is one process, has little to do.
"""

import hashlib
from typing import Any, NamedTuple

import numpy as np

from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.dedup import content_keys
from coma_cli.corpus.splitting import side_of, signatures
from coma_cli.records import Example
from coma_cli.words import tokens

NAMED = ("task", "source", "language", "text_language", "licence", "split", "answer")
SIGNATURES = 3
NO_ANSWER = ""  # the answer of a task whose answers are no fixed words

ROW = np.dtype(
    [
        ("offset", "<u8"),
        ("length", "<u4"),
        *((name, "<u2") for name in NAMED),
        ("id", "S20"),
        ("body", "<u4"),  # where `"instruction":` begins in the line, and where the value of "output" ends
        ("body_end", "<u4"),
        ("asked_chars", "<u4"),
        ("output_chars", "<u4"),
        ("validation", "?"),
        ("question", "<u8"),  # digests; 0 stands for none
        ("long_answer", "<u8"),
        ("meaning", "<u8"),
        ("signatures", "<u8", (SIGNATURES,)),
    ]
)


class Fact(NamedTuple):
    """The facts of one row in the order of `ROW`, without its place in the file."""

    named: tuple[str, ...]
    numbers: tuple[Any, ...]


def fact_of(example: Example, line: bytes, validation_share: float, seed: int) -> Fact:
    """The facts of a row and the line that holds it."""
    keys = [int.from_bytes(key, "little") for key in content_keys(example)]
    twins = [int.from_bytes(signature, "little") for signature in signatures(example)]
    body = line.index(b'"instruction": ')
    end = line.rindex(b', "licence": ')
    return Fact(
        (
            example.task,
            example.source,
            example.language,
            example.text_language,
            example.licence,
            example.origin.split,
            fixed_answer(example),
        ),
        (
            example.id.encode("ascii"),
            body,
            end,
            len(example.instruction) + len(example.input),
            len(example.output),
            side_of(example, validation_share, seed) == "validation",
            keys[0],
            keys[1] if len(keys) > 1 else 0,
            meaning(example),
            (*twins, *([0] * (SIGNATURES - len(twins)))),
        ),
    )


def fixed_answer(example: Example) -> str:
    """The answer, of tasks that are answered by one of a few fixed words; else nothing."""
    task = TASKS.get(example.task)
    labels = getattr(task, "labels", ()) or ()
    return example.output if labels else NO_ANSWER


def meaning(example: Example) -> int:
    """A digest of a row's code alone, the same for rows that differ in the language and wording of their text only.

    By it a row in Chinese is known to answer the request that was made from its English sister. 0 for tasks of which
    no such requests are made.
    """
    if example.task == "code-summarization":
        parts = [example.input]
    elif example.task == "code-generation":
        parts = [example.input, example.output]
    elif example.task == "code-search":
        parts = [example.output]
    else:
        return 0
    text = "\x00".join((example.task, *(" ".join(tokens(part)) for part in parts)))
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
