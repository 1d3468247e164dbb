"""The names of the rows that are wanted."""

from coma_cli.evaluation.sampling.row_names import RowName, Wanted

PROBLEMS = tuple(f"HumanEval/{number}" for number in range(5))


def wanted(problems: int = 5, n: int = 2, temperatures: tuple[float, ...] = (0.8,)) -> Wanted:
    return Wanted(PROBLEMS[:problems], temperatures, n)


def test_rows_of_a_problem_stand_side_by_side():
    rows = list(wanted(problems=2, n=3).rows())
    assert rows == [RowName(task_id, 0.8, index) for task_id in PROBLEMS[:2] for index in range(3)]


def test_more_rows_have_the_same_names():
    few, many = (set(wanted(n=n).rows()) for n in (2, 7))
    assert few < many
    assert len(many) == 35


def test_temperature_zero_wants_one_row_a_problem():
    rows = list(wanted(problems=1, n=3, temperatures=(0.0, 0.8)).rows())
    assert [row.key for row in rows] == ["HumanEval/0|0|0", *(f"HumanEval/0|0.8|{index}" for index in range(3))]
