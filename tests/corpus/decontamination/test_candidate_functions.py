import pytest

from coma_cli.corpus.decontamination.candidate_functions import MANY, Arity, candidates_in, renamed


def found(*texts):
    return list(candidates_in(texts))


def test_a_function_takes_with_it_what_it_needs_and_nothing_else():
    (main, helper) = found(
        "import math\nimport os\n\nRATE = 2.5\nUNUSED = 3\n\n\ndef helper(x):\n    return x * RATE\n\n\n"
        "def main(value: int, times: Unknown = 2) -> List[int]:\n    '''Says what it does.'''\n    # and how\n"
        "    return math.floor(helper(value)) * times\n\n\nprint(main(3))\nanswer = main(4)\n"
    )[::-1]
    assert main.program == (
        "import math\nRATE = 2.5\n\ndef helper(x):\n    return x * RATE\n\ndef main(value, times=2):\n"
        "    return math.floor(helper(value)) * times"
    )
    assert main.arity == Arity(1, 2)
    assert helper.program == "RATE = 2.5\n\ndef helper(x):\n    return x * RATE"


def test_equal_functions_are_one_whatever_their_comments_and_layout():
    one, other = found("def f(a):\n    return a+1\n", "def f(a: int):\n    '''Add.'''\n\n    return (a + 1)  # done\n")
    assert one.key == other.key
    assert found("def f(a):\n    return a + 2\n")[0].key != one.key


@pytest.mark.parametrize(
    ("code", "function", "arity"),
    [
        ("f = lambda x, y=1: x + y", "f", Arity(1, 2)),
        ("def f(*values):\n    return sum(values)", "f", Arity(0, MANY)),
        ("class A:\n    def f(self, x):\n        return x", "A().f", Arity(1, 1)),
        (
            "class A:\n    def __init__(self, k=1):\n        self.k = k\n    def f(self, x):\n        return x",
            "A().f",
            (1, 1),
        ),
        ("class A:\n    @staticmethod\n    def f(x, y):\n        return x", "A.f", Arity(2, 2)),
        ("Here it is:\n```python\ndef f(x):\n    yield x\n```\nThat is all.", "f", Arity(1, 1)),
        ("def f(x):\n    return math.sqrt(x)", "f", Arity(1, 1)),
    ],
)
def test_functions_and_methods_that_can_be_called_are_candidates(code, function, arity):
    (candidate,) = found(code)
    assert (candidate.function, candidate.arity) == (function, arity)


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    return 1",
        "def f(x):\n    print(x)",
        "def f(self, x):\n    return x",
        "def f(x):\n    return unknown(x)",
        "def f(x):\n    return input(x)",
        "import requests\n\ndef f(x):\n    return requests.get(x)",
        "import random\n\ndef f(x):\n    return random.choice(x)",
        "def f(x, *, key):\n    return x",
        "class A:\n    def __init__(self, k):\n        self.k = k\n    def f(self, x):\n        return x",
        "function f(x) { return x; } // def",
        f"def f(x):\n    return {' + '.join(['x'] * 3000)}",
        "def f(x):\n    return f'\ud800{x}'",
    ],
)
def test_what_can_not_run_by_itself_or_depends_on_chance_is_no_candidate(code):
    assert found(code) == []


@pytest.mark.parametrize(
    ("code", "shared"),
    [
        ("def f(x):\n    return x", True),
        ("def f(x):\n    return eval(x)", False),
        ("import sys\n\ndef f(x):\n    return sys.exit(x)", False),
        ("import math\n\ndef f(x):\n    math.pi = x\n    return x", False),
        ("def f(x):\n    return x.__class__", False),
    ],
)
def test_what_may_reach_other_functions_runs_by_itself(code, shared):
    assert found(code)[0].shared == shared


def test_the_function_gets_the_name_that_tests_call():
    (candidate,) = found("class A:\n    def f(self, x):\n        return [x]")
    names: dict = {}
    exec(renamed(candidate, "wanted"), names)
    assert names["wanted"](1) == [1]


def test_a_helper_of_that_name_stays_what_it_is():
    candidate = found("def wanted(x):\n    return x + 1\n\ndef f(x):\n    return wanted(x) * 10\n")[1]
    names: dict = {}
    exec(renamed(candidate, "wanted"), names)
    assert names["wanted"](1) == 20


@pytest.mark.parametrize(("counts", "fits"), [((2,), True), ((1, 3), True), ((0,), False), ((2, 4), False), ((), True)])
def test_every_call_of_the_tests_has_to_fit(counts, fits):
    assert Arity(1, 3).fits(counts) == fits
