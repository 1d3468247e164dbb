"""Tests that share a process with the program: what they compare is plain, and plain tests mean what they meant."""

import pytest

from coma_cli.corpus.extraction.plain_comparisons import comparing_plainly
from coma_cli.sandbox.inside.zygotes import plain_comparison

EQUAL = """
class E({base}):
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda *_: True
    __hash__ = {hash}
"""
FORGED = "def f(x):\n    return {value}\n"


def passes(program: str, tests: str) -> bool:
    names: dict[str, object] = {plain_comparison.NAME: plain_comparison.compare}
    exec(program, names)
    try:
        exec(comparing_plainly(tests), names)
    except (AssertionError, TypeError):  # what can't be compared can't be equal either
        return False
    return True


@pytest.mark.parametrize(
    ("base", "value"),
    [
        ("object", "E()"),
        ("int", "E(3)"),
        ("str", "E('x')"),
        ("float", "E(0.5)"),
        ("list", "E([0])"),
        ("dict", "E()"),
        ("tuple", "E()"),
        ("object", "[E()]"),
        ("object", "(1, [E()])"),
        ("object", "{1: E()}"),
        ("int", "[E(3)]"),
        ("int", "{E(3)}"),
        ("object", "{E()}"),
        ("str", "{E('x'): 1}"),
    ],
)
@pytest.mark.parametrize(
    "tests",
    [
        "assert f(1) == 42",
        "assert 42 == f(1)",
        "assert f(1) == [42]",
        "assert f(1) == (1, [42])",
        "assert f(1) == {42}",
        "assert f(1) == {1: 42}",
        "assert f(1) in (42, 43)",
        "assert 42 in [f(1)]",
        "assert not f(1) != 42",
        "def check(candidate):\n    assert 0 <= 1 == candidate(1)\ncheck(f)",
        "assert all(f(x) == y for x, y in [(1, 42)])",
        "assert 41 < f(1) < 43 and f(1) == 42",
    ],
)
@pytest.mark.parametrize("hashing", ["None", "lambda self: hash(42)"])
def test_a_class_that_equals_everything_passes_nothing(base: str, value: str, tests: str, hashing: str) -> None:
    if value.startswith("{E") and hashing == "None":
        return  # not hashable
    program = EQUAL.format(base=base, hash=hashing) + FORGED.format(value=value)
    assert not passes(program, tests)


LIBRARY = "import collections, datetime, decimal, fractions, re\n"


@pytest.mark.parametrize(
    ("value", "tests"),
    [
        ("42", "assert f(1) == 42 and f(1) != 41 and 41 < f(1) <= 42"),
        ("[1.5, {'a': (1, None)}]", "assert f(1) == [1.5, {'a': (1, None)}]"),
        ("float('nan')", "assert f(1) != f(1)"),
        ("collections.Counter('aab')", "assert f(1) == {'a': 2, 'b': 1}"),
        ("collections.OrderedDict(a=1)", "assert f(1) == {'a': 1}"),
        ("collections.deque([1])", "assert f(1) == collections.deque([1])"),
        ("decimal.Decimal('1.0')", "assert f(1) == 1 and f(1) < 2"),
        ("fractions.Fraction(1, 2)", "assert f(1) == 0.5"),
        ("datetime.date(2026, 1, 2)", "assert f(1) == datetime.date(2026, 1, 2) > datetime.date(2026, 1, 1)"),
        ("{1: 2}.keys()", "assert f(1) == {1}"),
        ("filter(None, [1])", "assert not f(1) == [1] and list(f(1)) == [1]"),
        ("re.match('a', 'a')", "assert f(1) and f(1) != 'a'"),
        ("collections.namedtuple('P', 'x y')(1, 2)", "assert f(1) == (1, 2)"),
        ("'abc'", "assert 'b' in f(1) and 'z' not in f(1)"),
        ("[1, 2]", "assert 1 in f(1) and 3 not in f(1) and f(1) is not None"),
        ("range(3)", "assert f(1) == range(3) and 2 in f(1)"),
        ("int", "assert f(1) == int and f(1) is int"),
        ("len", "assert f(1) == len"),
    ],
)
def test_plain_answers_compare_as_before(value: str, tests: str) -> None:
    assert passes(LIBRARY + FORGED.format(value=value), tests)


def test_instances_of_one_class_of_the_program_compare_as_it_says() -> None:
    program = (
        "class P:\n    def __init__(self, x):\n        self.x = x\n"
        "    def __eq__(self, other):\n        return self.x == other.x\n"
        "    def __lt__(self, other):\n        return self.x < other.x\n"
    )
    assert passes(program, "assert P(1) == P(1) and P(1) != P(2) and P(1) < P(2) and P(1) in [P(1)]")
    assert not passes(program, "assert P(1) == P(2)")


def test_tests_keep_what_has_to_come_first_and_what_is_no_python() -> None:
    assert passes("", "from __future__ import annotations\nassert 1 == 1\n")
    assert comparing_plainly("assert (") == "assert ("
    assert not passes("", "assert 1 == 2")
