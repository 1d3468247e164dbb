"""Reading what is trained on: every form people have, every row that can't be used counted with its reason."""

import gzip
import json
from pathlib import Path

import pytest

from coma_cli.errors import MissingInputError, UsageError
from coma_cli.jsonl import write_json, write_rows
from coma_cli.records import Example
from coma_cli.training.examples import ReadReport, choose_data, read_examples
from coma_cli.training.settings import FinetuneSettings
from coma_cli.workspace import Plan, StageResult, Workspace


def example(number: int) -> Example:
    return Example(
        id=f"e{number}", task="t", source="s", language="python", instruction=f"Do {number}.", output="x", licence="MIT"
    )


def read(workspace_root, *paths):
    report = ReadReport()
    files = choose_data(Workspace(workspace_root), list(paths))
    return list(read_examples(files, report)), report


ALPACA = [{"instruction": "Add.", "input": "1 2", "output": "3"}, {"instruction": "Go.", "output": "gone"}]


def test_an_alpaca_list_and_alpaca_lines_are_the_same_rows(tmp_path):
    (tmp_path / "a.json").write_text("\n  " + json.dumps(ALPACA))
    write_rows(tmp_path / "a.jsonl", ALPACA)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    texts = []
    for name in ("a.json", "a.jsonl", "a.jsonl.gz"):
        rows, report = read(tmp_path, tmp_path / name)
        texts.append([(r.instruction, r.input, r.output) for r in rows])
        assert dict(report.rows) == {"data-0": 2}
    assert texts[0] == texts[1] == texts[2] == [("Add.", "1 2", "3"), ("Go.", "", "gone")]


def test_our_own_records_are_read_and_ids_of_two_files_never_collide(tmp_path):
    for name in ("one.jsonl", "two.jsonl"):
        write_rows(tmp_path / name, [example(n).to_row() for n in range(3)])
    (tmp_path / "two.jsonl").write_text((tmp_path / "two.jsonl").read_text() + "\n")
    rows, report = read(tmp_path, tmp_path / "one.jsonl", tmp_path / "two.jsonl")
    assert len({row.id for row in rows}) == 6
    assert dict(report.rows) == {"data-0": 3, "data-1": 3}


def test_bad_rows_are_counted_and_the_rest_is_used(tmp_path):
    path = tmp_path / "rows.jsonl"
    lines = [
        json.dumps(ALPACA[0]),
        '{"instruction": "torn',
        '["a list"]',
        json.dumps({"instruction": "no answer", "output": "  "}),
        json.dumps({"instruction": "", "output": "x"}),
        json.dumps({"frage": "other columns", "antwort": "x"}),
        json.dumps({"instruction": "x", "output": 7}),
        '{"instruction": "half a pair: \\ud83d", "output": "x"}',
        json.dumps(ALPACA[1]),
    ]
    path.write_text("\n".join(lines) + "\n")
    rows, report = read(tmp_path, path)
    assert [row.instruction for row in rows] == ["Add.", "Go."]
    assert dict(report.unusable) == {
        "empty answer": 1,
        "empty instruction": 1,
        "no instruction or output": 1,
        "unknown columns": 1,
        "broken characters": 1,
    }
    assert [corrupt.line for corrupt in report.corrupt] == [2, 3]
    assert report.skipped["broken row"] == 2
    assert "rows.jsonl:2: " in report.warnings()[0]


def test_many_broken_lines_are_named_in_part_and_counted_whole(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("{\n" * 9 + json.dumps(ALPACA[0]) + "\n")
    _, report = read(tmp_path, path)
    assert report.warnings()[-1] == "Warning: 4 more broken rows skipped"
    assert len(report.warnings()) == 6


def test_a_deep_json_list_is_an_error_and_no_traceback(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text("[" * 100_000)
    with pytest.raises(MissingInputError, match="nested too deeply"):
        read(tmp_path, path)


@pytest.mark.parametrize("text", ["", "[]", "\n\n", '{"prompt": "x"}\n', "[1, 2]"])
def test_a_file_without_a_usable_row_is_an_error_that_names_it(tmp_path, text):
    path = tmp_path / "empty.json"
    path.write_text(text)
    with pytest.raises(MissingInputError, match=r"empty\.json has 0 rows"):
        read(tmp_path, path)


def test_broken_json_is_an_error(tmp_path):
    (tmp_path / "rows.json").write_text('[{"instruction": "x", "output": ')
    with pytest.raises(MissingInputError, match=r"rows\.json is not a whole JSON array.*line 1"):
        read(tmp_path, tmp_path / "rows.json")


def test_paths_that_are_no_data(tmp_path):
    (tmp_path / "folder").mkdir()
    write_rows(tmp_path / "a.jsonl", ALPACA)
    with pytest.raises(MissingInputError, match="no"):
        read(tmp_path, tmp_path / "gone.json")
    with pytest.raises(UsageError, match="folder, but not a finished run"):
        read(tmp_path, tmp_path / "folder")
    with pytest.raises(UsageError, match="named twice"):
        read(tmp_path, tmp_path / "a.jsonl", tmp_path / "folder" / ".." / "a.jsonl")


def test_nothing_named_and_nothing_finished_names_the_command_to_run(tmp_path):
    with pytest.raises(MissingInputError) as caught:
        read(tmp_path)
    assert caught.value.hint == "coma build-data"


def test_rows_of_a_run_that_were_edited_in_place_are_no_rows_of_that_run(tmp_path):
    workspace = Workspace(tmp_path / "w")
    rows = [Example(id="1", task="t", source="s", language="python", instruction="Say", output="one", licence="MIT")]
    plan = Plan(subject="s", inputs=(), total=1, estimate={})
    with workspace.open_run("build-data", FinetuneSettings(), plan) as run:
        run.journal("train.jsonl", Example).append_all(rows)
        data = run.finish(StageResult(FinetuneSettings(), ("train.jsonl",))).path / "train.jsonl"
    for paths in (None, [data], [data.parent], [Path(data.parent.name)]):
        assert [file.path for file in choose_data(workspace, paths)] == [data]
    data.write_bytes(data.read_bytes().replace(b'"one"', b'"two"'))
    for paths in (None, [data], [data.parent]):
        with pytest.raises(MissingInputError, match="is not what coma build-data wrote"):
            choose_data(workspace, paths)


def test_a_run_that_is_not_finished_is_no_data(tmp_path):
    run = tmp_path / "build-data" / "half"
    run.mkdir(parents=True)
    write_json(run / "settings.json", {"fingerprint": "x"})
    write_rows(run / "train.jsonl", ALPACA)
    with pytest.raises(MissingInputError, match="unfinished"):
        read(tmp_path, run)
    with pytest.raises(MissingInputError, match="unfinished"):
        read(tmp_path, run / "train.jsonl")
