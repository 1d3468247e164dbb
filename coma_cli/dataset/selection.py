"""Decides which rows stay: no duplicates, no more than asked for, no validation row that was trained on.

Each step looks at the facts of the rows that earlier steps kept, and marks those that it takes out. What a step
decides depends on the rows alone, never on how the work was divided.
"""

import numpy as np

from coma_cli.corpus.dedup.duplicates import Keys, find_duplicates
from coma_cli.corpus.dedup.fingerprints import asks_by_input
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.corpus.dedup.near import Texts
from coma_cli.corpus.splitting import counterparts_in_train
from coma_cli.dataset.rows import (
    BEYOND_SIZE,
    COUNTERPART,
    DUPLICATE,
    IN_REFERENCE,
    NEAR_DUPLICATE,
    REFERENCE,
    BuiltRows,
    Numbers,
)


def drop_duplicates(rows: BuiltRows, texts: Texts, rules: NearRules) -> None:
    """Of rows that ask the same or give the same longer answer, or nearly so, the first one stays (see `dedup`)."""
    index = rows.index
    keys = Keys(_kinds(rows), index["question"], index["long_answer"])
    references = int(np.count_nonzero(rows.state == REFERENCE))
    found = find_duplicates(keys, texts, rules, references)
    leaves = np.flatnonzero(~found.stays)
    rows.first[leaves] = found.instead[leaves]
    rows.state[leaves] = NEAR_DUPLICATE
    rows.state[found.exact.nonzero()] = DUPLICATE
    rows.state[leaves[found.instead[leaves] >= found.references_from]] = IN_REFERENCE


def _kinds(rows: BuiltRows) -> Numbers:
    """(rows,): numbers of the kinds within which rows are compared, as `dedup` says."""
    index, names = rows.index, rows.names
    kinds = index["task"].astype(np.int64) * len(names["text_language"]) + index["text_language"]
    worded = np.array([asks_by_input(name) for name in names["task"]], dtype=bool)
    languages = np.where(worded[index["task"]], index["language"].astype(np.int64) + 1, 0) if len(rows) else 0
    return np.asarray(kinds * (len(names["language"]) + 1) + languages)


def keep_per_task(rows: BuiltRows, size: int) -> None:
    """The first rows of each task by id, up to the size asked for."""
    order = rows.in_order(rows.kept)
    tasks = rows.index["task"][order]
    for task in np.unique(tasks):
        rows.state[order[tasks == task][size:]] = BEYOND_SIZE


def drop_counterparts(rows: BuiltRows, texts: Texts, rules: NearRules) -> None:
    """Takes out validation rows that repeat a longer text of a training row or come near to it."""
    counterparts = counterparts_in_train(rows.index["text_keys"], texts, rows.index["validation"], rows.kept, rules)
    rows.state[counterparts] = COUNTERPART
