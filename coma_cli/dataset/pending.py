"""Requests for the Chinese rows of a mixture that upstream lacks, made from their English counterparts.

A request is answered once a row of its sub-dataset holds the same code, regardless of its author; each answer makes
`pending.jsonl` shorter.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from coma_cli.catalog.mixtures.mixture import Mixture, SubDataset
from coma_cli.catalog.tasks import TASKS
from coma_cli.dataset.rows import Mask, Numbers, RowState, RowTable, States
from coma_cli.jsonl import sha256_of
from coma_cli.records import Example, PendingRequest

# Rows to request others from: there may be more of them than the data holds.
_GOOD = (RowState.KEPT, RowState.BEYOND_SIZE, RowState.BEYOND_BALANCE, RowState.OTHER_TEXT_LANGUAGE)


@dataclass(frozen=True, eq=False)
class Shortfall:
    """A sub-dataset that lacks rows, and the English rows to make requests from."""

    subset: SubDataset
    rows: Numbers


def shortfalls(
    rows: RowTable, state: States, subset: Numbers, mixture: Mixture, targets: Mapping[str, int]
) -> Iterator[Shortfall]:
    """For every requested sub-dataset, the first English rows of its task and sources that nothing answers yet.

    As many as it is short of its target in `targets`, or all there are.
    """
    for number, entry in enumerate(mixture.subsets):
        if entry.requested and entry.name in targets:
            there = (state == RowState.KEPT) & (subset == number)
            counterparts = _counterparts(rows, state, entry)[: targets[entry.name]]
            open_ = counterparts[~np.isin(rows.index["meaning"][counterparts], rows.index["meaning"][there])]
            yield Shortfall(entry, open_[: max(0, targets[entry.name] - int(there.sum()))])


def _counterparts(rows: RowTable, state: States, entry: SubDataset) -> Numbers:
    """English rows that a Chinese row can be made from, also those beyond the size of their own sub-dataset."""
    english = np.zeros(len(rows), dtype=bool)
    for source in entry.sources:
        english |= _is(rows, "source", source)
    english &= _is(rows, "task", entry.task) & _is(rows, "text_language", "en")
    return rows.in_order(english & np.isin(state, _GOOD))


def _is(rows: RowTable, kind: str, name: str) -> Mask:
    names = rows.names[kind]
    if name not in names:
        return np.zeros(len(rows), dtype=bool)
    return np.asarray(rows.index[kind] == names.index(name))


def request_of(example: Example, subset: SubDataset) -> PendingRequest:
    """The request for the Chinese counterpart of a row."""
    counterpart = TASKS[example.task].counterpart
    assert counterpart is not None, example.task  # a mixture requests rows of such tasks only
    asks_output = counterpart.prose == "output"
    return PendingRequest(
        id=sha256_of([subset.name, example.id])[:20],
        subset=subset.name,
        task=example.task,
        source=example.source,
        language=example.language,
        text_language=subset.text_language,
        asks_for="output" if asks_output else "instruction",
        english=example.output if asks_output else example.instruction,
        input=example.input,
        output="" if asks_output else example.output,
        licence=example.licence,
        origin=example.origin,
    )
