"""Decides which rows are kept: no duplicates, no more than requested, no validation row that was trained on.

Pure: the row index and the fingerprints of its texts in, a frozen selection out. It depends on the rows alone, never
on how the work was divided.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from coma_cli.catalog.mixtures import MIXTURES
from coma_cli.catalog.mixtures.mixture import Mixture, Size
from coma_cli.corpus.cleaning.rules import TEXT_LANGUAGE
from coma_cli.corpus.decontamination.decontaminate import REASON as CONTAMINATED
from coma_cli.corpus.dedup import duplicates as dedup
from coma_cli.corpus.dedup.duplicates import Keys, find_duplicates
from coma_cli.corpus.dedup.fingerprints import asks_by_input
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.corpus.dedup.near import Texts
from coma_cli.corpus.lexing import U64, mix
from coma_cli.corpus.splitting import COUNTERPART_REASON, CROSSING_REASON, counterparts_in_train, sides_of
from coma_cli.dataset.mixing import BESIDE, assign, beyond_targets, unbalanced
from coma_cli.dataset.pending import Shortfall, shortfalls
from coma_cli.dataset.row_index import ROW
from coma_cli.dataset.rows import Mask, Numbers, RowState, RowTable, States
from coma_cli.records import TextLanguage

REASONS: Mapping[RowState, str] = {  # of the rows that dropped.jsonl lists
    RowState.DUPLICATE: dedup.EXACT,
    RowState.NEAR_DUPLICATE: dedup.NEAR,
    RowState.IN_REFERENCE: dedup.IN_REFERENCE,
    RowState.COUNTERPART: COUNTERPART_REASON,
    RowState.CROSSING: CROSSING_REASON,
    RowState.OTHER_TEXT_LANGUAGE: TEXT_LANGUAGE,
    RowState.REPEATED_SHAPE: dedup.REPEATED_SHAPE,
    RowState.REPEATED_FUNCTION: dedup.REPEATED_FUNCTION,
    RowState.CONTAMINATED: CONTAMINATED,
}
_NO_ROW = -1


@dataclass(frozen=True)
class SelectionRules:
    """Which rows to keep; `size` None keeps all. `table_only` excludes rows of no sub-dataset.

    `validation_share` (0 to 1) of what the rows are about is for validation.
    Rows in other languages than `text_languages` only serve to request the Chinese rows that upstream lacks.
    """

    near: NearRules
    mixture: Mixture = MIXTURES["comit"]
    size: Size | None = None
    per_task: int | None = None
    table_only: bool = False
    text_languages: tuple[TextLanguage, ...] = ("cn", "en")
    validation_share: float = 0.0

    @property
    def targets(self) -> Mapping[str, int]:
        """Rows wanted of each sub-dataset; the paper's counts unless a size is given."""
        return self.mixture.targets("paper" if self.size is None else self.size)


@dataclass(frozen=True)
class RowTally:
    """Counts of rows not kept, by source and reason, benchmark or task; and of rows requested, by sub-dataset."""

    dropped: Mapping[tuple[str, str], int]
    contaminated: Mapping[str, int]
    beyond_size: Mapping[str, int]
    beyond_balance: Mapping[str, int]
    outside_table: Mapping[str, int]
    pending: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Selection:
    """What becomes of each row of a table.

    `state` (rows,) holds a `RowState` each, `first` (rows,) the row that a duplicate or a counterpart repeats (-1 for
    other rows), `subset` (rows,) the number of each row's sub-dataset (see `mixing`), `validation` (rows,) its side.
    """

    state: States
    first: Numbers
    subset: Numbers
    validation: Mask
    requested: tuple[Shortfall, ...]
    tally: RowTally

    @property
    def kept(self) -> Mask:
        """Which rows are in the data."""
        return np.asarray(self.state == RowState.KEPT)


