"""The rows of a step, dealt to several processes: together those of one, equally many passes, similar lengths."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.training.batching import epoch_steps
from coma_cli.training.distributed.dealing import batch_of_each, batches_of_rank, dealt
from coma_cli.training.settings import BatchBlock


@pytest.mark.parametrize(
    ("size", "accumulation", "processes", "expected"),
    [
        (4, 1, 1, (4, 1)),
        (4, 1, 2, (2, 1)),
        (8, 32, 8, (8, 4)),
        (6, 2, 2, (6, 1)),
        (4, 3, 2, (3, 2)),
        (1, 1, 2, (1, 1)),
        (5, 1, 2, (3, 1)),
    ],
)
def test_processes_share_the_rows_of_a_step(size, accumulation, processes, expected):
    each = batch_of_each(BatchBlock(size=size, accumulation=accumulation), processes)
    assert (each.size, each.accumulation) == expected


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5), st.integers(1, 60))
def test_the_union_of_what_is_dealt_is_the_step_and_no_batch_is_too_large(size, accumulation, processes, count):
    """The last step of an epoch is short: it has as many passes, some of them empty."""
    whole = BatchBlock(size=size, accumulation=accumulation)
    each = batch_of_each(whole, processes)
    lengths = [(7 * number) % 31 + 1 for number in range(count)]
    steps = epoch_steps(lengths, size, accumulation, 3, 0)
    job = SimpleNamespace(batch=whole, steps=len(steps), batches_of=lambda step: steps[step - 1])
    ranks = [batches_of_rank(job, processes, number) for number in range(processes)]
    for number, step in enumerate(steps):
        of_step = [rank[number * each.accumulation : (number + 1) * each.accumulation] for rank in ranks]
        assert sorted(row for batches in of_step for batch in batches for row in batch) == sorted(
            row for batch in step for row in batch
        )
        assert all(len(batch) <= each.size <= size for batches in of_step for batch in batches)
    assert {len(rank) for rank in ranks} == {len(steps) * each.accumulation}


def test_rows_of_similar_length_are_trained_in_the_same_pass():
    by_length = list(range(12))
    assert [dealt(by_length, 2, 3, number) for number in range(3)] == [
        [[0, 3], [6, 9]],
        [[1, 4], [7, 10]],
        [[2, 5], [8, 11]],
    ]
