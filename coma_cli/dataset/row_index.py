"""The row index: what the final pass knows of a row without reading it again, a record of a fixed size.

The workers that build the rows compute all of it, so that the final pass, which is one process, has little to do.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.dedup.fingerprints import RowFingerprints, hash_of
from coma_cli.corpus.lexing import U64, mix
from coma_cli.jsonl import SpannedLine, encode_with_span
from coma_cli.records import Example

NAMED = ("task", "source", "language", "text_language", "licence", "split", "answer")
TEXT_KEYS = 3
_BODY = ("instruction", "output")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
NO_ANSWER = ""  # stands for the answer of a task without fixed answers

ROW = np.dtype(
    [
        ("offset", "<u8"),
        ("length", "<u4"),
        *((name, "<u2") for name in NAMED),
        ("id", "S20"),
        ("body", "<u4"),  # where instruction, input and output are in the line (see `encode_example`)
        ("body_end", "<u4"),
        ("asked_chars", "<u4"),
        ("output_chars", "<u4"),
        ("draws", "<u8", (2,)),  # see `splitting`
        ("question", "<u8"),  # digests; 0 is none
        ("long_answer", "<u8"),
        ("pair", "<u8"),
        ("several", "?"),  # whether several rows may ask the question
        ("shape", "<u8"),
        ("meaning", "<u8"),
        ("text_keys", "<u8", (TEXT_KEYS,)),
    ]
)


class IndexRow(NamedTuple):
    """One record of the row index in the order of `ROW`, without its place in the file."""

    named: tuple[str, ...]
    numbers: tuple[Any, ...]


def encode_example(example: Example) -> SpannedLine:
    """The line of a row and the span of its body, the fields that CoMIT has: instruction, input and output.

    Lone surrogates, which names of files and addresses may hold, are written out as escapes: pyarrow, and with it
    `datasets`, refuses a whole file because of one.
    """
    row = example.to_row()
    line = encode_with_span(row, *_BODY)
    return encode_with_span(_without_surrogates(row), *_BODY) if b"\\ud" in line.line else line


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", value)
    return {key: _without_surrogates(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def index_rows(
    examples: Sequence[Example],
    lines: Sequence[SpannedLine],
    fingerprints: RowFingerprints,
    draws: U64,
) -> Iterator[IndexRow]:
    """The index records of some rows, from their lines, their fingerprints and (rows, 2) their draws."""
    columns = (
        draws,
        fingerprints.questions,
        fingerprints.answers,
        fingerprints.pairs,
        fingerprints.several,
        fingerprints.shapes,
        meanings(examples, fingerprints),
        fingerprints.text_keys,
    )
    for example, line, *numbers in zip(examples, lines, *(column.tolist() for column in columns), strict=True):
        drawn, *keys, text_keys = numbers
        yield IndexRow(
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
                line.start,
                line.end,
                len(example.instruction) + len(example.input),
                len(example.output),
                tuple(drawn),
                *keys,
                tuple(text_keys),
            ),
        )


def fixed_answer(example: Example) -> str:
    """The answer to a task that is answered by one of a few fixed words, else `NO_ANSWER`."""
    task = TASKS.get(example.task)
    labels = task.labels[example.text_language] if task is not None and task.labels else ()
    return example.output if example.output in labels else NO_ANSWER


def meanings(examples: Sequence[Example], fingerprints: RowFingerprints) -> U64:
    """Digests of each row's code alone, the same for rows that differ only in the language and wording of their text.

    They show that a row in Chinese answers the request made from its English counterpart. 0 for tasks for which no
    such requests are made.
    """
    codes = [_code_of(row.task) for row in examples]
    made = np.array([hash_of(row.task) if code else 0 for row, code in zip(examples, codes, strict=True)], np.uint64)
    by_input, by_output = (np.array([field in code for code in codes], dtype=bool) for field in ("input", "output"))
    made[by_input] = mix(made[by_input] ^ fingerprints.inputs[by_input])
    made[by_output] = mix(made[by_output] ^ fingerprints.outputs[by_output])
    return made


def _code_of(task: str) -> tuple[str, ...]:
    """The fields that are a row's code in any text language; none for tasks of which no such rows are requested."""
    entry = TASKS.get(task)
    return entry.counterpart.code if entry is not None and entry.counterpart is not None else ()