def select(rows: RowTable, texts: Texts, rules: SelectionRules, contaminated: Mask | None = None) -> Selection:
    """Decide what becomes of each row; `texts` holds the fingerprints of the table's texts.

    `contaminated` (rows,) marks rows that are dropped, so that no row is a duplicate of theirs; None if there are none.
    """
    unwanted = np.zeros(len(rows), dtype=bool) if contaminated is None else contaminated
    subset = assign(rows, rules.mixture)
    outside = (subset == BESIDE) & ~rows.is_reference & rules.table_only
    state, first = _deduplicated(rows, texts, rules.near, outside | unwanted)
    state = _marked(state, np.flatnonzero(_kept(state) & unwanted), RowState.CONTAMINATED)
    state = _marked(state, np.flatnonzero(_kept(state) & outside), RowState.OUTSIDE_TABLE)
    foreign = _kept(state) & ~_is_in(rows, rules.text_languages)
    state = _marked(state, np.flatnonzero(foreign), RowState.OTHER_TEXT_LANGUAGE)
    state = _marked(state, _beyond_shape(rows, _kept(state), rules.near), RowState.REPEATED_SHAPE)
    state = _marked(state, _beyond_uses(rows, _kept(state), rules.near), RowState.REPEATED_FUNCTION)
    counted = _balanced(rows, _kept(state), subset)
    sides = sides_of(rows.index["draws"], rows.index["task"], _kept(state), rules.validation_share, counted)
    state = _marked(state, np.flatnonzero(_kept(state) & sides.crossing), RowState.CROSSING)
    validation = sides.validation
    state = _marked(state, unbalanced(rows, _kept(state), subset, validation), RowState.BEYOND_BALANCE)
    if rules.size is not None:
        numbers = {entry.name: number for number, entry in enumerate(rules.mixture.subsets)}
        sizes = {numbers[name]: target for name, target in rules.targets.items()}
        state = _marked(state, beyond_targets(rows, _kept(state), subset, validation, sizes), RowState.BEYOND_SIZE)
    if rules.per_task is not None:
        state = _marked(state, _beyond_per_task(rows, _kept(state), rules.per_task), RowState.BEYOND_SIZE)
    counterparts = counterparts_in_train(
        rows.index["text_keys"], texts, rows.functions, validation, _kept(state), rules.near
    )
    repeating = np.flatnonzero(counterparts >= 0)
    first[repeating] = counterparts[repeating]
    state = _marked(state, repeating, RowState.COUNTERPART)
    targets = rules.targets if "cn" in rules.text_languages else {}
    requested = tuple(shortfalls(rows, state, subset, rules.mixture, targets))
    for array in (state, first, subset, validation):
        array.flags.writeable = False
    return Selection(state, first, subset, validation, requested, _tally(rows, state, requested))


def _balanced(rows: RowTable, kept: Mask, subset: Numbers) -> Mask:
    """The kept rows without surplus answers."""
    balanced = kept.copy()
    balanced[unbalanced(rows, kept, subset, np.zeros(len(rows), dtype=bool))] = False
    return balanced


def _kept(state: States) -> Mask:
    return np.asarray(state == RowState.KEPT)


def _marked(state: States, leaving: Numbers, reason: RowState) -> States:
    """The states after some rows left."""
    marked = state.copy()
    marked[leaving] = reason
    return marked


def _is_in(rows: RowTable, text_languages: Sequence[str]) -> Mask:
    """Which rows are in one of these text languages."""
    wanted = np.array([name in text_languages for name in rows.names["text_language"]], dtype=bool)
    return np.asarray(wanted[rows.index["text_language"]] if len(rows) else np.zeros(0, dtype=bool))


def _deduplicated(rows: RowTable, texts: Texts, rules: NearRules, outside: Mask) -> tuple[States, Numbers]:
    """The states of the rows, and which row each duplicate repeats: the first of them is kept (see `dedup`).

    Rows that are `outside` are excluded afterwards, so no other row is a duplicate of theirs.
    """
    index = rows.index
    keys = Keys(_kinds(rows), index["question"], index["long_answer"], index["pair"], index["several"], _id_keys(rows))
    found = find_duplicates(keys, texts, rules, int(np.count_nonzero(rows.is_reference)), outside)
    leaving = np.flatnonzero(~found.stays)
    state = np.where(rows.is_reference, RowState.REFERENCE, RowState.KEPT).astype(np.uint8)
    state[leaving] = RowState.NEAR_DUPLICATE
    state[found.exact.nonzero()] = RowState.DUPLICATE
    state[leaving[found.instead[leaving] >= found.references_from]] = RowState.IN_REFERENCE
    first = np.full(len(rows), _NO_ROW, dtype=np.int64)
    first[leaving] = found.instead[leaving]
    return state, first


