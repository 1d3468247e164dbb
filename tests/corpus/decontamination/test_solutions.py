import gzip
import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.corpus.decontamination.benchmark_index import BenchmarkIndex
from coma_cli.corpus.decontamination.decontaminate import contaminations
from coma_cli.corpus.decontamination.normalized_ast import codes_in, skeletons, units
from coma_cli.corpus.decontamination.solutions import (
    MIN_NAMED_WEIGHT,
    MIN_WEIGHT,
    Solutions,
    add_solutions,
    keys_of,
)
from coma_cli.corpus.decontamination.tables import Tables
from coma_cli.records import Problem
from tests.corpus.planting import body_of, reindented, renamed, with_other_comments, without_question
from tests.corpus.rows import SOLUTION, example
from tests.requirements import shared_data


@pytest.fixture(scope="module")
def problems():
    loaded = [BENCHMARKS[name].load(shared_data()) for name in ("mbpp", "mbpp-sanitized")]
    return [p for bench in (BENCHMARKS["humaneval"].load(), *loaded) for p in bench.problems]


@pytest.fixture(scope="module")
def index(problems):
    made = BenchmarkIndex()
    for bench in dict.fromkeys(p.bench for p in problems):
        made.add(bench, [p for p in problems if p.bench == bench])
    return made


def task(code, name="x"):
    return Problem(
        task_id=name, bench="b", prompt="", instruction="", prompt_code="", tests="", reference=code, cpu_limit_s=1
    )


def searched(*codes, common=frozenset()):
    """The search for solutions, whose problems are named x, y, z."""
    tables = Tables()
    add_solutions(tables, "b", [task(code, name) for code, name in zip(codes, "xyz", strict=False)], common)
    return tables, Solutions(tables)


def found(index, text):
    """The problem that is found."""
    tables, solutions = index
    return next((tables.owners[copy.owner].task_id for _, copy in solutions.copies([text])), None)


def shapes(code):
    return [unit.shape.text for unit in units(code) if unit.name]


@pytest.mark.parametrize(
    "copy",
    [
        SOLUTION,
        SOLUTION.replace("words", "texts").replace("prefix", "common"),
        SOLUTION.replace("    ", "\t"),
        SOLUTION.replace(":\n", ":  # so\n").replace(
            "\n    return first\n", "\n\n    # all of it\n    return (first)\n"
        ),
        f"Sure!\n\n```python\n{SOLUTION}\n```\nHave fun.",
        "\n".join(SOLUTION.splitlines()[1:]),
        "class Solver:\n    '''Mine.'''\n" + "\n".join(f"    {line}" for line in SOLUTION.splitlines()),
        f"{SOLUTION}\nprint 'that does not parse'",
        f"import os\n\n\ndef other(a):\n    return os.stat(a)\n\n\n{SOLUTION}\n\nprint(prefix(['a']))",
        SOLUTION.replace("(words)", "(words: list[str]) -> str", 1),
    ],
)
def test_a_copy_is_found(copy):
    assert found(searched(SOLUTION), copy) == "x"


@pytest.mark.parametrize(
    "other",
    [
        SOLUTION.replace("min", "sorted"),
        SOLUTION.replace("!=", "=="),
        SOLUTION.replace("return first[:n]", "return last[:n]"),
        SOLUTION.replace("words", "first"),
        "def f(x):\n    return x",
        "The words of the prefix return as they were.",
        "",
    ],
)
def test_another_program_is_not(other):
    assert found(searched(SOLUTION), other) is None


def test_the_piece_that_is_shown_is_the_function():
    _, solutions = searched(SOLUTION)
    ((number, copy),) = solutions.copies(["", f"x = 1\n\n{SOLUTION}\ny = 2"])
    assert (number, copy.shared) == (1, SOLUTION)


def test_a_small_body_counts_only_with_all_its_names():
    index = searched("def add(x, y):\n    return x + y")
    assert found(index, "def Add(x: int, y: int):\n    total = x + y\n    return total") == "x"
    assert found(index, "def add(first, second):\n    return first + second") is None
    assert found(index, "def total(x, y):\n    return x + y") is None


def test_a_body_of_middle_size_counts_under_its_own_name():
    code = "def shorter(one, other):\n    return one if len(one) < len(other) else other"
    (weight,) = (unit.shape.weight for unit in units(code))
    assert MIN_NAMED_WEIGHT <= weight < MIN_WEIGHT
    copy = "def shorter(a, b):\n    return a if len(a) < len(b) else b"
    assert found(searched(code), copy) == "x"
    assert found(searched(code), copy.replace("shorter", "other_name")) is None


