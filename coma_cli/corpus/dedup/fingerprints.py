"""Fingerprints of rows: a few bytes per row that decide on duplicates, the split, and leaks between its sides.

Workers compute them for their rows; the final pass joins those of all parts without reading a row again.

Two texts of a row count: its question (the input alone, if the task's instruction is only a wording) and its answer.
Both are compared as wholes (exact keys) and, from some length on, by their shingles (see `minhash`). Texts are compared
within a group: the same task, the same programming and text language, both questions or both answers, and, if the
answer is as short as a label, the same label, since a function and its fixed version are two rows.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Self

import numpy as np

from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.dedup.minhash import U32, NearRules, bands_of, signatures
from coma_cli.corpus.dedup.near import spread
from coma_cli.corpus.dedup.prefilter import U8, prefilters
from coma_cli.corpus.lexing import U64, Ints, Lexed, grams_of, hashes_of_ranges, lex, mix
from coma_cli.records import Example

BATCH_ROWS = 256
# An answer of fewer tokens is often rightly the same for different questions ("yes", "print(x)").
MIN_ANSWER_TOKENS = 20
MAX_LABEL_TOKENS = 3
MIN_KEY_WORDS = 8
_QUESTION, _ANSWER = np.uint64(1), np.uint64(2)
_NONE = np.uint64(0)


@dataclass(frozen=True)
class RowFingerprints:
    """One entry per row; 0 means that the row has no such key.

    `questions`, `inputs`, `outputs` are keys of whole texts, `answers` of outputs too long to be equal by chance;
    `text_keys` (rows, 3) are keys of the longer texts up to case, numbers and punctuation.
    """

    questions: U64
    answers: U64
    inputs: U64
    outputs: U64
    text_keys: U64


@dataclass(frozen=True)
class TextFingerprints:
    """One entry per text that is long enough to have near-duplicates; `hashes` is (bands, texts).

    `sets` holds the sorted sets of shingles one after the other, `sizes` their sizes, `prefilters` (texts, 64) how many
    shingles are in each bucket.
    """

    rows: Ints
    groups: U64
    hashes: U32
    sizes: Ints
    prefilters: U8
    sets: U32

    @property
    def bands(self) -> int:
        """How many bands each text has."""
        return len(self.hashes)

    def band(self, number: int) -> U32:
        """See `near.Texts`."""
        band: U32 = self.hashes[number]
        return band

    def prefilters_of(self, texts: Ints) -> U8:
        """See `near.Texts`."""
        made: U8 = self.prefilters[texts]
        return made

    def shingles(self, texts: Ints) -> tuple[U32, Ints]:
        """See `near.Texts`."""
        starts = np.cumsum(self.sizes) - self.sizes
        return self.sets[spread(starts[texts], self.sizes[texts])], self.sizes[texts]


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprints of some rows, in their order."""

    by_row: RowFingerprints
    by_text: TextFingerprints

    @classmethod
    def of(cls, examples: Sequence[Example], rules: NearRules) -> Self:
        """The fingerprints of rows that fit into memory."""
        starts = range(0, len(examples), BATCH_ROWS)
        made = [_fingerprints(examples[start : start + BATCH_ROWS], rules) for start in starts]
        return cls(*_join(made, rules))


def _join(parts: Sequence[Fingerprints], rules: NearRules) -> tuple[RowFingerprints, TextFingerprints]:
    none = no_fingerprints(rules)
    by_text = [none.by_text, *(part.by_text for part in parts)]
    starts = np.cumsum([0, 0, *(len(part.by_row.questions) for part in parts)])
    texts = TextFingerprints(
        rows=np.concatenate([part.rows + start for part, start in zip(by_text, starts, strict=False)]),
        groups=np.concatenate([part.groups for part in by_text]),
        hashes=np.concatenate([part.hashes for part in by_text], axis=1),
        sizes=np.concatenate([part.sizes for part in by_text]),
        prefilters=np.concatenate([part.prefilters for part in by_text]),
        sets=np.concatenate([part.sets for part in by_text]),
    )
    return joined_rows([none.by_row, *(part.by_row for part in parts)]), texts


def joined_rows(parts: Sequence[RowFingerprints]) -> RowFingerprints:
    """The entries of several lists of rows, concatenated."""
    return RowFingerprints(
        **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(RowFingerprints)}
    )


def no_fingerprints(rules: NearRules) -> Fingerprints:
    """The fingerprints of no rows."""
    ints, longs = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint64)
    bands, sets = np.zeros((rules.banding.bands, 0), dtype=np.uint32), np.zeros(0, dtype=np.uint32)
    row = RowFingerprints(longs, longs, longs, longs, np.zeros((0, 3), dtype=np.uint64))
    return Fingerprints(row, TextFingerprints(ints, longs, bands, ints, prefilters(sets, ints), sets))


