"""The plan of batches: complete, without repetition, and the same however often and wherever a run was stopped."""

from hypothesis import given
from hypothesis import strategies as st

from coma_cli.evaluation.sampling.batches import RowName, Wanted, plan_batches, unfinished

PROBLEMS = tuple(f"HumanEval/{number}" for number in range(5))


def wanted(problems: int = 5, n: int = 2, temperatures: tuple[float, ...] = (0.8,)) -> Wanted:
    return Wanted(PROBLEMS[:problems], temperatures, n)


extents = st.lists(st.builds(wanted, st.integers(1, 5), st.integers(1, 7)), min_size=1, max_size=4)
sizes = st.integers(1, 9)


def keys(batches):
    return [row.key for batch in batches for row in batch]


@given(extents, sizes)
def test_every_row_that_was_ever_wanted_is_in_one_batch(history, size):
    planned = keys(plan_batches(history, size))
    assert sorted(planned) == sorted({row.key for extent in history for row in extent.rows()})
    assert all(0 < len(batch) <= size for batch in plan_batches(history, size))


@given(extents, extents, sizes)
def test_asking_for_more_later_leaves_earlier_batches_alone(history, later, size):
    before = plan_batches(history, size)
    assert plan_batches([*history, *later], size)[: len(before)] == before


@given(extents, sizes, st.data())
def test_whatever_is_done_the_rest_is_computed_in_its_own_batches(history, size, data):
    batches = plan_batches(history, size)
    done = data.draw(st.sets(st.sampled_from(keys(batches))))
    todo = unfinished(batches, history[-1], done)
    assert set(todo) <= set(batches)
    now = {row.key for row in history[-1].rows()}
    assert now - done <= set(keys(todo))
    for batch in todo:
        assert any(row.key in now and row.key not in done for row in batch), "a batch is computed for nothing"
    assert not unfinished(batches, history[-1], done | set(keys(todo)))


def test_rows_of_a_problem_stand_side_by_side():
    planned = plan_batches([wanted(problems=2, n=3)], 3)
    assert planned == [tuple(RowName(task_id, 0.8, index) for index in range(3)) for task_id in PROBLEMS[:2]]


def test_temperature_zero_wants_one_row_a_problem():
    rows = list(wanted(problems=1, n=3, temperatures=(0.0, 0.8)).rows())
    assert [row.key for row in rows] == ["HumanEval/0|0|0", *(f"HumanEval/0|0.8|{index}" for index in range(3))]
