import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.corpus.cleaning import CleaningRules, clean, fault, unfenced
from tests.corpus.rows import example

RULES = CleaningRules()
SUMMARY = {"task": "code-summarization", "input": "def f():\n    return 1", "output": "Return the one."}


def test_good_rows_pass_in_order_and_the_others_are_handed_over():
    left_out = []
    rows = [example(1), example(2, output=" "), example(3)]
    assert list(clean(rows, RULES, left_out.append)) == [rows[0], rows[2]]
    (row,) = left_out
    assert (row.reason, row.source, row.row["id"]) == ("empty-output", "test", "row-2")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"instruction": " \n"}, "empty-instruction"),
        ({"output": "\n"}, "empty-output"),
        ({"output": "x"}, "too-short"),
        ({"input": "y" * 9000}, "too-long"),
        ({"input": "y " * 1300}, "too-long"),
        ({"output": "def f(:\n    return 1"}, "does-not-parse"),
        ({"output": "import os\nprint 'x'\nfor i in x:\n    print i"}, "does-not-parse"),
        ({"output": "```python\ndef f(:\n    return 1\n```"}, "does-not-parse"),
        ({"instruction": "Do \ufffd."}, "undecodable"),
        ({"input": "nul \x00"}, "undecodable"),
        ({"output": "I'm sorry, but I can't write that."}, "boilerplate"),
        ({"text_language": "cn"}, "text-language"),
        ({**SUMMARY, "output": "{@inheritDoc}"}, "boilerplate"),
        ({**SUMMARY, "output": "Auto-generated method stub."}, "boilerplate"),
        ({**SUMMARY, "output": "TODO: write this."}, "boilerplate"),
        ({**SUMMARY, "output": "See the base class."}, "boilerplate"),
        ({**SUMMARY, "input": "def f(:\n    return 1"}, "does-not-parse"),
    ],
)
def test_a_bad_row_has_its_reason(changes, reason):
    verdict = fault(example(**changes), CleaningRules(text_languages=("en",)))
    assert verdict is not None
    assert verdict[0] == reason


@pytest.mark.parametrize(
    "changes",
    [
        {},
        SUMMARY,
        {"output": "The answer is 5 and nothing else."},
        {"output": "```python\ndef f():\n    return 1\n```"},
        {"output": "    def f(self):\n        return 1"},
        {"language": "java", "output": "def not(java:\n  return"},
        {"task": "line-completion", "input": "def f(x):", "output": "return x"},
        {"output": "# TODO list\ndef f(x):\n    return x"},
        {**SUMMARY, "output": "Return the todo items of a user."},
        {"task": "a task of tomorrow", "output": "def f(:\n    return"},
    ],
)
def test_a_good_row_has_none(changes):
    assert fault(example(**changes), RULES) is None


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_judged_without_a_crash(instruction, given_input, output):
    left_out = []
    row = example(instruction=instruction, input=given_input, output=output)
    assert len(list(clean([row], RULES, left_out.append))) + len(left_out) == 1


def test_a_fence_is_taken_off_only_around_the_whole():
    assert unfenced("```py\nx = 1\n```\n") == "x = 1"
    assert unfenced("Look:\n```py\nx = 1\n```") == "Look:\n```py\nx = 1\n```"
