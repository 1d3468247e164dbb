"""Decides which rows stay: no duplicates, no more than asked for, no validation row that was trained on.

Each step looks at the facts of the rows that earlier steps kept, and marks those that it takes out. What a step
decides depends on the rows alone, never on how the work was divided.
"""

import numpy as np

from coma_cli.corpus.dedup import Keys, find_duplicates
from coma_cli.corpus.minhash import NearRules
from coma_cli.corpus.near import Texts
from coma_cli.corpus.prints import asks_by_input
from coma_cli.corpus.splitting import twins_in_train
from coma_cli.dataset.rows import BEYOND_SIZE, DUPLICATE, IN_REFERENCE, NEAR_DUPLICATE, REFERENCE, TWIN, Numbers, Rows


def drop_duplicates(rows: Rows, texts: Texts, rules: NearRules) -> None:
    """Of rows that ask the same or give the same longer answer, or nearly so, the first one stays (see `dedup`)."""
    facts = rows.facts
    keys = Keys(_kinds(rows), facts["question"], facts["long_answer"])
    references = int(np.count_nonzero(rows.state == REFERENCE))
    found = find_duplicates(keys, texts, rules, references)
    leaves = np.flatnonzero(~found.stays)
    rows.first[leaves] = found.instead[leaves]
    rows.state[leaves] = NEAR_DUPLICATE
    rows.state[found.exact.nonzero()] = DUPLICATE
    rows.state[leaves[found.instead[leaves] >= found.references_from]] = IN_REFERENCE


def _kinds(rows: Rows) -> Numbers:
    """(rows,): numbers of the kinds within which rows are compared, as `dedup` says."""
    facts, names = rows.facts, rows.names
    kinds = facts["task"].astype(np.int64) * len(names["text_language"]) + facts["text_language"]
    worded = np.array([asks_by_input(name) for name in names["task"]], dtype=bool)
    languages = np.where(worded[facts["task"]], facts["language"].astype(np.int64) + 1, 0) if len(rows) else 0
    return np.asarray(kinds * (len(names["language"]) + 1) + languages)


def keep_per_task(rows: Rows, size: int) -> None:
    """The first rows of each task by id, up to the size asked for."""
    order = rows.in_order(rows.kept)
    tasks = rows.facts["task"][order]
    for task in np.unique(tasks):
        rows.state[order[tasks == task][size:]] = BEYOND_SIZE


def drop_twins(rows: Rows, texts: Texts, rules: NearRules) -> None:
    """Takes out validation rows that repeat a longer text of a training row or come near to it."""
    twins = twins_in_train(rows.facts["signatures"], texts, rows.facts["validation"], rows.kept, rules)
    rows.state[twins] = TWIN
