import pytest

from coma_cli.syntax.used_names import names_used


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        ("assert int(lobb_num(5, 3)) == 35", "lobb_num"),
        ("import math\nassert math.isclose(lobb_num(5, 3), 35)", "lobb_num"),
        ("assert set(lobb_num(5, 3)) == set((1, 2))", "lobb_num"),
        ("assert (lobb_num(5, 3)) == binomial_coeff(7, 1)", "lobb_num"),
        ("assert not lobb_num(n=5)", "lobb_num"),
        ("x = binomial_coeff(1, 2)\nassert lobb_num(x) == 3", "lobb_num"),
    ],
)
def test_the_entry_point_is_found_behind_any_wrapping(tests, expected):
    reference = "def binomial_coeff(n, k): return 1\ndef lobb_num(n, m): return 35"
    assert names_used(reference, tests).entry_point == expected


def test_all_names_that_tests_take_from_the_solution_are_listed():
    names = names_used("class Node: pass\nLIMIT = 3\ndef f(n): return n", "root = Node()\nassert f(root) == LIMIT")
    assert names.entry_point == "f" and set(names.used) == {"Node", "f", "LIMIT"}
