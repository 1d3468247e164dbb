import json
import pickle

import pytest

from coma_cli.catalog.material import Exercise, Instruction
from coma_cli.catalog.sources import SOURCES, codealpaca, mbpp
from coma_cli.catalog.tasks import TASKS
from coma_cli.formats.data_file import Shard
from coma_cli.formats.rejected import Rejected
from coma_cli.languages import same_python
from tests.requirements import package, shared_data


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def read(source, path):
    return [entry for shard in source.find(path) for entry in source.read(shard)]


@pytest.mark.parametrize("source", SOURCES.values(), ids=lambda s: s.name)
def test_an_entry_states_its_origin_and_its_tasks(source):
    assert source.url.startswith("https://")
    assert source.licence
    assert source.citation
    assert set(source.tasks) <= set(TASKS)
    assert source.bytes_per_row > 0
    assert pickle.loads(pickle.dumps(source)).name == source.name  # it travels to worker processes


ALPACA_ROWS = [
    {"instruction": " Print it in Python. ", "input": "", "output": "print('it')\r\n"},
    {"instruction": "Add.", "input": "< noinput >", "output": "def add(a, b):\n    return a + b"},
    {"instruction": "Sort.", "input": "[3, 1]\r\n", "output": "[1, 3]"},
    {"instruction": "Blank.", "input": "", "output": "  \n"},
    {"instruction": "Null.", "input": "", "output": None},
    {"instruction": "Odd.", "input": 7, "output": "x"},
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


def mbpp_row(task_id, **changes):
    row = {
        "text": "Write a function to add. ",
        "code": "def add(a, b):\r\n\treturn a + b \r\n",
        "task_id": task_id,
        "test_setup_code": "",
        "test_list": ["assert add(1, 2) == 3\r\n", "assert add(0, 0) == 0", "assert add(2, 2) == 4"],
        "challenge_test_list": [],
    }
    return {**row, **changes}


def test_mbpp_gives_the_train_split_only(tmp_path):
    rows = [mbpp_row(n) for n in (1, 10, 11, 510, 511, 600, 601, 974, 975)]
    path = write(tmp_path / "mbpp.jsonl", "\n".join(json.dumps(row) for row in rows))
    found = read(mbpp.SOURCE, path)
    assert [e.origin.row for e in found] == ["task_id 601", "task_id 974"]
    assert found[0] == Exercise(
        language="python",
        statement="Write a function to add.",
        tests=("assert add(1, 2) == 3", "assert add(0, 0) == 0", "assert add(2, 2) == 4"),
        solution="def add(a, b):\n    return a + b",
        licence="CC-BY-4.0",
        origin=found[0].origin,
    )


def test_mbpp_accepts_sanitized_rows_setup_code_and_string_ids(tmp_path):
    rows = [mbpp_row("Mbpp/700", test_setup_code="X = 1", text=None, prompt="Write it."), mbpp_row(701, test_list="no")]
    found = read(mbpp.SOURCE, write(tmp_path / "any.json", rows))
    assert found[0].solution.startswith("X = 1\n\ndef add")
    assert found[0].statement == "Write it."
    assert isinstance(found[1], Rejected)


def test_tidying_never_changes_a_program():
    code = 'def f():\n\tx = """\n a \t\n"""\n\treturn x  '
    assert mbpp.tidy(code) == code
    assert mbpp.tidy("def f():\n\treturn 1  \n") == "def f():\n    return 1"


def test_the_real_mbpp_file():
    path = shared_data() / "mbpp" / "mbpp.jsonl"
    found = read(mbpp.SOURCE, path.parent)
    assert [e.origin.row for e in found] == [f"task_id {n}" for n in range(601, 975)]
    raw = {row["task_id"]: row for row in map(json.loads, path.read_text().splitlines())}
    for exercise in found:
        row = raw[int(exercise.origin.row.split()[1])]
        setup = row["test_setup_code"].replace("\r\n", "\n")
        assert same_python(exercise.solution, f"{setup}\n{row['code']}".replace("\r\n", "\n"))
        assert "\r" not in exercise.solution + exercise.statement + "".join(exercise.tests)
        assert len(exercise.tests) == 3
    assert [e.origin.row for e in found if "\t" in e.solution] == ["task_id 669"]  # inside of a string


def test_the_hub_format_gives_the_same_rows(tmp_path):
    package("pyarrow", "train")
    import pyarrow
    import pyarrow.parquet

    rows = [mbpp_row(n) for n in (601, 602)]
    target = tmp_path / "full" / "train-00000-of-00001.parquet"
    target.parent.mkdir()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), target)
    raw = write(tmp_path / "raw.jsonl", "\n".join(json.dumps(row) for row in rows))
    from_hub = read(mbpp.SOURCE, tmp_path)
    from_raw = list(mbpp.read(Shard(raw, "full/train-00000-of-00001.parquet", mbpp.LICENCE)))
    assert from_hub == from_raw
    alpaca = tmp_path / "alpaca" / "data" / "train.parquet"
    alpaca.parent.mkdir(parents=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ALPACA_ROWS[:4]), alpaca)
    assert [e.output for e in read(codealpaca.SOURCE, tmp_path / "alpaca") if isinstance(e, Instruction)] == [
        "print('it')",
        "def add(a, b):\n    return a + b",
        "[1, 3]",
    ]