def test_what_three_problems_share_is_an_idiom():
    for count in (2, 3):
        index = searched(*(SOLUTION.replace("prefix", f"f{n}") for n in range(count)))
        assert (found(index, SOLUTION) is None) is (count == 3)


def test_what_unrelated_programs_have_too_proves_nothing_unless_it_is_long():
    prime = "def {}(n):\n    for i in range(2, n):\n        if n % i == 0:\n            return False\n    return True"
    textbook, long = prime.format("is_prime"), LONG.format("collatz")
    common = {key for code in (textbook, long) for unit in units(code) for key in keys_of(unit)}
    assert found(searched(textbook), prime.format("test")) == "x"
    assert found(searched(textbook, common=common), textbook) is None
    assert found(searched(long, common=common), LONG.format("steps")) == "x"


LONG = """def {}(n):
    taken, highest = 0, n
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        taken += 1
        highest = max(n, highest)
    return dict(taken=taken, highest=highest)"""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("def f(a):\n    return a.x + 1", "def g(b):\n    return b.x + 1", True),
        ("def f(a):\n    return a.x + 1", "def g(b):\n    return b.y + 1", False),
        ("def f(a):\n    return a + 1", "def f(a):\n    return a + 2", False),
        ("def f(a):\n    return len(a)", "def f(a):\n    return sum(a)", False),
        ("def f(len):\n    return len", "def f(sum):\n    return sum", True),
        ("import math as m\ndef f(a):\n    return m.pi", "import math\ndef f(a):\n    return math.pi", True),
        ("def f(a):\n    return f(a - 1)", "def g(n):\n    return g(n - 1)", True),
        ("def f(a, b):\n    return a - b", "def f(a, b):\n    return b - b", False),
        ("def f(a):\n    x: int = a\n    return x", "def f(a):\n    x: str = a\n    return x", True),
        ("def f(a):\n    '''One.'''\n    return a", "def f(a):\n    return a", True),
        ("def f(a):\n    a += 1\n    return a", "def f(a):\n    a = a + 1\n    return a", True),
        ("def f(a):\n    return a > 1", "def f(a):\n    return 1 < a", True),
        ("def f(a):\n    return not a == 1", "def f(a):\n    return a != 1", True),
        ("def f(a):\n    print(a)\n    return a", "def f(a):\n    return a", True),
        ("def f(a):\n    b = len(a)\n    return b", "def f(a):\n    return len(a)", True),
        ("def f(a):\n    b, c = 1, a\n    return b, c, c", "def f(a):\n    c = a\n    b = 1\n    return b, c, c", True),
        ("N = 3\ndef f(a):\n    return a * N", "def f(a):\n    return a * 3", True),
        (
            "def f(a):\n    if a:\n        return 1\n    else:\n        return 2",
            "def f(a):\n    return 1 if a else 2",
            True,
        ),
        (
            "def f(a):\n    if not a:\n        g()\n    else:\n        h()",
            "def f(a):\n    if a:\n        h()\n    else:\n        g()",
            True,
        ),
        (
            "def f(a):\n    v = []\n    for x in a:\n        if x > 1:\n            v.append(x)\n    return v",
            "def f(a):\n    return [x for x in a if x > 1]",
            True,
        ),
        (
            "def f(a):\n    v = set()\n    for x in a:\n        v.add(x)\n    return v",
            "def f(a):\n    return {x for x in a}",
            True,
        ),
        (
            "def f(a):\n    v = {}\n    for x in a:\n        v[x] = 1\n    return v",
            "def f(a):\n    return {x: 1 for x in a}",
            True,
        ),
        (
            "def f(a):\n    v = 0\n    for x in a:\n        v += x\n    return v",
            "def f(a):\n    return sum(x for x in a)",
            True,
        ),
        (
            "def f(a):\n    for x in a:\n        if x:\n            return True\n    return False",
            "def f(a):\n    return any(x for x in a)",
            True,
        ),
        (
            "def f(a):\n    for x in a:\n        if x == 1:\n            return False\n    return True",
            "def f(a):\n    return all(x != 1 for x in a)",
            True,
        ),
        ("def f(a):\n    return list(map(lambda x: x + 1, a))", "def f(a):\n    return [x + 1 for x in a]", True),
        (
            "def f(a):\n    return list(filter(lambda x: x > 1, a))",
            "def f(a):\n    return [x for x in a if x > 1]",
            True,
        ),
        (
            "def f(a):\n    for i in a:\n        g(i)\n    i = 0\n    return i, i",
            "def f(a):\n    for j in a:\n        g(j)\n    k = 0\n    return k, k",
            True,
        ),
        (
            "def f(a):\n    v = [1]\n    for x in a:\n        v.append(x)\n    return v",
            "def f(a):\n    return [x for x in a]",
            False,
        ),
        ("def f(a):\n    a += 1\n    return a", "def f(a):\n    a -= 1\n    return a", False),
        (
            "def f(a, b):\n    x = a\n    y = b\n    return x / y, x, y",
            "def f(a, b):\n    x = a\n    y = b\n    return y / x, x, y",
            False,
        ),
        ("def f(a, b):\n    return a / b, a", "def f(a, b):\n    return a / b, b", False),
        ("class A:\n    def f(self):\n        self.x = 1", "class B:\n    def g(me):\n        me.y = 1", True),
    ],
)
def test_shapes(one, other, same):
    assert (shapes(one) == shapes(other)) is same


