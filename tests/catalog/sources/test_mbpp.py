import json

from coma_cli.catalog.material import Exercise, Instruction
from coma_cli.catalog.sources import codealpaca, mbpp
from coma_cli.formats.data_file import Shard
from coma_cli.formats.rejected import Rejected
from coma_cli.languages import same_python
from tests.catalog.sources.forms import read
from tests.catalog.sources.row_forms import write
from tests.requirements import package, shared_data

ALPACA_ROWS = [
    {"instruction": " Print it in Python. ", "input": "", "output": "print('it')\r\n"},
    {"instruction": "Add.", "input": "< noinput >", "output": "def add(a, b):\n    return a + b"},
    {"instruction": "Sort in PHP.", "input": "[3, 1]\r\n", "output": "sort([3, 1]);"},
    {"instruction": "Blank.", "input": "", "output": "  \n"},
    {"instruction": "Null.", "input": "", "output": None},
    {"instruction": "Odd.", "input": [7], "output": "x"},
]


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
    # These five have statements behind a return.
    assert [e.origin.row for e in found if isinstance(e, Rejected)] == [
        f"task_id {n}" for n in (631, 664, 822, 916, 928)
    ]
    exercises = [e for e in found if isinstance(e, Exercise)]
    for exercise in exercises:
        row = raw[int(exercise.origin.row.split()[1])]
        setup = row["test_setup_code"].replace("\r\n", "\n")
        assert same_python(exercise.solution, f"{setup}\n{row['code']}".replace("\r\n", "\n"))
        assert "\r" not in exercise.solution + exercise.statement + "".join(exercise.tests)
        assert len(exercise.tests) == 3
    assert [e.origin.row for e in exercises if "\t" in e.solution] == ["task_id 669"]  # inside of a string


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
        "sort([3, 1]);",
    ]
