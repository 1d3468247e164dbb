"""Decides which rows stay: no duplicates, no more than asked for, no validation row that was trained on.

Each step looks at the facts of the rows that earlier steps kept, and marks those that it takes out. What a step
decides depends on the rows alone, never on how the work was divided.
"""

import numpy as np

from coma_cli.corpus.dedup import Keys, find_duplicates
from coma_cli.corpus.minhash import NearRules
from coma_cli.corpus.near import Texts
from coma_cli.corpus.splitting import twins_in_train
from coma_cli.dataset.rows import BEYOND_SIZE, DUPLICATE, IN_REFERENCE, NEAR_DUPLICATE, REFERENCE, TWIN, Rows


def drop_duplicates(rows: Rows, texts: Texts, rules: NearRules) -> None:
    """Of rows that ask the same or give the same longer answer, or nearly so, the first one stays (see `dedup`)."""
    facts = rows.facts
    kinds = facts["task"].astype(np.int64) * len(rows.names["text_language"]) + facts["text_language"]
    keys = Keys(kinds, facts["question"], facts["long_answer"])
    references = int(np.count_nonzero(rows.state == REFERENCE))
    found = find_duplicates(keys, texts, rules, references)
    leaves = np.flatnonzero(~found.stays)
    rows.first[leaves] = found.instead[leaves]
    rows.state[leaves] = NEAR_DUPLICATE
    rows.state[found.exact.nonzero()] = DUPLICATE
    rows.state[leaves[found.instead[leaves] >= found.references_from]] = IN_REFERENCE


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
