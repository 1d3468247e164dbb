from collections import Counter

import pytest

from coma_cli.catalog.material import Instruction
from coma_cli.catalog.sources import codealpaca
from coma_cli.formats.rejected import Rejected
from tests.catalog.sources.forms import read
from tests.catalog.sources.row_forms import write
from tests.requirements import shared_data

ALPACA_ROWS = [
    {"instruction": " Print it in Python. ", "input": "", "output": "print('it')\r\n"},
    {"instruction": "Add.", "input": "< noinput >", "output": "def add(a, b):\n    return a + b"},
    {"instruction": "Sort.", "input": "[3, 1]\r\n", "output": "sort([3, 1]);"},
    {"instruction": "Sort in PHP.", "input": "[3, 1]\r\n", "output": "sort([3, 1]);"},
    {"instruction": "Blank.", "input": "", "output": "  \n"},
    {"instruction": "Null.", "input": "", "output": None},
    {"instruction": "Odd.", "input": [7], "output": "x"},
]


def test_codealpaca_rows_are_cleaned(tmp_path):
    found = read(codealpaca.SOURCE, write(tmp_path / "code_alpaca_20k.json", ALPACA_ROWS))
    rows = [e for e in found if isinstance(e, Instruction)]
    assert [(r.instruction, r.input, r.output, r.language) for r in rows] == [
        ("Print it in Python.", "", "print('it')", "python"),
        ("Add.", "", "def add(a, b):\n    return a + b", "python"),
        ("Sort.", "[3, 1]", "sort([3, 1]);", "unspecified"),
        ("Sort in PHP.", "[3, 1]", "sort([3, 1]);", "php"),
    ]
    assert [(e.reason, e.origin.row) for e in found if isinstance(e, Rejected)] == [
        ("empty-output", "5"),
        ("broken-row", "6"),
        ("broken-row", "7"),
    ]
    assert {r.licence for r in rows} == {"CC-BY-NC-4.0"}


@pytest.mark.parametrize("absent", ["<noinput>", "< noinput >", "<No Input>", "No input", "N/A", "none", "<no-input>"])
def test_a_spelled_out_absence_is_not_an_input(tmp_path, absent):
    path = write(tmp_path / "x.json", [{"instruction": "Do it in PHP.", "input": absent, "output": "f();"}])
    assert read(codealpaca.SOURCE, path)[0].input == ""


@pytest.mark.parametrize("given", ["nonexistent", "no inputs are valid", "None of them", "n = 10"])
def test_other_inputs_stay(tmp_path, given):
    path = write(tmp_path / "x.json", [{"instruction": "Do it in PHP.", "input": given, "output": "f();"}])
    assert read(codealpaca.SOURCE, path)[0].input == given


def test_codealpaca_files_are_all_but_the_seeds(tmp_path):
    for name in ("code_alpaca_2k.json", "new_codealpaca.json", "seed_tasks.jsonl"):
        write(tmp_path / name, [])
    assert [s.name for s in codealpaca.find(tmp_path)] == ["code_alpaca_2k.json", "new_codealpaca.json"]


def test_the_real_codealpaca_slices():
    folder = shared_data() / "codealpaca"
    by_file = {s.name: list(codealpaca.read(s)) for s in codealpaca.find(folder)}
    assert {name: len(rows) for name, rows in by_file.items()} == {
        "code_alpaca_2k.json": 1400,
        "new_codealpaca.json": 1200,
    }
    found = [e for rows in by_file.values() for e in rows]
    assert Counter(e.reason for e in found if isinstance(e, Rejected)) == {
        "no-code": 169,
        "does-not-parse": 52,
        "undefined-name": 20,
        "known-mistake": 5,
        "unfinished-code": 3,
        "empty-output": 1,
        "no-code-given": 1,
    }
    assert by_file["code_alpaca_2k.json"][0].reason == "no-code"  # the distinct values of a list, in a sentence
    second = by_file["new_codealpaca.json"][1]
    assert (second.instruction, second.input, second.language) == (
        "How can you implement a basic web server using Node.js and the Express.js framework?",
        "port: 3000",
        "javascript",
    )
    assert (second.origin.path, second.origin.row) == ("new_codealpaca.json", "2")
    assert by_file["new_codealpaca.json"][0].language == "cpp"


def rejected(tmp_path, **row):
    path = write(tmp_path / "x.json", [{"instruction": "Do it in Python.", "input": "", **row}])
    return [(e.reason, e.detail) for e in read(codealpaca.SOURCE, path)]


def test_answers_without_code_or_with_holes_are_rejected(tmp_path):
    assert rejected(tmp_path, output="A tuple is a sequence of values that can not change.") == [("no-code", "")]
    assert rejected(tmp_path, output="def f(n):\n    return g(n)") == [("undefined-name", "g")]
    assert rejected(tmp_path, output="def f(n):\n    # your code here\n    pass") == [
        ("unfinished-code", "# your code here")
    ]
    assert rejected(tmp_path, instruction="Fix the following code.", output="f()") == [("no-code-given", "")]


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        ("print(sqrt)\n\n# Output\n1\n2 3", "print(sqrt)"),
        ("print(1)\n# Output:\n# 1", None),  # a comment of the program
        ("x = 1\n# Output:\nprint(x)", None),
        ("print(math.pi)", "import math\nprint(math.pi)"),
    ],
)
def test_answers_are_repaired_where_that_is_certain(tmp_path, output, answer):
    path = write(tmp_path / "x.json", [{"instruction": "Print sqrt in Python.", "input": "", "output": output}])
    (row,) = read(codealpaca.SOURCE, path)
    assert row.output == (output if answer is None else answer)
