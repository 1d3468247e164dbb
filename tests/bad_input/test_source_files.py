"""What every source of rows in tables makes of broken files: an error that names the file, never a row."""

import gzip
import json

import pytest

from coma_cli.catalog.sources import SOURCES
from coma_cli.formats.data_file import BrokenSourceError
from tests.catalog.sources.forms import read
from tests.catalog.sources.row_forms import lines, reasons, write, write_zip

FUNCTION = {"repo": "o/r", "path": "a", "func_name": "f", "language": "python", "docstring": "Do it now.", "url": "u"}
# The place of a file of each source, and one good row.
TABLES = {
    "codegpt": ("code-medium/Java", {"user": "问", "assistant": "```\nint n = 1;\nSystem.out.println(n);\n```"}),
    "conala": ("conala-train", {"question_id": 1, "intent": "f", "rewritten_intent": None, "snippet": "f()"}),
    "staqc": ("train_staqc", {"idx": 1, "doc": "f", "code": "f()", "label": 1}),
    "code_contests": (
        "code_contests_train",
        {"name": "a", "description": "x", "solutions": {"language": [3], "solution": ["x"]}},
    ),
    "codealpaca": ("code_alpaca_20k", {"instruction": "i", "input": "", "output": "x"}),
    "codesearchnet": ("python/final/jsonl/train/python_train_0", {**FUNCTION, "code": "def f(): x()"}),
    "codexglue_code_to_text": (
        "dataset/ruby/train",
        {**FUNCTION, "language": "ruby", "code": "def f\n  x\nend", "docstring_tokens": ["Do", "it", "now"]},
    ),
    "codexglue_defect_detection": ("dataset/train", {"func": "int f() { return 1; }", "target": 1}),
    "mbpp": ("mbpp", {"task_id": 601, "test_list": ["assert f()"], "text": "Do it.", "code": "def f(): pass"}),
    "codecapybara_seed": ("python/train", {"code": "x = 1"}),
    "codecapybara_generated": (
        "generated_data",
        {"code": "x", "instruction": "i", "language": "go", "pass_1st": True, "pass_2nd": True, "gen_code": "x"},
    ),
}
BREAKS = {
    "truncated gzip": lambda text: (packed := gzip.compress(text * 99))[: len(packed) - 12],
    "wrong encoding": lambda text: "é".encode("latin-1") + text,
    "cut array": lambda text: b"[" + text.rstrip().replace(b"\n", b",") + b",",
    "empty": lambda text: b"",
    "empty array": lambda text: b"[]",
    "other columns": lambda text: b'{"other": 1}\n' * 3,
    "no objects": lambda text: b"[1]\n[2]\n",
    "plain text": lambda text: b"Not found\n",
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("damage", BREAKS)
def test_a_broken_file_breaks_its_source(tmp_path, name, damage):
    place, row = TABLES[name]
    path = write(tmp_path / f"{place}.jsonl", BREAKS[damage](lines([row]).encode()))
    with pytest.raises(BrokenSourceError) as error:
        read(SOURCES[name], tmp_path)
    assert str(path) in error.value.message
    assert error.value.hint


@pytest.mark.parametrize("name", TABLES)
def test_a_truncated_archive_breaks_its_source(tmp_path, name):
    place, row = TABLES[name]
    path = write_zip(tmp_path / "all.zip", {f"{place}.jsonl": lines([row] * 9)})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BrokenSourceError, match=r"all\.zip"):
        read(SOURCES[name], tmp_path)


@pytest.mark.parametrize("name", TABLES)
def test_an_array_where_lines_were_expected_and_the_reverse_are_the_same(tmp_path, name):
    place, row = TABLES[name]
    write(tmp_path / "a" / f"{place}.jsonl", json.dumps([row]))
    write(tmp_path / "b" / f"{place}.jsonl", lines([row]))
    assert read(SOURCES[name], tmp_path / "a") == read(SOURCES[name], tmp_path / "b")


@pytest.mark.parametrize("name", TABLES)
def test_rows_without_a_column_or_with_null_are_rejected(tmp_path, name):
    place, row = TABLES[name]
    needed = list(row)[-1] if name != "codecapybara_generated" else "instruction"
    without = {column: value for column, value in row.items() if column != needed}
    other = {**row, needed: None, "idx": 7, "name": "b", "url": "v", "task_id": 602}
    write(tmp_path / f"{place}.jsonl", lines([row, without, other]))
    found = read(SOURCES[name], tmp_path)
    (missing, detail), (null, _) = reasons(found)
    assert missing == "missing-column"
    assert needed in detail
    assert all(column in detail for column in without)
    assert null == "broken-row"
