"""The rows of each step, decided before the first step by the seed alone; and rows as padded tensors.

Rows of similar length are batched together, so that there is little padding: an epoch's shuffled rows are sorted by
length within windows of some steps, and the steps are shuffled again. The order within an epoch is the same for any
number of epochs, so a run can be extended by more steps later.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import Any

from coma_cli.training.encoding import NO_LABEL, EncodedRow

WINDOW_STEPS = 16
Step = list[list[int]]


def epoch_steps(lengths: Sequence[int], size: int, accumulation: int, seed: int, epoch: int) -> list[Step]:
    """The steps of one epoch: each a list of `accumulation` batches of row numbers, `size` rows at most in a batch.

    Every row is in exactly one batch. The epoch's last step may be smaller, and some of its batches empty.
    """
    rng = random.Random(f"{seed}|{epoch}")  # noqa: S311  # shuffling, not a secret
    rows = list(range(len(lengths)))
    rng.shuffle(rows)
    per_step = size * accumulation
    whole = len(rows) - len(rows) % per_step
    steps: list[Step] = []
    for start in range(0, whole, per_step * WINDOW_STEPS):
        window = sorted(rows[start : min(start + per_step * WINDOW_STEPS, whole)], key=lambda row: lengths[row])
        cut = [_as_step(window[i : i + per_step], size, accumulation) for i in range(0, len(window), per_step)]
        rng.shuffle(cut)
        steps += cut
    if rest := rows[whole:]:
        steps.append(_as_step(sorted(rest, key=lambda row: lengths[row]), size, accumulation))
    return steps


def _as_step(rows: list[int], size: int, accumulation: int) -> Step:
    return [rows[i * size : (i + 1) * size] for i in range(accumulation)]


def all_batches(
    lengths: Sequence[int], size: int, accumulation: int, seed: int, total_steps: int
) -> Iterator[list[int]]:
    """The batches of the first `total_steps` steps, over as many epochs as that takes."""
    steps = (step for epoch in count() for step in epoch_steps(lengths, size, accumulation, seed, epoch))
    for step in islice(steps, total_steps):
        yield from step


def steps_of(rows: int, rows_per_step: int, *, epochs: float | None, max_steps: int | None) -> int:
    """How many steps a run has; a part of an epoch is rounded up to whole steps."""
    if max_steps is not None:
        return max_steps
    per_epoch = -(-rows // rows_per_step)
    passes = 1.0 if epochs is None else epochs
    return max(1, -int(-passes * per_epoch // 1))


class BatchPlan:
    """All batches of a run, as a DataLoader's batch sampler; a run goes through them once."""

    def __init__(self, batches: list[list[int]]) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)


def collate(rows: Sequence[EncodedRow]) -> dict[str, Any]:
    """Rows as tensors `input_ids` and `labels` (batch, longest), padded on the right.

    No attention mask: a causal model never attends to the right, so no token sees the padding, and padding has no
    label. For the same reason the padding's id does not matter. No rows give one position without a label.
    """
    import torch

    longest = max((len(row.ids) for row in rows), default=1)
    ids = torch.zeros((max(1, len(rows)), longest), dtype=torch.long)
    labels = torch.full_like(ids, NO_LABEL)
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = torch.tensor(row.ids)
        labels[number, : len(row.ids)] = torch.tensor(row.labels)
    return {"input_ids": ids, "labels": labels}
