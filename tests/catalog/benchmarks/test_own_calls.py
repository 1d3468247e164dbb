import json

import pytest

from coma_cli.catalog.benchmarks.own import problem_of
from coma_cli.catalog.benchmarks.own_calls import CALL, CLASS, call_of, instruction_of, method_of
from coma_cli.catalog.benchmarks.own_cases import cases_of

STARTER = "class Solution:\n    def total(self, numbers: List[int], more: int) -> int:\n        "
CASE = {"input": "[1, 2]\n3", "output": "6", "testtype": "functional"}
ROW = {
    "question_id": "2779", "question_content": "Add all up.", "starter_code": STARTER,
    "public_test_cases": json.dumps([CASE]), "private_test_cases": "[]", "metadata": json.dumps({"func_name": "total"}),
}  # fmt: skip


def test_arguments_are_json_values_one_on_each_line():
    assert call_of("case 1", '[1, null]\n"a\\nb"\n', "true").assertion == (
        f"assert _coma_returned({CALL}([1, None], 'a\\nb')) == True\n"
    )
    assert call_of("case 1", "", '{"é": 0.5}').assertion == f"assert _coma_returned({CALL}()) == {{'\\xe9': 0.5}}\n"


@pytest.mark.parametrize("arguments", ["[1", "x", "NaN", "[Infinity]", "__import__('os')", "[" * 100_000])
def test_what_is_not_json_is_refused(arguments):
    with pytest.raises(ValueError, match="case 1: line 1 of its input is not a JSON value"):
        call_of("case 1", arguments, "1")
    with pytest.raises(ValueError, match="its output is not a JSON value"):
        call_of("case 1", "1", arguments)


def test_the_method_is_that_of_the_metadata_or_else_of_the_starter_code():
    assert method_of(ROW) == "total"
    assert method_of({**ROW, "metadata": {"func_name": "other"}}) == "other"
    assert method_of({"starter_code": STARTER}) == "total"
    assert method_of({"metadata": {"func_name": "total"}}) == "total"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({}, "neither metadata"),
        ({"metadata": "{"}, "metadata is not JSON"),
        ({"metadata": {"func_name": "a()"}}, "not the name of a method"),
        ({"metadata": {"func_name": "__init__"}}, "not the name of a method"),
        ({"metadata": {"func_name": "class"}}, "not the name of a method"),
        ({"metadata": {"func_name": 3}}, "not the name of a method"),
        ({"starter_code": "def total(numbers):\n    "}, "no class Solution"),
    ],
)
def test_a_row_that_names_no_method_is_refused(row, words):
    with pytest.raises(ValueError, match=words):
        method_of(row)


def test_a_row_becomes_a_problem_whose_tests_call_the_method():
    problem = problem_of("mine-00000000", ROW)
    assert (problem.entry_point, problem.entry_points, problem.method) == (CLASS, (CALL,), "total")
    assert problem.tests == f"assert _coma_returned({CALL}([1, 2], 3)) == 6\n"
    assert not problem.is_script and problem.to_row()["method"] == "total"
    assert problem.instruction == instruction_of("Add all up.", STARTER.rstrip())
    assert "```python\nclass Solution:" in problem.instruction and "class Solution:" in problem.prompt
    assert instruction_of("Add.", "") == "Add."


def test_equal_cases_count_once():
    assert len(cases_of({"public_test_cases": [CASE, CASE]})) == 1