def _id_keys(rows: RowTable) -> U64:
    """(rows,): a key of each row's id, from its first 16 characters: ids are hashes."""
    ids = np.ascontiguousarray(rows.index["id"]).view(np.uint8).reshape(len(rows), ROW["id"].itemsize)
    halves = np.ascontiguousarray(ids[:, :16]).view(np.uint64)
    return np.asarray(mix(halves[:, 0] ^ mix(halves[:, 1])))


def _kinds(rows: RowTable) -> Numbers:
    """(rows,): numbers of the kinds within which rows are compared (see `dedup`)."""
    index, names = rows.index, rows.names
    kinds = index["task"].astype(np.int64) * len(names["text_language"]) + index["text_language"]
    worded = np.array([asks_by_input(name) for name in names["task"]], dtype=bool)
    languages = np.where(worded[index["task"]], index["language"].astype(np.int64) + 1, 0) if len(rows) else 0
    return np.asarray(kinds * (len(names["language"]) + 1) + languages)


def _beyond_shape(rows: RowTable, kept: Mask, rules: NearRules) -> Numbers:
    """The kept rows whose code has the shape of `per_shape` others of their kind, the first by id."""
    if not rules.enabled:
        return np.zeros(0, dtype=np.int64)
    order = rows.in_order(kept & (rows.index["shape"] != 0))
    shapes: U64 = rows.index["shape"][order]
    keys = mix(shapes ^ _kinds(rows)[order].astype(np.uint64))
    by_key = np.argsort(keys, kind="stable")
    ordered = keys[by_key]
    places = np.arange(len(order)) - np.searchsorted(ordered, ordered, side="left")
    return order[by_key[places >= rules.per_shape]]


def _beyond_uses(rows: RowTable, kept: Mask, rules: NearRules) -> Numbers:
    """The kept pairs of functions one of which `per_function` others show, so that a few functions don't fill the rows.

    Pairs with the rarer answer come first, since the others are cut to their number; then they go by id.
    """
    if not rules.enabled:
        return np.zeros(0, dtype=np.int64)
    draws = rows.index["draws"]
    order = rows.in_order(kept & (draws[:, 0] != draws[:, 1]))
    answers = rows.index["answer"][order].astype(np.int64)
    order = order[np.argsort(np.bincount(answers)[answers], kind="stable")]
    shown: Counter[int] = Counter()
    beyond = []
    for number, functions in zip(order.tolist(), draws[order].tolist(), strict=True):
        if any(shown[function] >= rules.per_function for function in functions):
            beyond.append(number)
        else:
            shown.update(functions)
    return np.array(beyond, dtype=np.int64)


def _beyond_per_task(rows: RowTable, kept: Mask, size: int) -> Numbers:
    """The kept rows of each task beyond the first `size` by id."""
    order = rows.in_order(kept)
    tasks = rows.index["task"][order]
    beyond = [order[tasks == task][size:] for task in np.unique(tasks)]
    return np.concatenate([np.zeros(0, dtype=np.int64), *beyond])


def _tally(rows: RowTable, state: States, requested: tuple[Shortfall, ...]) -> RowTally:
    dropped: Counter[tuple[str, str]] = Counter()
    contaminated: Counter[str] = Counter()
    for part in rows.parts:
        dropped.update(part.dropped)
        contaminated.update(part.contaminated)
    for left, reason in REASONS.items():
        for source, count in rows.counts("source", state == left).items():
            dropped[source, reason] += count
    return RowTally(
        dropped=dropped,
        contaminated=contaminated,
        beyond_size=rows.counts("task", state == RowState.BEYOND_SIZE),
        beyond_balance=rows.counts("task", state == RowState.BEYOND_BALANCE),
        outside_table=rows.counts("task", state == RowState.OUTSIDE_TABLE),
        pending={entry.subset.name: len(entry.rows) for entry in requested},
    )
