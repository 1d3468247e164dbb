from typing import Any

import pytest

from coma_cli.catalog.benchmarks.evalplus_check import accepts_what_equals, check_source


def verdict_of(answer: Any, expected: Any, atol: float = 0, oracle: str = "", arguments: Any = (1,)) -> bool:
    """Run the rules on one call, as the checker would."""
    source = check_source("f", atol, oracle)
    inputs = {"_coma_inputs": lambda: [list(arguments)], "_coma_expected": lambda: [expected]}
    try:
        exec(source, {**inputs, "f": lambda *_: answer})
    except Exception:
        return False
    return True


@pytest.mark.parametrize(
    ("answer", "expected", "atol", "right"),
    [
        (1, 1, 0, True),
        (1, 2, 0, False),
        (True, 1, 0, True),
        (1.0, 1, 0, True),
        ((1, 2), [1, 2], 0, False),
        (0.1 + 0.2, 0.3, 0, True),
        (0.3001, 0.3, 0, False),
        (0.3001, 0.3, 1e-3, True),
        ([0.1 + 0.2, 1.0], [0.3, 1.0], 0, True),
        ([0.1 + 0.2, 1], [0.3, 1], 0, False),
        ([0.1 + 0.2, 1], [0.3, 1], 1e-6, True),
        ([0.3], [0.3, 1.0], 1e-6, False),
        ((0.3,), [0.3], 1e-6, False),
        (float("inf"), float("inf"), 1e-6, True),
        (1e308, float("inf"), 1e-6, False),
        (float("nan"), 0.0, 1e-6, False),
        (1, 1.0000001, 1e-3, False),
        ("a", "b", 1e-6, False),
        (None, 1.5, 1e-6, False),
        ({1: 2}, {1: 2}, 0, True),
        ([[1.0, 2.0]], [[1.0, 2.0000001]], 1e-6, True),
        ("", 0.0, 1e-6, False),
    ],
)
def test_how_answers_are_compared(answer, expected, atol, right):
    assert verdict_of(answer, expected, atol) is right


@pytest.mark.parametrize(
    ("oracle", "answer", "expected", "arguments", "right"),
    [
        ("any", False, True, (1,), True),
        ("or zero", 0, 7, (1,), True),
        ("or zero", 6, 7, (1,), False),
        ("set", [2, 1, 1], (1, 2), (1,), True),
        ("set", [2], (1, 2), (1,), False),
        ("set", None, (1, 2), (1,), False),
        ("whether", "a match", True, (1,), True),
        ("whether", None, True, (1,), False),
        ("whether", False, False, (1,), True),
        ("whether", None, False, (1,), True),
        ("surface", 33, 0, (3, 4), False),
        ("surface", 35, 0, (3, 4), True),
        ("digits", 7, 6, (23, 56), False),
        ("digits", 6, 0, (23, 56), True),
        ("digits", 1, 0, (7, 107), True),
        ("root", -0.5, 123, ([1, 2],), True),
        ("root", 0.5, 123, ([1, 2],), False),
        ("root", None, 123, ([1, 2],), False),
    ],
)
def test_rules_of_tasks_with_several_right_answers(oracle, answer, expected, arguments, right):
    assert verdict_of(answer, expected, 1e-4 if oracle == "root" else 0, oracle, arguments) is right


def test_modifying_the_arguments_does_not_change_the_verdict():
    source = check_source("f", 1e-4, "root")
    numbers = [1, 2]

    def cheat(given):
        given[:] = [0, 0]
        return 5.0

    inputs = {"_coma_inputs": lambda: [[numbers]], "_coma_expected": lambda: [0]}
    with pytest.raises(AssertionError, match="input 0"):
        exec(source, {**inputs, "f": cheat})


@pytest.mark.parametrize(
    ("tests", "accepted"),
    [
        (check_source("f", 0, ""), True),
        (check_source("f", 1e-6, ""), True),
        (check_source("f", 0, "set"), False),
        (check_source("f", 0, "root"), False),
        ("assert f(1) == 2\n", False),
    ],
)
def test_only_tests_without_a_rule_are_known_to_accept_what_equals(tests, accepted):
    assert accepts_what_equals(tests) == accepted