@pytest.mark.parametrize("code", ["def f(:", "", "\x00", "(" * 500, "x = " + "-" * 5000 + "1"])
def test_what_is_no_program_has_no_shape_and_breaks_nothing(code):
    assert isinstance(units(code), list)


@given(st.text(max_size=80))
@settings(max_examples=60)
def test_any_text_is_searched_without_a_crash(text):
    assert found(searched(SOLUTION), text) is None
    assert skeletons([text]).bounds.tolist()[0] == 0
    assert list(codes_in(text))


# --- all problems of the benchmarks, planted ---


def rows_found(index, rows):
    return [hit is not None for hit in contaminations(rows, index)]


CHANGES = {
    "verbatim": lambda code: code,
    "renamed": renamed,
    "re-indented": reindented,
    "reworded": with_other_comments,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_planted_row_is_removed(problems, index, change):
    rows = []
    for number, planted in enumerate(problems):
        question = planted.prompt if planted.prompt_code else planted.instruction.split("\n\n")[0]
        rows.append(example(number, instruction=question, output=change(planted.reference)))
    lost = [p.task_id for p, there in zip(problems, rows_found(index, rows), strict=True) if not there]
    assert lost == []


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_solution_alone_is_removed(problems, index, change):
    """All but those that say too little once their names are gone, and these only when renamed.

    Those have a weight below `MIN_WEIGHT`: a third. Most are textbook functions that honest rows hold as well.
    """
    rows = [example(n, instruction="Do it.", output=change(without_question(p))) for n, p in enumerate(problems)]
    lost = [p for p, there in zip(problems, rows_found(index, rows), strict=True) if not there]
    if change is not renamed:
        assert [p.task_id for p in lost] == []
    counts = Counter(text for p in problems for text in {unit.shape.text for unit in units(p.reference)})
    telling = [
        p.task_id
        for p in lost
        for unit in units(p.reference)
        if unit.shape.weight >= MIN_WEIGHT and counts[unit.shape.text] < 3
    ]
    assert telling == []
    assert len(lost) <= 0.35 * len(problems)


@pytest.mark.parametrize("name", ["humaneval+", "mbpp+"])
def test_solutions_that_evalplus_wrote_anew_are_removed(name):
    planted = BENCHMARKS[name].load(shared_data()).problems
    made = BenchmarkIndex()
    made.add(name, planted)
    for change in (renamed, reindented):
        rows = [example(n, instruction="Do it.", output=change(without_question(p))) for n, p in enumerate(planted)]
        assert rows_found(made, rows).count(False) <= (0.35 if change is renamed else 0) * len(rows)


def test_bodies_without_their_header_are_removed(problems, index):
    """HumanEval's solutions are published so. What is missed says too little, or calls what only the header tells."""
    pairs = [(p, body) for p in problems if (body := body_of(p)) is not None]
    rows = [example(n, instruction="Do it.", output=body) for n, (_, body) in enumerate(pairs)]
    missed = rows_found(index, rows).count(False)
    assert missed <= 0.35 * len(pairs)


def test_clean_rows_stay(index):
    """What is removed from rows that were not made from a benchmark: solutions of textbook problems both have."""
    alpaca = json.loads((shared_data() / "codealpaca" / "code_alpaca_2k.json").read_text(encoding="utf-8"))
    rows = [
        example(n, instruction=r["instruction"], input=r["input"], output=r["output"]) for n, r in enumerate(alpaca)
    ]
    hits = [hit for hit in contaminations(rows, index) if hit is not None]
    assert sum(hit.level == 2 for hit in hits) <= 0.012 * len(rows)
    functions = []
    for path in sorted(shared_data().glob("codesearchnet/python/**/*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as handle:
            functions += [json.loads(line)["code"] for line in handle]
    assert len(functions) > 250
    searched = [example(n, output=code) for n, code in enumerate(functions)]
    assert [hit for hit in contaminations(searched, index) if hit is not None] == []
