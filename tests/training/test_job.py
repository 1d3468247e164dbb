"""Smaller batches for the same steps."""

from hypothesis import given
from hypothesis import strategies as st

from coma_cli.training.encoding import EncodedRow
from coma_cli.training.job import plan_batches, smaller
from coma_cli.training.settings import BatchBlock

SIZES = st.integers(1, 12)


@given(SIZES, SIZES)
def test_at_most_half_the_rows_per_batch_and_as_many_per_step(size, accumulation):
    batch = BatchBlock(size=size, accumulation=accumulation)
    fewer = smaller(batch)
    if size == 1:
        assert fewer is None
    else:
        assert fewer is not None and fewer.size <= size // 2 and fewer.rows_per_step == batch.rows_per_step


def test_the_steps_hold_the_same_rows_in_batches_of_either_size():
    rows = [EncodedRow(str(n), tuple(range(3 + n % 7)), 1) for n in range(20)]
    large, small = BatchBlock(size=6, accumulation=1), BatchBlock(size=3, accumulation=2)

    def steps(batch):
        flat = plan_batches(rows, batch, 0, 5, "length")
        return [
            sorted(row for part in flat[i : i + batch.accumulation] for row in part)
            for i in range(0, len(flat), batch.accumulation)
        ]

    assert steps(large) == steps(small)
