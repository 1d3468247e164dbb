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
    {"instruction": "Sort.", "input": "[3, 1]\r\n", "output": "[1, 3]"},
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
        ("Sort.", "[3, 1]", "[1, 3]", "unspecified"),
    ]
    assert [(e.reason, e.origin.row) for e in found if isinstance(e, Rejected)] == [
        ("empty-output", "4"),
        ("broken-row", "5"),
        ("broken-row", "6"),
    ]
    assert {r.licence for r in rows} == {"CC-BY-NC-4.0"}


@pytest.mark.parametrize("absent", ["<noinput>", "< noinput >", "<No Input>", "No input", "N/A", "none", "<no-input>"])
def test_a_spelled_out_absence_is_not_an_input(tmp_path, absent):
    path = write(tmp_path / "x.json", [{"instruction": "Do.", "input": absent, "output": "done"}])
    assert read(codealpaca.SOURCE, path)[0].input == ""


@pytest.mark.parametrize("given", ["nonexistent", "no inputs are valid", "None of them", "n = 10"])
def test_other_inputs_stay(tmp_path, given):
    path = write(tmp_path / "x.json", [{"instruction": "Do.", "input": given, "output": "done"}])
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
    (blank,) = [e for rows in by_file.values() for e in rows if isinstance(e, Rejected)]
    assert blank.reason == "empty-output"
    first = by_file["code_alpaca_2k.json"][0]
    assert first == Instruction(
        language="unspecified",
        instruction="What are the distinct values from the given list?",
        input="dataList = [3, 9, 3, 5, 7, 9, 5]",
        output="The distinct values from the given list are 3, 5, 7 and 9.",
        licence="CC-BY-NC-4.0",
        origin=first.origin,
    )
    assert (first.origin.path, first.origin.row) == ("code_alpaca_2k.json", "1")
    assert by_file["new_codealpaca.json"][0].language == "cpp"
