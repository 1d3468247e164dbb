"""Fingerprints of rows: a few bytes per row that decide on duplicates, the split, and leaks between its sides.

Workers compute them for their rows; the final pass joins those of all parts without reading a row again.

Two texts of a row count: its question (the input alone, if the task's instruction is only a wording; never a list of
candidates, nor the wording around a question) and its answer, both without comments where they are code. Both are
compared as wholes (exact keys, and keys of normalized code, see `normalized_code`) and, from some length on, by their
shingles (see `minhash`). Texts are compared within a group: the same task, the same programming and text language, both
questions or both answers, the same numbers, strings and words like `max` in the row, and, if the other one of the two
texts is short, that text.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np

from coma_cli.catalog.tasks import TASKS
from coma_cli.corpus.dedup.comments import without_comments
from coma_cli.corpus.dedup.minhash import U32, NearRules, bands_of, signatures
from coma_cli.corpus.dedup.near import spread
from coma_cli.corpus.dedup.normalized_code import Mask, NormalizedTokens, normalized
from coma_cli.corpus.dedup.prefilter import U8, prefilters
from coma_cli.corpus.examples import asked_of
from coma_cli.corpus.lexing import U64, Ints, Lexed, grams_of, hashes_of_ranges, lex, mix
from coma_cli.records import Example
from coma_cli.syntax.detection import detect_code

BATCH_ROWS = 256
# An answer of fewer tokens is often rightly the same for different questions ("yes", "print(x)").
MIN_ANSWER_TOKENS = 20
MIN_KEY_WORDS = 8
# A question of fewer words is too short to say which of two programs it asks for.
MIN_QUESTION_WORDS = 5
_QUESTION, _ANSWER = np.uint64(1), np.uint64(2)
_NONE = np.uint64(0)


@dataclass(frozen=True)
class RowFingerprints:
    """One entry per row; 0 means that the row has no such key.

    `questions`, `inputs`, `outputs` are keys of whole texts, `answers` of programs too long to be equal by chance,
    normalized; `pairs` are keys of question and answer: of a question in words and the structure of its program (its
    names and literals aside), or of normalized code and what answers it. `several` says that other programs may answer
    the same question; `shapes` are keys of code as a question, names and literals aside.
    `text_keys` (rows, 3) are keys of the longer texts up to case, numbers and punctuation.
    """

    questions: U64
    answers: U64
    pairs: U64
    several: Mask
    shapes: U64
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
    row = RowFingerprints(
        questions=longs,
        answers=longs,
        pairs=longs,
        several=np.zeros(0, dtype=bool),
        shapes=longs,
        inputs=longs,
        outputs=longs,
        text_keys=np.zeros((0, 3), dtype=np.uint64),
    )
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
    plans = [_plan_of(row.task) for row in examples]
    texts = [text for row, plan in zip(examples, plans, strict=True) for text in _texts_of(row, plan)]
    lexed = lex(texts)
    kinds = np.array([hash_of(f"{row.task}|{row.text_language}|{row.language}") for row in examples], dtype=np.uint64)
    question, answer = _questions(lexed, examples, plans), _Ranges(lexed.bounds[2:-1:3], lexed.bounds[3::3])
    tokens = _normalized(lexed, examples, plans)
    code = _CodeKeys.of(tokens, examples, plans)
    whole_answers = hashes_of_ranges(lexed.hashes, answer.starts, answer.ends)
    whole_questions = hashes_of_ranges(lexed.hashes, question.starts, question.ends)
    plain = lexed.words()
    in_words = np.array([plan.in_words for plan in plans], dtype=bool)
    words_asked = _word_counts(lexed, question)
    by_row = RowFingerprints(
        questions=whole_questions,
        answers=np.where(in_words & (code.answer.sizes >= MIN_ANSWER_TOKENS), code.answers, _NONE),
        pairs=np.where(in_words, mix(whole_questions ^ code.structures), code.pairs),
        several=in_words & (words_asked >= MIN_QUESTION_WORDS),
        shapes=np.where([plan.caps_shapes for plan in plans], code.shapes, _NONE),
        inputs=hashes_of_ranges(lexed.hashes, lexed.bounds[1:-1:3], lexed.bounds[2:-1:3]),
        outputs=whole_answers,
        text_keys=_text_keys(plain),
    )
    least = max(rules.min_tokens, rules.shingle_tokens)
    asks, answers = question.sizes >= least, answer.sizes >= max(least, MIN_ANSWER_TOKENS)
    differs = kinds ^ code.contrasts
    chosen = [
        _Chosen(np.flatnonzero(asks), question, mix(np.where(answers, _NONE, code.answers) ^ differs) ^ _QUESTION),
        _Chosen(np.flatnonzero(answers), answer, mix(np.where(asks, _NONE, whole_questions) ^ differs) ^ _ANSWER),
    ]
    return Fingerprints(by_row, _texts(lexed, chosen, rules))


class _Plan(NamedTuple):
    """How rows of a task are compared: what is code, where the question is, and whether it is put in words."""

    by_input: bool
    candidates: bool
    in_words: bool
    code_input: bool
    code_output: bool
    caps_shapes: bool


@lru_cache(maxsize=64)
def _plan_of(name: str) -> _Plan:
    """Rows of no task (those of a reference file) are taken as questions in words that programs answer."""
    task = TASKS.get(name)
    if task is None:
        return _Plan(
            by_input=False, candidates=False, in_words=True, code_input=False, code_output=True, caps_shapes=False
        )
    return _Plan(
        by_input=task.asks_by_input,
        candidates=task.lists_candidates,
        in_words=task.asks_in_words,
        code_input=not task.asks_in_words,
        code_output=task.group != "code-to-text",
        caps_shapes=task.caps_shapes,
    )


def _texts_of(row: Example, plan: _Plan) -> tuple[str, str, str]:
    """Question in words, input and output, without comments where they are code."""
    language = row.language or detect_code(row.output)
    return (
        asked_of(row),
        _bare(language, row.input) if plan.code_input else row.input,
        _bare(language, row.output) if plan.code_output else row.output,
    )


@lru_cache(maxsize=32)  # several tasks make rows of the same function
def _bare(language: str, code: str) -> str:
    return without_comments(language, code)


def _questions(lexed: Lexed, examples: Sequence[Example], plans: Sequence[_Plan]) -> _Ranges:
    """The tokens of each question: those of the instruction, unless it is only a wording, and of the input."""
    edges = lexed.bounds
    worded = np.array(
        [bool(row.input) and plan.by_input for row, plan in zip(examples, plans, strict=True)], dtype=bool
    )
    listed = np.array([plan.candidates for plan in plans], dtype=bool)
    return _Ranges(np.where(worded, edges[1:-1:3], edges[:-1:3]), np.where(listed, edges[1:-1:3], edges[2:-1:3]))


def _word_counts(lexed: Lexed, ranges: _Ranges) -> Ints:
    before = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lexed.is_word, dtype=np.int64)))
    counts: Ints = before[ranges.ends] - before[ranges.starts]
    return counts


def _normalized(lexed: Lexed, examples: Sequence[Example], plans: Sequence[_Plan]) -> NormalizedTokens:
    languages = [
        row.language if is_code else ""
        for row, plan in zip(examples, plans, strict=True)
        for is_code in (False, plan.code_input, plan.code_output)
    ]
    return normalized(lexed, languages)


@dataclass(frozen=True)
class _CodeKeys:
    """Keys of each row's normalized code; `contrasts` are keys of what tells rows apart, however alike they are."""

    answer: _Ranges
    answers: U64
    structures: U64
    pairs: U64
    shapes: U64
    contrasts: U64

    @classmethod
    def of(cls, tokens: NormalizedTokens, examples: Sequence[Example], plans: Sequence[_Plan]) -> Self:
        edges = tokens.bounds
        asked, answer = _Ranges(edges[1:-1:3], edges[2:-1:3]), _Ranges(edges[2:-1:3], edges[3::3])
        answers = hashes_of_ranges(tokens.hashes, answer.starts, answer.ends)
        bare = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(~tokens.is_data, dtype=np.int64)))
        structures = hashes_of_ranges(tokens.hashes[~tokens.is_data], bare[answer.starts], bare[answer.ends])
        questions = hashes_of_ranges(tokens.hashes, asked.starts, asked.ends)
        shapes = hashes_of_ranges(tokens.shapes, asked.starts, asked.ends)
        long = asked.sizes >= MIN_ANSWER_TOKENS
        weights = np.where(tokens.is_contrast, mix(tokens.raw), _NONE)
        sums = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(weights)))
        listed = np.array([plan.candidates for plan in plans], dtype=bool)
        of_input = np.where(listed, _NONE, sums[asked.ends] - sums[asked.starts])
        worded = np.array([plan.by_input and bool(row.input) for row, plan in zip(examples, plans, strict=True)], bool)
        of_words = np.where(worded, _NONE, sums[asked.starts] - sums[edges[:-1:3]])
        return cls(
            answer,
            answers,
            structures,
            np.where(long, mix(questions ^ mix(answers)), _NONE),
            np.where(long, shapes, _NONE),
            mix(of_words) ^ mix(of_input + _QUESTION) ^ mix(sums[answer.ends] - sums[answer.starts] + _ANSWER),
        )


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


class _Chosen(NamedTuple):
    """The rows whose question (or answer) is long enough, where those texts are, and the group of each row's."""

    rows: Ints
    where: _Ranges
    groups: U64


def _texts(lexed: Lexed, chosen: Sequence[_Chosen], rules: NearRules) -> TextFingerprints:
    """The fingerprints of the chosen texts, ordered by row."""
    if not rules.enabled:
        return no_fingerprints(rules).by_text
    rows = np.concatenate([part.rows for part in chosen])
    order = np.argsort(rows, kind="stable")
    starts = np.concatenate([part.where.starts[part.rows] for part in chosen])[order]
    sizes = np.concatenate([part.where.sizes[part.rows] for part in chosen])[order] - rules.shingle_tokens + 1
    groups = np.concatenate([part.groups[part.rows] for part in chosen])[order]
    rows = rows[order]
    if not len(rows):
        return no_fingerprints(rules).by_text
    sets, set_sizes = _sets(grams_of(lexed.hashes, rules.shingle_tokens), starts, sizes)
    values = signatures(sets, np.cumsum(set_sizes) - set_sizes, rules.permutations)
    return TextFingerprints(
        rows, mix(groups), bands_of(values, rules.banding), set_sizes, prefilters(sets, set_sizes), sets
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
