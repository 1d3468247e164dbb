import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.corpus.decontamination.gram_table import GramTable

HASHES = st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**44 - 1, 2**44, 2**64 - 1]), max_size=30)


def hashes(numbers) -> np.ndarray:
    return np.array(numbers, dtype=np.uint64)


@given(HASHES, HASHES)
def test_it_answers_as_a_set_does(known, others):
    table, asked = GramTable.of(hashes(known)), [*known, *others]
    expected = [number in set(known) for number in asked]
    assert table.holds(hashes(asked)).tolist() == expected
    assert table.places(hashes(asked)).tolist() == [place for place, there in enumerate(expected) if there]


def test_hashes_that_begin_alike_are_told_apart():
    """The first look goes by the upper 20 bits: what passes it has to be compared whole."""
    start = 0xABCDE << 44
    table = GramTable.of(hashes([start + 5]))
    assert table.holds(hashes([start + 4, start + 5, start + 6, start])).tolist() == [False, True, False, False]
