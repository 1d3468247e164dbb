"""Duplicates: of rows with the same or nearly the same question or longer answer, the first is kept.

"First" is in the order of the rows as passed in, which callers keep fixed. Rows of one task and text language are
compared, and where the task's question is its input alone, of one programming language: the same problem in two
languages is two rows. In this order:

1. A row that is a duplicate or near-duplicate of a row of a reference file is dropped, whatever its task.
2. A row whose question, or whose longer answer, has the same tokens (up to layout and case) as that of an earlier kept
   row is dropped, and so is one with the id of an earlier row, whatever their languages: it has the same content.
3. Remaining rows are linked if their questions or longer answers are near (see `minhash.NearRules`, and `fingerprints`
   for what is compared with what). Rows linked directly or through others form a cluster; its first row is kept.
"""

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

EXACT, NEAR, IN_REFERENCE = "duplicate", "near-duplicate", "duplicate-of-reference"
_STAYS = -1


@dataclass(frozen=True)
class Keys:
    """What rows are compared by as wholes, one entry per row: keys of question and longer answer (0 is none), and the
    number of the kind (see above) within which they are compared; `ids` are compared across kinds."""

    kinds: NDArray[np.integer]
    questions: U64
    answers: U64
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
    exact = _leave_for_equals(keys, alive, instead)
    alive &= ~exact
    labels = clusters(texts, np.arange(total), rules.threshold, alive)
    leaves = alive & (labels != np.arange(total))
    instead[leaves] = labels[leaves]
    return Duplicates(instead[:count], exact[:count], count)


def _leave_for_equals(keys: Keys, alive: NDArray[np.bool_], instead: Ints) -> NDArray[np.bool_]:
    """Set `instead` for rows that equal an earlier kept one; which rows these are."""
    repeated = _repeated(keys.questions) | _repeated(keys.answers) | _repeated(keys.ids)
    seen: dict[tuple[str, int, int], int] = {}
    for row in np.flatnonzero(alive & repeated).tolist():
        kind, question, answer = int(keys.kinds[row]), int(keys.questions[row]), int(keys.answers[row])
        named = (("question", kind, question), ("answer", kind, answer), ("id", 0, int(keys.ids[row])))
        own = [entry for entry in named if entry[-1]]
        first = next((seen[key] for key in own if key in seen), None)
        if first is None:
            seen.update((key, row) for key in own)
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
    kinds = {kind: number for number, kind in enumerate(dict.fromkeys(map(_kind, together)))}
    numbers = np.array([kinds[_kind(row)] for row in together], dtype=np.int64)
    ids = np.array([hash_of(row.id) for row in together], dtype=np.uint64)
    keys = Keys(numbers, fingerprints.by_row.questions, fingerprints.by_row.answers, ids)
    found = find_duplicates(keys, fingerprints.by_text, rules, len(references))
    for number in np.flatnonzero(~found.stays).tolist():
        on_drop(dropped(rows[number], found.reason(number), f"of {together[found.instead[number]].id}"))
    return [row for row, stays in zip(rows, found.stays, strict=True) if stays]


def _kind(row: Example) -> tuple[str, str, str]:
    return row.task, row.text_language, row.language if asks_by_input(row.task) else ""
