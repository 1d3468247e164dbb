import gzip
import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.corpus.decontamination.decontaminate import BenchmarkIndex, contaminations
from coma_cli.corpus.decontamination.normalized_ast import codes_in, skeletons, units
from coma_cli.corpus.decontamination.solutions import MIN_WEIGHT, SolutionIndex
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


def alone(code, name="x"):
    made = SolutionIndex()
    made.add([(name, code)])
    return made


def found(index, text):
    """The owner that is found."""
    return next((copy.owner for _, copy in index.copies([text])), None)


def shapes(code):
    return [unit.shape.text for unit in units(code)]


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
    assert found(alone(SOLUTION), copy) == "x"


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
    assert found(alone(SOLUTION), other) is None


def test_the_piece_that_is_shown_is_the_function():
    ((number, hit),) = alone(SOLUTION).copies(["", f"x = 1\n\n{SOLUTION}\ny = 2", SOLUTION], known={2})
    assert (number, hit.shared) == (1, SOLUTION)


def test_a_small_body_counts_only_under_its_own_name():
    index = alone("def add(x, y):\n    return x + y")
    assert found(index, "def Add(first, second):\n    return first + second") == "x"
    assert found(index, "def total(x, y):\n    return x + y") is None


def test_what_three_problems_share_is_an_idiom():
    for count in (2, 3):
        index = SolutionIndex()
        index.add([(n, SOLUTION.replace("prefix", f"f{n}")) for n in range(count)])
        assert (found(index, SOLUTION) is None) is (count == 3)


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
    index = alone(SOLUTION)
    index.find(text, skeletons([text]).hashes)
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
    """All but those that say too little once their names are gone (45 of 794), and these only when renamed."""
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
    assert len(lost) <= 0.06 * len(problems)


@pytest.mark.parametrize("name", ["humaneval+", "mbpp+"])
def test_solutions_that_evalplus_wrote_anew_are_removed(name):
    planted = BENCHMARKS[name].load(shared_data()).problems
    made = BenchmarkIndex()
    made.add(name, planted)
    for change in (renamed, reindented):
        rows = [example(n, instruction="Do it.", output=change(without_question(p))) for n, p in enumerate(planted)]
        assert rows_found(made, rows).count(False) <= (0.08 if change is renamed else 0) * len(rows)


def test_bodies_without_their_header_are_removed(problems, index):
    """HumanEval's solutions are published so. What is missed says too little, or calls what only the header tells."""
    pairs = [(p, body) for p in problems if (body := body_of(p)) is not None]
    rows = [example(n, instruction="Do it.", output=body) for n, (_, body) in enumerate(pairs)]
    missed = rows_found(index, rows).count(False)
    assert missed <= 0.1 * len(pairs)


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
