import gzip
import json

import pytest

from coma_cli.corpus.decontamination.benchmark_index import BenchmarkIndex
from coma_cli.corpus.decontamination.decontaminate import contamination
from coma_cli.corpus.decontamination.reference_files import file_problems, read_file, reference_rows
from coma_cli.errors import MissingInputError
from tests.corpus.rows import example

ALPACA = {"instruction": "Sum up.", "input": "1 and 2", "output": "3"}
TURNS = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


def write(path, rows, form="lines"):
    text = json.dumps(rows) if form == "array" else "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if form == "gzip" else text.encode())
    return path


@pytest.mark.parametrize("form", ["lines", "array", "gzip"])
def test_rows_are_read_from_any_form_of_file(tmp_path, form):
    (row,) = read_file(write(tmp_path / "rows", [ALPACA], form))
    assert row == ("1", "Sum up.", "1 and 2", "3", "")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"id": 7, **ALPACA}, ("7", "Sum up.", "1 and 2", "3", "")),
        ({"prompt": "a", "completion": "b"}, ("1", "a", "", "b", "")),
        ({"task_id": 3, "text": "a", "code": "b"}, ("3", "a", "", "b", "")),
        (
            {"task_id": "H/1", "prompt": "def f():\n", "canonical_solution": "    pass", "entry_point": "f"},
            ("H/1", "def f():\n", "", "    pass", "f"),
        ),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
            ("1", "a", "", "b", ""),
        ),
        ({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}, ("1", "a", "", "b", "")),
        ({"instruction": "a", "input": None, "output": ""}, ("1", "a", "", "", "")),
        (example(1).to_row(), ("row-1", example(1).instruction, "", example(1).output, "")),
    ],
)
def test_rows_are_read_from_the_usual_columns(tmp_path, row, expected):
    assert tuple(next(iter(read_file(write(tmp_path / "rows", [row]))))) == expected


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no file"),
        (b"", "holds no rows"),
        (b"[]", "holds no rows"),
        (b'{"a": "b"}\n', "it has a"),
        (b"[1]", "row 1: a JSON int, not an object"),
        (b'[{"text": "a"}', "not a whole JSON array"),
        (b"{broken\n", "not valid JSON"),
        (gzip.compress(b'{"text": "a"}\n' * 99)[:-20], "gzip"),
        (gzip.compress(b'[{"text": "a"}]')[:-9], "broken gzip"),
    ],
)
def test_a_bad_file_is_an_error_that_names_it(tmp_path, content, words):
    path = tmp_path / "rows.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MissingInputError, match=words) as error:
        list(read_file(path))
    assert "rows.jsonl" in error.value.message
    assert error.value.exit_code == 3


def test_an_input_is_a_reference_of_its_own(tmp_path):
    rows = list(reference_rows(write(tmp_path / "theirs.jsonl", [ALPACA])))
    assert [(row.instruction, row.input, row.output) for row in rows] == [
        ("Sum up.", "1 and 2", "3"),
        ("1 and 2", "", ""),
    ]
    assert {(row.origin.path, row.origin.row) for row in rows} == {("theirs.jsonl", "1")}
    assert len({row.id for row in rows}) == 2


def test_problems_of_a_file_are_a_benchmark(tmp_path):
    prompt = 'def area(width, height):\n    """The area of a rectangle with sides of the given width and height."""\n'
    rows = [
        {"task_id": "A/1", "prompt": prompt, "canonical_solution": "    return width * height", "entry_point": "area"},
        {"question": "Which of the many roads that lead to Rome is the shortest?", "answer": "x = 1"},
    ]
    index = BenchmarkIndex()
    index.add("own.jsonl", file_problems(write(tmp_path / "own.jsonl", rows)))
    assert index.problems["own.jsonl"] == 2
    copied = example(1, output="def area(width, height):\n    result: int = width * height\n    return result")
    assert contamination(copied, index).level == 2
    asked = example(1, instruction="Which of the many roads that lead to Rome is the shortest?")
    assert contamination(asked, index).problem == "2"
