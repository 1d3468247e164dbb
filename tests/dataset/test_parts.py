import json

import pytest

from coma_cli.catalog.mixtures import MIXTURES
from coma_cli.dataset.composition import EXAMPLE_CHARS, composition_of, rows_to_show
from coma_cli.dataset.parts import Lines, Part, PartWriter
from coma_cli.dataset.rows import RowTable
from coma_cli.jsonl import read_rows
from coma_cli.records import DroppedRow, Origin
from tests.dataset.rows import assemble, example, write_part, write_row


def test_a_part_holds_rows_dropped_rows_and_the_row_index(tmp_path):
    dropped = DroppedRow(id="d", source="s", reason="too-short")
    path = write_part(tmp_path / "a.part", [example(1), example(2, language="go", output="数" * 9)], [dropped])
    part = Part.open(path)
    assert list(map(json.loads, part.lines("dropped"))) == [dropped.to_row()]
    assert not list(part.lines("evidence"))
    assert (part.dropped, part.contaminated) == ({("s", "too-short"): 1}, {})
    index = part.index()
    assert [part.names["language"][n] for n in index["language"]] == ["python", "go"]
    assert index["output_chars"].tolist() == [9, 9]
    with Lines([path]) as lines:
        read = [json.loads(lines.read(0, int(f["offset"]), int(f["length"]))) for f in index]
    assert read == [example(1).to_row(), example(2, language="go", output="数" * 9).to_row()]
    assert [p.name for p in tmp_path.iterdir()] == ["a.part"]


def test_a_part_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(UnicodeEncodeError), PartWriter(tmp_path / "a.part") as part:
        write_row(part, example(1, id="no\u00efd"))
    assert not list(tmp_path.iterdir())


def test_a_restarted_part_holds_only_what_came_after(tmp_path):
    with PartWriter(tmp_path / "a.part") as part:
        write_row(part, example(1))
        part.dropped(DroppedRow(id="d" * 500, source="s", reason="r"))
        part.restart()
        part.dropped(DroppedRow(id="e", source="s", reason="r"))
    read = Part.open(tmp_path / "a.part")
    assert read.count == 0
    assert [json.loads(line)["id"] for line in read.lines("dropped")] == ["e"]
    assert read.dropped == {("s", "r"): 1}


def test_parts_number_names_in_their_own_way_and_rows_in_one(tmp_path):
    first = write_part(tmp_path / "a", [example(1, language="go"), example(2, language="python")])
    second = write_part(tmp_path / "b", [example(3, language="python"), example(4, language="c")])
    empty = write_part(tmp_path / "c", [])
    rows = RowTable.read([first, empty, second])
    assert [rows.names["language"][n] for n in rows.index["language"]] == ["go", "python", "python", "c"]
    assembled = assemble(tmp_path, first, empty, second)
    made = composition_of(assembled.rows, assembled.selection, MIXTURES["comit"])
    assert made.by["language"]["python", "train"] == 2


@pytest.mark.parametrize("text", ['"licence": ', '", "licence": "', "\u2028\\", '"instruction": ', "数\x7f", ""])
def test_comit_is_cut_out_of_the_lines_whatever_they_hold(tmp_path, text):
    row = example(1, instruction=f"a{text}", input=text, output=f"{text}b")
    assemble(tmp_path, write_part(tmp_path / "p.part", [row]))
    (back,) = json.loads((tmp_path / "CoMIT.json").read_bytes())
    assert back == {"instruction": f"a{text}", "input": text, "output": f"{text}b"}


def test_comit_is_cut_out_of_lines_that_had_to_be_escaped(tmp_path):
    row = example(1, origin=Origin(path="\ud800.py"), output="数")
    assemble(tmp_path, write_part(tmp_path / "p.part", [row]))
    assert json.loads((tmp_path / "CoMIT.json").read_bytes())[0]["output"] == "数"


def test_an_empty_array_is_an_array(tmp_path):
    assemble(tmp_path, write_part(tmp_path / "p.part", []))
    assert (tmp_path / "CoMIT.json").read_bytes() == b"[]\n"