@dataclass(frozen=True)
class _Ranges:
    """Where texts begin and end in a batch's tokens."""

    starts: Ints
    ends: Ints

    @property
    def sizes(self) -> Ints:
        return self.ends - self.starts


def _fingerprints(examples: Sequence[Example], rules: NearRules) -> Fingerprints:
    lexed = lex([text for row in examples for text in (row.instruction, row.input, row.output)])
    kinds = np.array([hash_of(f"{row.task}|{row.text_language}|{row.language}") for row in examples], dtype=np.uint64)
    question, answer = _questions(lexed, examples), _Ranges(lexed.bounds[2:-1:3], lexed.bounds[3::3])
    whole_answers = hashes_of_ranges(lexed.hashes, answer.starts, answer.ends)
    plain = lexed.words()
    by_row = RowFingerprints(
        questions=hashes_of_ranges(lexed.hashes, question.starts, question.ends),
        answers=np.where(answer.sizes >= MIN_ANSWER_TOKENS, whole_answers, _NONE),
        inputs=hashes_of_ranges(lexed.hashes, lexed.bounds[1:-1:3], lexed.bounds[2:-1:3]),
        outputs=whole_answers,
        text_keys=_text_keys(plain),
    )
    labels = np.where(answer.sizes <= MAX_LABEL_TOKENS, whole_answers, _NONE)
    group = mix(kinds ^ labels)
    least = max(rules.min_tokens, rules.shingle_tokens)
    chosen = [
        (np.flatnonzero(question.sizes >= least), question, _QUESTION),
        (np.flatnonzero(answer.sizes >= max(least, MIN_ANSWER_TOKENS)), answer, _ANSWER),
    ]
    return Fingerprints(by_row, _texts(lexed, chosen, group, rules))


def _questions(lexed: Lexed, examples: Sequence[Example]) -> _Ranges:
    """The tokens of each question: those of the instruction, unless it is only a wording, and of the input."""
    worded = np.array([bool(row.input) and asks_by_input(row.task) for row in examples], dtype=bool)
    return _Ranges(np.where(worded, lexed.bounds[1:-1:3], lexed.bounds[:-1:3]), lexed.bounds[2:-1:3])


def asks_by_input(name: str) -> bool:
    """Whether the instruction of a task is only its wording, and the question is in the input."""
    task = TASKS.get(name)
    return task is not None and task.asks_by_input


def _text_keys(plain: Lexed) -> U64:
    """Keys of input, output and whole question if they have enough words; `plain` holds only words."""
    edges = plain.bounds
    columns = []
    for starts, ends in (
        (edges[1:-1:3], edges[2:-1:3]),
        (edges[2:-1:3], edges[3::3]),
        (edges[:-1:3], edges[2:-1:3]),
    ):
        keys = hashes_of_ranges(plain.shapes, starts, ends)
        columns.append(np.where(ends - starts >= MIN_KEY_WORDS, keys, _NONE))
    return np.stack(columns, axis=1)


def _texts(
    lexed: Lexed, chosen: Sequence[tuple[Ints, _Ranges, np.uint64]], group: U64, rules: NearRules
) -> TextFingerprints:
    """The fingerprints of the chosen texts, ordered by row."""
    if not rules.enabled:
        return no_fingerprints(rules).by_text
    rows = np.concatenate([rows for rows, _, _ in chosen])
    order = np.argsort(rows, kind="stable")
    starts = np.concatenate([where.starts[rows] for rows, where, _ in chosen])[order]
    sizes = np.concatenate([where.sizes[rows] for rows, where, _ in chosen])[order] - rules.shingle_tokens + 1
    kinds = np.repeat([kind for _, _, kind in chosen], [len(rows) for rows, _, _ in chosen])[order]
    rows = rows[order]
    if not len(rows):
        return no_fingerprints(rules).by_text
    sets, set_sizes = _sets(grams_of(lexed.hashes, rules.shingle_tokens), starts, sizes)
    values = signatures(sets, np.cumsum(set_sizes) - set_sizes, rules.permutations)
    with_prefilter = prefilters(sets, set_sizes)
    return TextFingerprints(
        rows, mix(group[rows] ^ kinds), bands_of(values, rules.banding), set_sizes, with_prefilter, sets
    )


def _sets(grams: U64, starts: Ints, sizes: Ints) -> tuple[U32, Ints]:
    """The sorted set of shingles of each text, and how many it has."""
    owners = np.repeat(np.arange(len(starts), dtype=np.uint64), sizes)
    keys = (owners << np.uint64(32)) | (grams[spread(starts, sizes)] >> np.uint64(32))
    keys.sort()
    fresh = np.ones(len(keys), dtype=bool)
    fresh[1:] = keys[1:] != keys[:-1]
    keys = keys[fresh]
    counts = np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=len(starts))
    return keys.astype(np.uint32), counts.astype(np.int64)


@lru_cache(maxsize=1024)
def hash_of(name: str) -> int:
    """64 bits of a hash of a name that many rows share."""
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
