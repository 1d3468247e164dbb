"""A row's random numbers are its own."""

import pytest

from tests.requirements import package

package("torch", "train")
pytest.importorskip("torch")

from coma_cli.engines.row import uniform_numbers  # noqa: E402  # after the skip


def test_seeds_give_each_row_its_own_numbers():
    one, two, again = (uniform_numbers(seed, 8) for seed in (1, 2, 1))
    assert one == again
    assert one != two
    assert all(0 <= number < 1 for number in one)
    assert uniform_numbers(1, 3) == one[:3], "a longer completion begins like a shorter one"
