import pytest

from coma_cli.catalog.benchmarks.held_out import problem_of
from coma_cli.evaluation.measuring.answers import answer_text, answered
from tests.evaluation.measuring.rows import ROWS

REPAIR, SUMMARY = problem_of(ROWS[4]), problem_of(ROWS[6])


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("def f(a):\n    return a\n", "def f(a):\n    return a"),
        ("Here it is:\n```python\ndef f(a): pass\n```\nand\n```\nother\n```\n", "def f(a): pass"),
        ("<think>hm</think>\nx = 1", "x = 1"),
        ("x = 1<|im_end|>", "x = 1"),
        ("", ""),
    ],
)
def test_the_code_of_an_answer(completion, expected):
    assert answer_text(REPAIR, completion).strip() == expected


def test_a_summary_is_the_whole_answer():
    assert answer_text(SUMMARY, "Returns `x`.\n```\nx\n```").startswith("Returns `x`.")


def test_what_metrics_get():
    row = answered(problem_of(ROWS[2]), "a + b", (-1.0, -2.0, -3.0))
    assert row.candidates == ("a + b", "a - b", "a * b")
    assert row.log_probabilities == (-1.0, -2.0, -3.0)
    assert row.reference == row.answer == "a + b"
