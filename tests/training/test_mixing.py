"""How often rows of a source or a task are used."""

from collections import Counter

import pytest

from coma_cli.errors import UsageError
from coma_cli.training.examples import TrainingRow
from coma_cli.training.mixing import mixed

ROWS = [
    TrainingRow(str(n), "codealpaca" if n < 20 else "conala", "x", "", "y", task="edit" if n % 2 else "write")
    for n in range(30)
]


def times(weights, seed=0):
    return Counter(row.id for row in mixed(ROWS, weights, seed).rows)


def test_no_weights_change_nothing():
    assert mixed(ROWS, {}, 0).rows == tuple(ROWS)


def test_whole_weights_repeat_rows_and_parts_of_one_draw_them():
    found = times({"codealpaca": 2.5})
    assert sum(count for row, count in found.items() if int(row) < 20) == 50
    assert set(found.values()) == {1, 2, 3}
    assert [found[str(n)] for n in range(20, 30)] == [1] * 10


def test_the_same_seed_draws_the_same_rows_and_another_one_others():
    assert times({"codealpaca": 0.5}) == times({"codealpaca": 0.5}) != times({"codealpaca": 0.5}, seed=1)


def test_weights_of_source_and_task_are_multiplied_and_reported():
    mixture = mixed(ROWS, {"conala": 2, "edit": 0}, 0)
    assert Counter((row.source, row.task) for row in mixture.rows) == {
        ("codealpaca", "write"): 10,
        ("conala", "write"): 10,
    }
    assert mixture.notes == (
        "Weight 0: 0 of 10 rows of codealpaca, edit per epoch",
        "Weight 0: 0 of 5 rows of conala, edit per epoch",
        "Weight 2: 10 of 5 rows of conala, write per epoch",
    )


def test_an_unknown_name_and_weights_that_leave_nothing_are_errors():
    with pytest.raises(UsageError, match="No row is of source or task conola") as caught:
        mixed(ROWS, {"conola": 2}, 0)
    assert "codealpaca (20)" in caught.value.hint
    with pytest.raises(UsageError, match="leave no row"):
        mixed(ROWS, {"codealpaca": 0, "conala": 0}, 0)
