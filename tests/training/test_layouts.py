"""Rows of every layout that people have, told row by row."""

import gzip
import json

import pytest

from coma_cli.errors import MissingInputError
from coma_cli.jsonl import write_rows
from coma_cli.training.examples import ReadReport, choose_data, read_examples
from coma_cli.training.layouts import FittedRow, Turn, UnusableRow, fit_row
from coma_cli.workspace import Workspace
from tests.requirements import SHARED, package, skip_unless


def said(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


SHAREGPT = [
    {"from": "human", "value": "Add."},
    {"from": "gpt", "value": "1"},
    {"from": "human", "value": "More."},
    {"from": "gpt", "value": "2"},
]
MESSAGES = [said("system", "Be short."), said("user", "Add."), said("assistant", "1")]
ONE = ("Add.", "1")
TWO = (Turn("Add.", "1"),)


@pytest.mark.parametrize(
    ("row", "fitted"),
    [
        ({"instruction": "Add.", "input": "", "output": "1"}, FittedRow("instruction, input, output", *ONE)),
        ({"prompt": "Add.", "completion": "1", "id": 3}, FittedRow("prompt, completion", *ONE)),
        ({"question": "Add.", "answer": "1"}, FittedRow("question, answer", *ONE)),
        ({"instruction": "Add.", "gen_code": "1"}, FittedRow("instruction, gen_code", *ONE)),
        (
            {"instruction": "Add.", "context": "x", "response": "1"},
            FittedRow("instruction, context, response", *ONE, input="x"),
        ),
        (
            {"instruction": "More.", "output": "2", "history": [["Add.", "1"]], "system": "Be short."},
            FittedRow("instruction, output", "More.", "2", system="Be short.", earlier=TWO),
        ),
        ({"messages": MESSAGES}, FittedRow("messages", *ONE, system="Be short.")),
        ({"conversations": SHAREGPT}, FittedRow("conversations", "More.", "2", earlier=TWO)),
        (
            {"conversation": [{"human": "Add.", "assistant": "1"}, {"human": "More.", "assistant": "2"}]},
            FittedRow("conversation", "More.", "2", earlier=TWO),
        ),
        (
            {"prompt": [said("user", "Add.")], "completion": [said("assistant", "1")]},
            FittedRow("prompt, completion (messages)", *ONE),
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "Add."}]}, said("assistant", "1")]},
            FittedRow("messages", *ONE),
        ),
        ({"messages": [said("assistant", "Hello!"), *MESSAGES[1:], said("user", "?")]}, FittedRow("messages", *ONE)),
    ],
)
def test_layouts_are_told_by_the_columns_of_a_row(row, fitted):
    assert fit_row(row, {}) == fitted


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"frage": "x", "antwort": "y"}, "unknown columns"),
        ({"instruction": "x", "output": None}, "no instruction or output"),
        ({"messages": []}, "no answer"),
        ({"messages": [said("user", "x")]}, "no answer"),
        ({"messages": [said("user", "x"), said("user", "y"), said("assistant", "z")]}, "two questions in a row"),
        ({"messages": [*MESSAGES, said("assistant", "z")]}, "two answers in a row"),
        ({"messages": [*MESSAGES, said("tool", "z")]}, "a message of role tool"),
        ({"messages": [*MESSAGES, said("system", "z")]}, "a system message after the first message"),
        ({"messages": [said("user", "x"), said("assistant", " ")]}, "empty answer"),
        ({"messages": ["x"]}, "a message that is not an object"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image"}]}, said("assistant", "z")]},
            "a message that is not text",
        ),
        ({"instruction": "x", "output": "y", "history": [["x"]]}, "history that is not pairs of question and answer"),
    ],
)
def test_what_can_not_be_trained_on_has_a_reason(row, reason):
    assert fit_row(row, {}) == UnusableRow(reason)


def test_columns_of_other_names_are_mapped():
    mapping = {"instruction": "frage", "input": "dazu", "output": "antwort"}
    row = {"frage": "x", "antwort": "y", "dazu": float("nan")}
    assert fit_row(row, mapping) == FittedRow("frage, dazu, antwort", "x", "y")
    assert fit_row({"instruction": "x", "antwort": "y"}, {"output": "antwort"}) == FittedRow(
        "instruction, antwort", "x", "y"
    )
    assert fit_row({"frage": "x"}, mapping) == UnusableRow("no column antwort")
    assert fit_row({"chat": MESSAGES}, {"messages": "chat"}) == FittedRow("chat", *ONE, system="Be short.")


def read(folder, *paths, columns=None):
    report = ReadReport()
    files = choose_data(Workspace(folder / "w"), list(paths))
    return list(read_examples(files, report, columns)), report


def test_rows_of_several_forms_in_one_file_are_all_read_and_counted_by_form(tmp_path):
    path = tmp_path / "mixed.jsonl"
    write_rows(
        path,
        [
            {"instruction": "Add.", "output": "1"},
            {"conversations": SHAREGPT},
            {"instruction": "Go.", "output": "2"},
            {"frage": "x", "antwort": "y"},
        ],
    )
    rows, report = read(tmp_path, path)
    assert [row.output for row in rows] == ["1", "2", "2"]
    assert report.columns() == [
        "Columns of mixed.jsonl: instruction, output (2 rows); conversations (1 row); 1 row with several turns"
    ]
    assert report.warnings() == [
        "Warning: 1 row of mixed.jsonl skipped: 1 unknown columns",
        "  1 row with columns frage, antwort",
    ]


def test_unknown_columns_are_an_error_that_shows_them_and_how_to_map_them(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"frage": "x", "antwort": "y"}] * 3))
    with pytest.raises(MissingInputError, match=r"3 rows with columns frage, antwort") as caught:
        read(tmp_path, path)
    assert "--columns instruction=NAME,output=NAME" in caught.value.hint
    rows, report = read(tmp_path, path, columns={"instruction": "frage", "output": "antwort"})
    assert len(rows) == 3 and report.columns() == ["Columns of rows.json: frage, antwort"]
    with pytest.raises(MissingInputError, match=r"no column fraage"):
        read(tmp_path, path, columns={"instruction": "fraage", "output": "antwort"})


def test_conversations_are_the_same_rows_in_json_lines_gzip_and_parquet(tmp_path):
    package("pyarrow", "train")
    import pyarrow
    import pyarrow.parquet

    rows = [{"messages": MESSAGES}, {"messages": [*MESSAGES, said("user", "More."), said("assistant", "2")]}]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    write_rows(tmp_path / "a.jsonl", rows)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    found = []
    for name in ("a.json", "a.jsonl", "b.jsonl.gz", "a.parquet"):
        read_rows, _ = read(tmp_path, tmp_path / name)
        found.append([(row.system, row.earlier, row.instruction, row.output) for row in read_rows])
    assert found[0] == [("Be short.", (), "Add.", "1"), ("Be short.", TWO, "More.", "2")]
    assert found[1:] == [found[0]] * 3


def test_nan_is_no_input_and_no_reason_to_drop_a_row(tmp_path):
    folder = SHARED / "fault-cases" / "14-nan-input"
    skip_unless("shared", folder.is_dir(), "the fault cases are not at ../shared/fault-cases")
    rows, report = read(tmp_path, folder / "train.jsonl")
    assert [row.input for row in rows] == ["", "", "", "nan", "", "0", "x = 3"]
    assert not report.skipped
