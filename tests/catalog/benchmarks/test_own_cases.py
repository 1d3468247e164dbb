import base64
import json
import pickle
import zlib

import pytest

from coma_cli.catalog.benchmarks.own_cases import RUN, SETUP, Case, cases_of, has_cases

CASES = [{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]


def packed(value: object) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(value))).decode()


def test_own_cases():
    assert cases_of({"io": [{"stdin": "1", "stdout": "2"}, {"stdin": "", "stdout": ""}]}) == (
        Case("1", "2"),
        Case("", ""),
    )


def test_live_code_bench_as_text_and_packed():
    row = {
        "public_test_cases": json.dumps(CASES),
        "private_test_cases": packed(json.dumps([{**CASES[0], "input": "4 5"}])),
    }
    assert cases_of(row) == (Case("1 2\n", "3\n"), Case("4 5", "3\n"))
    assert cases_of({"public_test_cases": CASES}) == (Case("1 2\n", "3\n"),)


def test_code_contests():
    test = [{"input": {"stdin": "1"}, "output": {"stdout": "2\n"}}]
    assert has_cases({"test": json.dumps(test)}) and cases_of({"test": test}) == (Case("1", "2\n"),)
    assert not has_cases({"test": "def check(candidate):\n    assert candidate(1) == 1"})  # HumanEval's field


def test_a_case_that_is_there_twice_is_run_once():
    assert len(cases_of({"io": [{"stdin": "1", "stdout": "2"}] * 2})) == 1


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"io": []}, "io has no test case"),
        ({"io": {}}, "io must be a list"),
        ({"io": "x"}, "io is neither JSON nor packed"),
        ({"io": ["x"]}, "io, case 1 is not an object"),
        ({"io": [{"stdin": "1", "stdout": "2"}, {"stdin": "1"}]}, "io, case 2 has no field 'stdout'"),
        ({"io": [{"stdin": 1, "stdout": "2"}]}, "io, case 1: stdin must be a string"),
        ({"public_test_cases": json.dumps([{**CASES[0], "testtype": "interactive"}])}, "not stdin or functional"),
        ({"public_test_cases": json.dumps([CASES[0], {**CASES[0], "testtype": "functional"}])}, "case 1 reads"),
        ({"public_test_cases": "[]", "private_test_cases": packed(print)}, "names builtins.print"),
        ({"public_test_cases": "[]", "private_test_cases": packed([1])}, "neither JSON nor packed"),
        ({"public_test_cases": "[]", "private_test_cases": base64.b64encode(b"x").decode()}, "neither JSON nor packed"),
    ],
)  # fmt: skip
def test_broken_cases_are_named(row, words):
    with pytest.raises(ValueError, match=words):
        cases_of(row)


@pytest.mark.parametrize(
    ("output", "expected", "passes"),
    [
        ("3\n", "3", True),
        ("3  \n\n\n", "3\n", True),
        ("1  2\r\n3\n", "1 2\n3", True),
        (" 1\n", "1\n", True),
        ("1\n2\n", "1 2\n", False),
        ("1\n\n2\n", "1\n2\n", False),
        ("3.0\n", "3\n", False),
        ("YES\n", "yes\n", False),
        ("", "\n", True),
        ("12\n", "1 2\n", False),
    ],
)
def test_which_whitespace_counts(output, expected, passes):
    names = {RUN: lambda stdin: output}
    exec(SETUP, names)
    assertion = compile(Case("x", expected).assertion, "tests", "exec")
    if passes:
        exec(assertion, names)
    else:
        with pytest.raises(AssertionError):
            exec(assertion, names)