def test_the_first_of_equal_rows_stays_wherever_they_lie(tmp_path):
    long = " ".join(f"call_{n}()" for n in range(20))
    first = write_part(tmp_path / "a.part", [example(1), example(2, output=long)])
    second = write_part(tmp_path / "b.part", [example(3, instruction="write NUMBER 1."), example(4, output=long)])
    assembly = assemble(tmp_path, first, second)
    assert {row["id"] for row in read_rows(tmp_path / "train.jsonl")} == {example(1).id, example(2).id}
    dropped = list(read_rows(tmp_path / "dropped.jsonl"))
    assert [row["detail"] for row in dropped] == [f"of {example(1).id}", f"of {example(2).id}"]
    assert assembly.tally.dropped == {("s", "duplicate"): 2}


def test_what_a_duplicate_asks_is_not_remembered(tmp_path):
    long = " ".join(f"call_{n}()" for n in range(20))
    rows = [example(1, output=long), example(2, output=long), example(3, instruction="Write number 2.")]
    assemble(tmp_path, write_part(tmp_path / "a.part", rows))
    assert {row["id"] for row in read_rows(tmp_path / "train.jsonl")} == {rows[0].id, rows[2].id}


def test_the_same_code_in_two_text_languages_is_no_duplicate(tmp_path):
    code = "def f(x):\n    return x"
    rows = [example(n, task="code-summarization", input=code, text_language=t) for n, t in enumerate(("en", "cn"))]
    assemble(tmp_path, write_part(tmp_path / "a.part", rows))
    assert len(list(read_rows(tmp_path / "train.jsonl"))) == 2


def test_a_row_that_is_shown_is_short_and_from_training(tmp_path):
    rows = sorted((example(n) for n in range(3)), key=lambda row: row.id)
    long = rows[0].model_copy(update={"output": "x" * (EXAMPLE_CHARS + 1)})
    assembly = assemble(tmp_path, write_part(tmp_path / "a.part", [long, rows[2], rows[1]]))
    (shown,) = rows_to_show(assembly.rows, assembly.selection).values()
    assert assembly.rows.id_of(shown) == rows[1].id


STORY = " ".join(f"word{n}" for n in range(60))


def test_near_rows_leave_across_parts_and_so_do_twins_of_training_rows(tmp_path):
    first = write_part(tmp_path / "a.part", [example(1, instruction=STORY, output="print(1)"), example(2)])
    second = write_part(tmp_path / "b.part", [example(3, instruction=f"{STORY} please", output="print(1)")])
    assembly = assemble(tmp_path, first, second)
    assert assembly.tally.dropped == {("s", "near-duplicate"): 1}
    assert next(iter(read_rows(tmp_path / "dropped.jsonl")))["detail"] == f"of {example(1).id}"
    assert not (tmp_path / "bands").exists()


def test_no_near_row_stands_on_the_other_side_whatever_its_task(tmp_path):
    trained = write_part(tmp_path / "a.part", [example(1, instruction=STORY)])
    judged = write_part(
        tmp_path / "b.part", [example(2, input=f"{STORY} please", task="line-completion")], share=0.9999
    )
    assembly = assemble(tmp_path, trained, judged)
    assert assembly.tally.dropped == {("s", "twin-in-train"): 1}


def test_rows_of_a_named_file_are_kept_away_and_never_written(tmp_path):
    ours = write_part(tmp_path / "a.part", [example(1, instruction=f"{STORY} please"), example(2), example(3)])
    theirs = [
        example(4, instruction=STORY, task="", origin=Origin(path="theirs.jsonl", row="7")),
        example(5, instruction=example(3).instruction, task="", origin=Origin(path="theirs.jsonl", row="8")),
    ]
    assembly = assemble(tmp_path, ours, references=[write_part(tmp_path / "b.part", theirs)])
    assert [row["id"] for row in read_rows(tmp_path / "train.jsonl")] == [example(2).id]
    dropped = list(read_rows(tmp_path / "dropped.jsonl"))
    assert [row["detail"] for row in dropped] == ["of theirs.jsonl: 7", "of theirs.jsonl: 8"]
    assert assembly.tally.dropped == {("s", "duplicate-of-reference"): 2}
    assert sum(composition_of(assembly.rows, assembly.selection, MIXTURES["comit"]).rows.values()) == 1
