"""The rows of each step, decided before the first step by the seed alone; and rows as padded or packed tensors.

Which rows a step has is drawn at random (`padding`, `packing`); or rows of similar length are put together, so that
there is little padding (`length`): an epoch's shuffled rows are sorted by length within windows of some steps, and the
steps are shuffled again. Within a step, rows are always sorted by length before they are split into batches: every
answer token of a step weighs the same, so only the padding changes. The order within an epoch is the same for any
number of epochs, so a run can be extended by more steps later.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import Any, Literal

from coma_cli.training.encoding import NO_LABEL, EncodedRow

WINDOW_STEPS = 16
Step = list[list[int]]
Batching = Literal["length", "padding", "packing"]


def epoch_steps(
    lengths: Sequence[int], size: int, accumulation: int, seed: int, epoch: int, batching: Batching = "length"
) -> list[Step]:
    """The steps of one epoch: each a list of `accumulation` batches of row numbers, `size` rows at most in a batch.

    Every row is in exactly one batch. The epoch's last step may be smaller, and some of its batches empty.
    """
    rng = random.Random(f"{seed}|{epoch}")  # noqa: S311  # shuffling, not a secret
    rows = list(range(len(lengths)))
    rng.shuffle(rows)
    per_step = size * accumulation
    whole = len(rows) - len(rows) % per_step
    steps: list[Step] = []
    window_steps = WINDOW_STEPS if batching == "length" else 1
    for start in range(0, whole, per_step * window_steps):
        window = sorted(rows[start : min(start + per_step * window_steps, whole)], key=lambda row: lengths[row])
        cut = [_as_step(window[i : i + per_step], size, accumulation) for i in range(0, len(window), per_step)]
        rng.shuffle(cut)
        steps += cut
    if rest := rows[whole:]:
        steps.append(_as_step(sorted(rest, key=lambda row: lengths[row]), size, accumulation))
    return steps


def _as_step(rows: list[int], size: int, accumulation: int) -> Step:
    return [rows[i * size : (i + 1) * size] for i in range(accumulation)]


def all_batches(
    lengths: Sequence[int], size: int, accumulation: int, seed: int, total_steps: int, batching: Batching = "length"
) -> Iterator[list[int]]:
    """The batches of the first `total_steps` steps, over as many epochs as that takes."""
    steps = (step for epoch in count() for step in epoch_steps(lengths, size, accumulation, seed, epoch, batching))
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


class Packing:
    """Collates rows laid one behind the other; no sequence is longer than `longest` tokens."""

    def __init__(self, longest: int) -> None:
        self._longest = longest

    def __call__(self, rows: Sequence[EncodedRow]) -> dict[str, Any]:
        """Tensors `input_ids`, `labels` and `position_ids` (sequences, longest), padded on the right.

        Positions restart with every row, by which transformers tells where a row ends: attention does not cross. The
        first token of a row has no label, so no row predicts that of the next one; padding counts as one more row.
        """
        import torch

        if not rows:
            return collate(rows)
        sequences = packed([len(row.ids) for row in rows], self._longest)
        width = max(sum(len(rows[number].ids) for number in sequence) for sequence in sequences)
        ids = torch.zeros((len(sequences), width), dtype=torch.long)
        labels, positions = torch.full_like(ids, NO_LABEL), torch.zeros_like(ids)
        for place, sequence in enumerate(sequences):
            start = 0
            for number in sequence:
                row = rows[number]
                end = start + len(row.ids)
                ids[place, start:end] = torch.tensor(row.ids)
                labels[place, start:end] = torch.tensor((NO_LABEL, *row.labels[1:]))
                positions[place, start:end] = torch.arange(end - start)
                start = end
            positions[place, start:] = torch.arange(width - start)
        return {"input_ids": ids, "labels": labels, "position_ids": positions}


def packed(lengths: Sequence[int], longest: int) -> list[list[int]]:
    """Numbers of rows by sequence, so that the padded sequences have few tokens and none more than `longest`.

    Of equally good ways the one with the shortest sequences is taken: attention costs less there.
    """
    most = max(lengths)
    rooms = [*range(most, longest, most), max(most, longest)]
    ways = [_first_fit(lengths, room) for room in rooms]
    return min(ways, key=lambda way: len(way) * max(sum(lengths[row] for row in sequence) for sequence in way))


def _first_fit(lengths: Sequence[int], room: int) -> list[list[int]]:
    """First fit, longest rows first."""
    sequences: list[list[int]] = []
    left: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        place = next((place for place, free in enumerate(left) if free >= lengths[row]), None)
        if place is None:
            sequences.append([row])
            left.append(room - lengths[row])
        else:
            sequences[place].append(row)
            left[place] -= lengths[row]
    return sequences
