"""Decides which rows stay: no duplicates, no more than asked for, no validation row that was trained on.

Each step looks at the facts of the rows that earlier steps kept, and marks those that it takes out. What a step
decides depends on the rows alone, never on how the work was divided.
"""

import numpy as np

from coma_cli.dataset.rows import BEYOND_SIZE, DUPLICATE, TWIN, Numbers, Rows


def drop_duplicates(rows: Rows) -> None:
    """Of rows that ask the same, or give the same longer answer, the first one stays."""
    questions, answers = rows.facts["question"], rows.facts["long_answer"]
    suspects = np.flatnonzero(_repeated(questions) | _repeated(answers))
    seen: dict[int, int] = {}
    for row in suspects.tolist():
        keys = [key for key in (int(questions[row]), int(answers[row])) if key]
        first = next((seen[key] for key in keys if key in seen), None)
        if first is None:
            seen.update((key, row) for key in keys)
        else:
            rows.state[row], rows.first[row] = DUPLICATE, first


def _repeated(digests: Numbers) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of the digests occur more than once; 0 is none."""
    values, counts = np.unique(digests, return_counts=True)
    several = values[counts > 1]
    return np.isin(digests, several[several != 0])


def keep_size(rows: Rows, size: int) -> None:
    """The first rows of each task by id, up to the size asked for."""
    order = rows.in_order(rows.kept)
    tasks = rows.facts["task"][order]
    for task in np.unique(tasks):
        rows.state[order[tasks == task][size:]] = BEYOND_SIZE


def drop_twins(rows: Rows) -> None:
    """Takes out validation rows that repeat a longer text of a training row."""
    validation = rows.facts["validation"]
    trained = np.unique(rows.facts["signatures"][rows.kept & ~validation])
    judged = np.flatnonzero(rows.kept & validation)
    repeats = np.isin(rows.facts["signatures"][judged], trained[trained != 0]).any(axis=1)
    rows.state[judged[repeats]] = TWIN
