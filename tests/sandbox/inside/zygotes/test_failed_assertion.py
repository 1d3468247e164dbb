"""What is reported of a failed assertion: in the sandbox, and value by value."""

import pytest

from coma_cli.sandbox import Isolation, Program, Sandbox
from coma_cli.sandbox.contract import FailedTest
from coma_cli.sandbox.inside.zygotes.failed_assertion import VALUE_MAX, LastCall, failed_assertion, short

CHECK = "def check(candidate):\n    for i in range(3):\n        y = i + 1\n        {}\ncheck(f)\n"
CASES = {
    "literal": ("return x", "assert f(2) == 4", ("assert f(2) == 4", "f(2)", "4", "2")),
    "the other way round": ("return x", "assert [2, 3] == f(2)", ("assert [2, 3] == f(2)", "f(2)", "[2, 3]", "2")),
    "is": ("return x", "assert f(0) is False", ("assert f(0) is False", "f(0)", "False", "0")),
    "a reference of the tests": (
        "return (x,)",
        "def ref(x):\n    return (x, 2)\nassert ref(2) == f(2)",
        ("assert ref(2) == f(2)", "f(2)", "(2, 2)", "(2,)"),
    ),
    "in a loop": (
        "return x + 1 if x < 2 else {'a': x}",
        CHECK.format("assert candidate(i) == y"),
        ("assert candidate(i) == y", "f(2)", "3", "{'a': 2}"),
    ),
    "over several lines": (
        "return [x]",
        CHECK.format("assert candidate(i) == [\n            y,\n        ], 'no'"),
        ("assert candidate(i) == [ y, ], 'no'", "f(0)", "[1]", "[0]"),
    ),
    "wrapped": ("return [x, x]", "assert set(f(2)) == {1}", ("assert set(f(2)) == {1}", "f(2)", "{1}", "[2, 2]")),
    "no comparison": ("return x", "assert abs(f(2) - 1) < 1e-6", ("assert abs(f(2) - 1) < 1e-6", "f(2)", "", "2")),
    "two calls": ("return x", "assert f(1) == f(2)", ("assert f(1) == f(2)", "f(2)", "", "2")),
    "keywords": ("return x", "assert f(x=1) == 2", ("assert f(x=1) == 2", "f(x=1)", "2", "1")),
    "an exception": (
        "return 1 / x",
        "assert f(0) == 4",
        ("assert f(0) == 4", "", "4", "raised ZeroDivisionError: division by zero"),
    ),
    "control characters": (
        "return '\\x1b[31m\\n\\x9b'",
        "assert f(0) == '\\x00'",
        ("assert f(0) == '\\x00'", "f(0)", "'\\x00'", "'\\x1b[31m\\n\\x9b'"),
    ),
    "a huge number": (
        "return 1 << 200_000",
        "assert f(0) == 1",
        ("assert f(0) == 1", "f(0)", "1", "<an integer of 200001 bits>"),
    ),
}


@pytest.fixture(scope="module")
def sandbox(isolation: Isolation):
    with Sandbox(workers=1) as opened:
        yield opened


def run(sandbox: Sandbox, body: str, tests: str, **options):
    source = f"def f(x):\n    {body}\n"
    (outcome,) = sandbox.run([Program("p", source, f"{tests}\n", entry_points=("f",), **options)])
    return outcome


@pytest.mark.parametrize("name", CASES)
def test_a_failed_test_is_reported_with_its_values(sandbox, name):
    body, tests, expected = CASES[name]
    outcome = run(sandbox, body, tests)
    assert outcome.verdict == "fail" and outcome.failed_test == FailedTest(*expected)


def test_there_is_nothing_to_report_of_a_pass_or_where_no_checker_saw_it(sandbox):
    assert run(sandbox, "return x", "assert f(2) == 2").failed_test is None
    assert run(sandbox, "return x", "assert f(2) == 3", mode="inproc").failed_test is None
    assert run(sandbox, "raise SystemExit", "assert f(2) == 3").failed_test is None


def test_large_values_are_shortened_and_the_program_is_not_called_again(sandbox):
    body = "f.calls = getattr(f, 'calls', 0) + 1\n    return [f.calls] * 1_000_000"
    outcome = run(sandbox, body, "assert f(2) == 3")
    assert outcome.failed_test.actual.startswith("[1, 1, ") and len(outcome.failed_test.actual) == VALUE_MAX
    once = "while hasattr(f, 'called'): pass\n    f.called = True\n    return x"
    assert run(sandbox, once, "assert f(2) == 3").verdict == "fail"


class Odd:
    """Cannot be written."""

    def __repr__(self):
        raise ValueError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        ([], "[]"),
        ((1,), "(1,)"),
        ({1: "a", (): [2.5]}, "{1: 'a', (): [2.5]}"),
        ("x" * 500, "'" + "x" * 196 + "..."),
        ([[[[[[[[1]]]]]]]], "[[[[[[[...]]]]]]]"),
        (frozenset(), "frozenset()"),
        (bytearray(1000), "<bytearray>"),
        (list(range(10**6)), None),
        (dict.fromkeys(range(1000), "y" * 1000), None),
    ],
)
def test_values_are_written_as_python_writes_them_and_never_long(value, text):
    written = short(value)
    assert len(written) <= VALUE_MAX
    assert text is None or written == text


def test_what_can_not_be_written_is_left_out():
    line = "assert 1 == 2"
    with pytest.raises(AssertionError) as caught:
        exec(compile(line, "<tests>", "exec"), {})
    assert failed_assertion(caught.value, [line], LastCall("f", (), {}, Odd())) == ()
    assert failed_assertion(caught.value, [line], None)[0] == line.encode()
    assert failed_assertion(ValueError("of the tests"), [], None) == ()
