"""Duplicates: of rows that ask the same and are answered alike, the first is kept.

"First" is in the order of the rows as passed in, which callers keep fixed. Rows of one task and text language are
compared, and where the task's question is its input alone, of one programming language: the same problem in two
languages is two rows. In this order:

1. A row that is a duplicate or near-duplicate of a row of a reference file is dropped, whatever its task.
2. A row is dropped if it has the id of an earlier row, or an earlier kept one has
   * the same question and, up to names and literals, the same program;
   * the same question in words with another program, if the question is too short to say which, or the
     `NearRules.per_question` rows that may ask the same are there;
   * the same code as its question (up to comments and layout), or the same up to the names that the code defines and an
     answer that is the same up to these names;
   * the same longer program (up to comments, layout and the names that it defines), whatever the question.
3. Remaining rows are linked if their questions and their answers are both near (see `minhash.NearRules`, and
   `fingerprints` for what is compared with what). Rows linked directly or through others form a cluster; its first row
   is kept. Numbers, strings and words like `max` that differ tell rows apart, however near they are.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coma_cli.corpus.dedup.fingerprints import Fingerprints, asks_by_input, hash_of
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.corpus.dedup.near import Texts, clusters, nearest_of
from coma_cli.corpus.dropping import OnDrop, dropped
from coma_cli.corpus.lexing import U64, Ints
from coma_cli.records import Example

EXACT, NEAR, IN_REFERENCE, REPEATED_SHAPE = "duplicate", "near-duplicate", "duplicate-of-reference", "repeated-shape"
REPEATED_FUNCTION = "repeated-function"
_STAYS = -1
_ANY_KIND = -1
_QUESTIONS = 0  # the column of questions among a row's keys


@dataclass(frozen=True)
class Keys:
    """What rows are compared by as wholes, one entry per row: keys of question, longer answer, and both together (0 is
    none), whether several rows may ask the question, and the number of the kind (see above) within which they are
    compared; `ids` are compared across kinds."""

    kinds: NDArray[np.integer]
    questions: U64
    answers: U64
    pairs: U64
    several: NDArray[np.bool_]
    ids: U64

    def __len__(self) -> int:
        return len(self.questions)


@dataclass(frozen=True)
class Duplicates:
    """For each row, the row kept instead of it (-1 if it is kept itself); and whether that one is equal.

    Rows from number `references_from` on are those of the reference files.
    """

    instead: Ints
    exact: NDArray[np.bool_]
    references_from: int

    @property
    def stays(self) -> NDArray[np.bool_]:
        """Which rows are kept."""
        stays: NDArray[np.bool_] = self.instead == _STAYS
        return stays

    def reason(self, row: int) -> str:
        """Why a row is dropped."""
        if self.instead[row] >= self.references_from:
            return IN_REFERENCE
        return EXACT if self.exact[row] else NEAR


def find_duplicates(
    keys: Keys, texts: Texts, rules: NearRules, references: int = 0, ignored: NDArray[np.bool_] | None = None
) -> Duplicates:
    """Decide for every row whether it is kept; the last `references` rows are only compared with.

    No row is a duplicate of one that is `ignored` (rows,), nor is that one of any row but a reference.
    """
    total = len(keys)
    count = total - references
    instead = np.full(total, _STAYS, dtype=np.int64)
    if references:
        _leave_for_references(keys, texts, rules, count, instead)
    alive = (instead == _STAYS) & (np.arange(total) < count)
    if ignored is not None:
        alive &= ~ignored
    exact = _leave_for_equals(keys, alive, instead, rules.per_question)
    alive &= ~exact
    labels = clusters(texts, np.arange(total), rules.threshold, alive)
    leaves = alive & (labels != np.arange(total))
    instead[leaves] = labels[leaves]
    return Duplicates(instead[:count], exact[:count], count)


def _leave_for_equals(keys: Keys, alive: NDArray[np.bool_], instead: Ints, per_question: int) -> NDArray[np.bool_]:
    """Set `instead` for rows that equal an earlier kept one; which rows these are."""
    equal = (keys.questions, keys.answers, keys.pairs, keys.ids)
    suspects = np.flatnonzero(alive & np.logical_or.reduce([_repeated(column) for column in equal]))
    seen: dict[tuple[int, int, int], int] = {}
    asked: Counter[tuple[int, int]] = Counter()
    for row in suspects.tolist():
        kind, question = int(keys.kinds[row]), int(keys.questions[row])
        kinds = (kind, kind, kind, _ANY_KIND)
        columns = enumerate(int(column[row]) for column in equal)
        own = [(column, kinds[column], key) for column, key in columns if key]
        full = not keys.several[row] or asked[kind, question] >= per_question
        first = next((seen[key] for key in own if key in seen and (key[0] != _QUESTIONS or full)), None)
        if first is None:
            for key in own:
                seen.setdefault(key, row)
            asked[kind, question] += 1
        else:
            instead[row] = first
    exact: NDArray[np.bool_] = alive & (instead != _STAYS)
    return exact


def _repeated(digests: U64) -> NDArray[np.bool_]:
    """Which of the digests occur more than once; 0 stands for none."""
    order = np.argsort(digests, kind="stable")
    same = digests[order][1:] == digests[order][:-1]
    several = np.zeros(len(digests), dtype=bool)
    several[order[1:][same]] = True
    several[order[:-1][same]] = True
    several &= digests != 0
    return several


def _leave_for_references(keys: Keys, texts: Texts, rules: NearRules, count: int, instead: Ints) -> None:
    """Set `instead` to the first reference with the same or nearly the same question or answer."""
    total = len(keys)
    for own in (keys.questions, keys.answers):
        known, first = np.unique(own[count:], return_index=True)
        place = np.minimum(np.searchsorted(known, own[:count]), len(known) - 1)
        hits = np.flatnonzero((known[place] == own[:count]) & (own[:count] != 0) & (instead[:count] == _STAYS))
        instead[hits] = first[place[hits]] + count
    numbers = np.arange(total)
    wanted = (numbers < count) & (instead == _STAYS)
    near = nearest_of(texts, wanted, numbers >= count, rules.threshold, total)
    instead[wanted] = near[wanted]


def unique(
    examples: Iterable[Example], on_drop: OnDrop, rules: NearRules, references: Sequence[Example] = ()
) -> list[Example]:
    """The kept rows, of rows that fit into memory; the others go to `on_drop`."""
    rows = list(examples)
    together = [*rows, *references]
    fingerprints = Fingerprints.of(together, rules)
    by_row = fingerprints.by_row
    kinds = {kind: number for number, kind in enumerate(dict.fromkeys(map(_kind, together)))}
    numbers = np.array([kinds[_kind(row)] for row in together], dtype=np.int64)
    ids = np.array([hash_of(row.id) for row in together], dtype=np.uint64)
    keys = Keys(numbers, by_row.questions, by_row.answers, by_row.pairs, by_row.several, ids)
    found = find_duplicates(keys, fingerprints.by_text, rules, len(references))
    for number in np.flatnonzero(~found.stays).tolist():
        on_drop(dropped(rows[number], found.reason(number), f"of {together[found.instead[number]].id}"))
    return [row for row, stays in zip(rows, found.stays, strict=True) if stays]


def _kind(row: Example) -> tuple[str, str, str]:
    return row.task, row.text_language, row.language if asks_by_input(row.task) else ""
