"""Which rows each step sees, and what they look like as tensors."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.training.batching import Packing, all_batches, collate, epoch_steps, packed, steps_of
from coma_cli.training.encoding import NO_LABEL, EncodedRow
from tests.requirements import package

LENGTHS = st.lists(st.integers(1, 500), min_size=1, max_size=120)
SIZES = st.integers(1, 7)


@given(LENGTHS, SIZES, SIZES, st.integers(0, 9), st.integers(0, 9))
def test_every_row_is_in_an_epoch_exactly_once(lengths, size, accumulation, seed, epoch):
    steps = epoch_steps(lengths, size, accumulation, seed, epoch)
    assert len(steps) == math.ceil(len(lengths) / (size * accumulation))
    assert sorted(row for step in steps for batch in step for row in batch) == list(range(len(lengths)))
    assert all(len(step) == accumulation and all(len(batch) <= size for batch in step) for step in steps)


@given(LENGTHS, SIZES, SIZES, st.integers(1, 40), st.integers(0, 40))
def test_more_steps_begin_with_the_same_steps(lengths, size, accumulation, steps, more):
    short = list(all_batches(lengths, size, accumulation, 0, steps))
    long = list(all_batches(lengths, size, accumulation, 0, steps + more))
    assert len(short) == steps * accumulation
    assert long[: len(short)] == short


def test_epochs_and_seeds_have_orders_of_their_own():
    lengths = list(range(64))
    orders = {str(epoch_steps(lengths, 4, 1, seed, epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


def test_rows_of_a_batch_have_similar_lengths():
    lengths = [(n * 7919) % 500 for n in range(512)]
    padded = sum(
        max(lengths[r] for r in batch) * len(batch) for step in epoch_steps(lengths, 8, 1, 0, 0) for batch in step
    )
    assert padded < 1.12 * sum(lengths)


@pytest.mark.parametrize(
    ("rows", "per_step", "epochs", "max_steps", "steps"),
    [(10, 4, None, None, 3), (10, 4, 2, None, 6), (10, 4, 0.5, None, 2), (10, 4, None, 7, 7), (1, 8, 0.01, None, 1)],
)
def test_how_many_steps_a_run_has(rows, per_step, epochs, max_steps, steps):
    assert steps_of(rows, per_step, epochs=epochs, max_steps=max_steps) == steps


def test_padding_has_no_label_and_an_answer_keeps_its_own_even_where_it_equals_the_padding():
    package("torch", "train")
    rows = [EncodedRow("a", (5, 6, 7, 0), 2), EncodedRow("b", (5, 9), 1)]
    batch = collate(rows)
    assert batch["input_ids"].tolist() == [[5, 6, 7, 0], [5, 9, 0, 0]]
    assert batch["labels"].tolist() == [[NO_LABEL, NO_LABEL, 7, 0], [NO_LABEL, 9, NO_LABEL, NO_LABEL]]


def test_no_rows_are_one_position_without_a_label():
    package("torch", "train")
    batch = collate([])
    assert batch["input_ids"].shape == (1, 1)
    assert batch["labels"].tolist() == [[NO_LABEL]]


def flat(rows: list[list[int]]) -> list[int]:
    return [row for part in rows for row in part]


@given(LENGTHS, SIZES, SIZES)
def test_padding_and_packing_draw_the_rows_of_a_step_whatever_their_length(lengths, size, accumulation):
    per_step = size * accumulation
    same = [1] * len(lengths)
    for batching in ("padding", "packing"):
        steps = epoch_steps(lengths, size, accumulation, 0, 0, batching)
        blind = epoch_steps(same, size, accumulation, 0, 0, batching)
        assert [sorted(flat(step)) for step in steps] == [sorted(flat(step)) for step in blind]
        assert all(len(flat(step)) == per_step for step in steps[:-1])


@given(st.lists(st.integers(1, 90), min_size=1, max_size=30), st.integers(1, 200))
def test_packed_sequences_hold_every_row_once_and_none_is_too_long(lengths, longest):
    sequences = packed(lengths, longest)
    assert sorted(flat(sequences)) == list(range(len(lengths)))
    widths = [sum(lengths[row] for row in sequence) for sequence in sequences]
    assert max(widths) <= max(longest, *lengths)
    assert len(sequences) * max(widths) <= len(lengths) * max(lengths), "never more than padding"


def test_positions_of_packed_rows_restart_and_no_row_predicts_the_next():
    package("torch", "train")
    rows = [EncodedRow("a", (5, 6, 7, 0), 2), EncodedRow("b", (5, 9), 1), EncodedRow("c", (8,), 0)]
    batch = Packing(6)(rows)
    assert batch["input_ids"].tolist() == [[5, 6, 7, 0], [5, 9, 8, 0]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3], [0, 1, 0, 0]]
    assert batch["labels"].tolist() == [[NO_LABEL, NO_LABEL, 7, 0], [NO_LABEL, 9, NO_LABEL, NO_LABEL]]
    assert Packing(6)([])["labels"].tolist() == [[NO_LABEL]]
