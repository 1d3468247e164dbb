"""Generic names: what differs in names only becomes equal, and no name changes that something could see."""

import pytest

from coma_cli.catalog.benchmarks import LoadedBenchmark
from coma_cli.corpus.decontamination.candidate_functions import candidates_in, renamed
from coma_cli.corpus.decontamination.generic_names import names_of_tests, with_generic_names
from coma_cli.corpus.decontamination.solvable_problems import solvable
from tests.corpus.decontamination.problems import HOSTILE, OWN, problem

NESTED = """
def outer(values, *rest, start=0, **named):
    total = start
    def inner(value):
        nonlocal total
        total += value
        return [other for other in values if (twice := other * 2) > value]
    return [inner(v) for v in values], total, (lambda x, y=total: x + y)(1), rest
"""


def generic(text, kept=frozenset()):
    *_, candidate = candidates_in([text])
    return with_generic_names(candidate, kept)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("def add(a, b):\n    return a + b\n", "def plus(x, y):\n    return x + y\n"),
        ("def f(numbers):\n    return numbers[0]\n", "def f(array):\n    return array[0]\n"),
        ("half = lambda n: n / 2\n", "part = lambda whole: whole / 2\n"),
        (
            "LIMIT = 3\ndef low(v):\n    global LIMIT\n    return v < LIMIT\n",
            "M = 3\ndef f(v):\n    global M\n    return v < M\n",
        ),
        (NESTED, NESTED.replace("value", "item").replace("total", "result").replace("inner", "walk")),
        (
            "class A:\n    def run(self, text):\n        return text[0]\n",
            "class A:\n    def run(this, s):\n        return s[0]\n",
        ),
    ],
)
def test_what_differs_in_names_only_becomes_equal(text, other):
    assert generic(text).key == generic(other).key
    assert generic(text).names == generic(other).names


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("def f(a, b):\n    return a - b\n", "def f(b, a):\n    return a - b\n"),
        ("def f(a):\n    return a.real\n", "def f(a):\n    return a.imag\n"),
        ("def f(a):\n    return max(a)\n", "def f(a):\n    return min(a)\n"),
        ("def f(a):\n    return 'b' in a\n", "def f(a):\n    return 'c' in a\n"),
        ("def f(a, b):\n    return f(a, b=b)\n", "def f(a, c):\n    return f(a, c=c)\n"),
        ("def f(a):\n    max = a\n    return max\n", "def f(a):\n    min = a\n    return min\n"),
    ],
)
def test_other_functions_stay_apart(text, other):
    assert generic(text).key != generic(other).key


@pytest.mark.parametrize(
    "text",
    [
        "def f(a):\n    return locals()\n",
        "def f(a):\n    return eval('a')\n",
        "def f(a):\n    return f.__name__\n",
        "def f(a):\n    return __name__\n",
        "def f(a):\n    try:\n        return f()\n    except TypeError as error:\n        return str(error)\n",
        "def g(a):\n    return a\ndef f(a):\n    return g(**a)\n",
        "import sys\ndef f(a):\n    return sys.getsizeof(a)\n",
        "def f(a):\n    match a:\n        case [x]:\n            return x\n",
        "def f(_n0, a):\n    return _n0 + a\n",
    ],
)
def test_a_program_that_could_see_its_names_keeps_them(text):
    *_, candidate = candidates_in([text])
    assert generic(text) == candidate


def test_names_that_something_uses_by_their_text_stay():
    text = (
        "from collections import Counter as C, namedtuple\n"
        "P = namedtuple('P', 'left right')\n"
        "class Box:\n    size = 1\n    def get(self, __x):\n        return self.size\n"
        "def make(left, right, size, wanted):\n    found = C(wanted)\n"
        "    return P(left, right), Box().get(size), found\n"
    )
    made = generic(text, frozenset({"wanted"})).program
    for name in ("P", "left", "right", "Box", "size", "get", "C", "__x", "wanted"):
        assert name in made
    assert "make" not in made
    assert "found" not in made


def test_names_that_tests_use_are_known():
    tests = "assert double(value=2) == 4\nassert Helper().run(1) == 1\n"
    setup = "def call(f):\n    return f(other=1)\n"
    entry = problem(4, "double", tests, "", entry_points=("double", "Helper"), setup=setup)
    problems = solvable([LoadedBenchmark("own", (entry,), "tests", "0" * 64)])
    assert names_of_tests(problems) == {"value", "other", "Helper"}


@pytest.mark.parametrize("entry", OWN.problems, ids=lambda entry: entry.task_id)
def test_references_with_generic_names_pass_their_tests(entry):
    for candidate in candidates_in([entry.reference]):
        made = with_generic_names(candidate, names_of_tests(solvable([OWN])))
        names = {}
        exec(renamed(made, entry.entry_point), names)
        exec(entry.tests, names)


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_functions_can_be_read(kind):
    for candidate in candidates_in([HOSTILE[kind]]):
        compile(with_generic_names(candidate, frozenset()).program, kind, "exec")
