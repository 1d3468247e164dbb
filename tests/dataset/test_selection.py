"""Selection is a pure function of the row index; what it decides, step by step, is tested with the files in
`test_parts`, `test_mixing` and `test_pending`."""

from collections import Counter

import numpy as np
import pytest

from coma_cli.corpus.splitting import draws_of
from coma_cli.corpus.subjects import subject_keys
from coma_cli.dataset.assembling import texts_of
from coma_cli.dataset.rows import RowState, RowTable
from coma_cli.dataset.selection import REASONS, Selection, SelectionRules, select
from coma_cli.jsonl import read_rows
from coma_cli.records import Code, DroppedRow, RowSubject
from tests.dataset.rows import LOWEST_SHARE, NEAR, assemble, example, write_part

STORY = " ".join(f"word{n}" for n in range(60))


def table(folder) -> RowTable:
    """Rows of every fate: kept, repeated, near, in a reference, too many, and trained on."""
    rows = [example(n, instruction=f"Make {chr(97 + n) * 3} now.", source="codealpaca") for n in range(12)]
    rows += [
        example(20),
        example(21, instruction="write NUMBER 20."),
        example(22, instruction=STORY, output="print(1)"),
    ]
    rows += [example(23, instruction=f"{STORY} please", output="print(1)"), example(24, instruction="Say seven.")]
    judged = [example(25, task="line-completion", input=f"{STORY} twice")]
    reference = [example(26, task="", instruction="Say seven.")]
    dropped = [DroppedRow(id="d", source="t", reason="too-short")]
    sides = [Code("c", f"int f{letter * 3}(void) {{ return {letter}; }}") for letter in "abcdefghij"]
    drawn = draws_of(subject_keys([example(0, subject=RowSubject((code,), ())) for code in sides]), 0, len(sides))[:, 0]
    torn = example(28, task="clone-detection", subject=RowSubject((sides[drawn.argmin()], sides[drawn.argmax()]), ()))
    paths = [
        write_part(folder / "d.part", [torn], share=0.5),
        write_part(folder / "a.part", rows, dropped),
        write_part(folder / "b.part", judged, share=0.9999),
        write_part(folder / "c.part", reference),
    ]
    return RowTable.read(paths, references=1)


def selected(rows: RowTable, folder, **rules) -> Selection:
    with texts_of(rows, NEAR, folder) as texts:
        return select(rows, texts, SelectionRules(near=NEAR, validation_share=LOWEST_SHARE, **rules))


def test_the_same_rows_give_the_same_selection_and_stay_as_they_are(tmp_path):
    rows = table(tmp_path)
    before = rows.index.tobytes()
    one, other = selected(rows, tmp_path, per_task=5), selected(rows, tmp_path, per_task=5)
    assert one.state.tolist() == other.state.tolist()
    assert one.first.tolist() == other.first.tolist()
    assert one.tally == other.tally
    assert rows.index.tobytes() == before
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"] * 4


@pytest.mark.parametrize("name", ["state", "first", "subset", "validation"])
def test_a_selection_can_not_be_changed(tmp_path, name):
    rows = table(tmp_path)
    selection = selected(rows, tmp_path)
    for array in (getattr(selection, name), rows.index["task"], rows.part):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(AttributeError):
        selection.tally = None


def test_each_row_has_one_state_and_all_are_counted(tmp_path):
    rows = table(tmp_path)
    selection = selected(rows, tmp_path, per_task=13)
    states = Counter(map(RowState, selection.state.tolist()))
    assert states == {
        RowState.CROSSING: 1,
        RowState.KEPT: 13,
        RowState.DUPLICATE: 1,
        RowState.NEAR_DUPLICATE: 1,
        RowState.IN_REFERENCE: 1,
        RowState.BEYOND_SIZE: 1,
        RowState.COUNTERPART: 1,
        RowState.REFERENCE: 1,
    }


def test_a_tally_is_known_before_anything_is_written(tmp_path):
    (tmp_path / "parts").mkdir()
    rows = table(tmp_path / "parts")
    tally = selected(rows, tmp_path).tally
    written = assemble(tmp_path, *(part.path for part in rows.parts[:-1]), references=[rows.parts[-1].path])
    counts = Counter((row["source"], row["reason"]) for row in read_rows(tmp_path / "dropped.jsonl"))
    assert tally == written.tally
    assert tally.dropped == counts
    never = {"text-language", "repeated-shape", "repeated-function", "contaminated"}
    assert {reason for _, reason in counts} == {*REASONS.values(), "too-short"} - never


def test_a_duplicate_or_a_counterpart_names_the_row_that_it_repeats(tmp_path):
    rows = table(tmp_path)
    selection = selected(rows, tmp_path)
    leaving = np.flatnonzero(selection.first >= 0)
    assert {rows.id_of(row): rows.id_of(selection.first[row]) for row in leaving} == {
        example(21).id: example(20).id,
        example(23).id: example(22).id,
        example(24).id: example(26).id,
        example(25).id: example(22).id,
    }
    assert set(selection.state[selection.first < 0]) <= {RowState.KEPT, RowState.REFERENCE, RowState.CROSSING}


def test_rows_outside_the_table_are_left_out_and_take_no_row_with_them(tmp_path):
    outside = [example(n, source="mbpp") for n in range(5)] + [
        example(9, source="mbpp", instruction=STORY, output="print(1)")
    ]
    inside = [
        example(0, source="codealpaca"),
        example(10, source="codealpaca", instruction=f"{STORY} please", output="print(1)"),
    ]
    rows = RowTable.read([write_part(tmp_path / "a.part", [*outside, *inside])])
    everything = selected(rows, tmp_path)
    assert np.count_nonzero(everything.kept) == 6 and everything.tally.outside_table == {}
    table_only = selected(rows, tmp_path, table_only=True)
    assert [rows.id_of(row) for row in np.flatnonzero(table_only.kept)] == [row.id for row in inside]
    assert table_only.tally.outside_table == {"code-generation": 6} and table_only.tally.dropped == {}


def test_of_translations_of_one_shape_the_first_few_stay(tmp_path):
    def translation(number, shape="public int {0}() {{ return calls.execute(this.{0}, options.{0}(), {1}); }}"):
        code = shape.format(f"get{chr(97 + number)}", number)
        return example(number, task="code-translation", language="java", input=code, output=f"{code} // C#")

    shaped = [translation(n) for n in range(5)]
    other = translation(9, "public int {0}() {{ calls.execute(this.{0}, options.{0}(), {1}); return 1; }}")
    rows = RowTable.read([write_part(tmp_path / "a.part", [*shaped, other])])
    assert np.count_nonzero(selected(rows, tmp_path).kept) == 6
    near = NEAR.model_copy(update={"per_shape": 3})
    with texts_of(rows, NEAR, tmp_path) as texts:
        capped = select(rows, texts, SelectionRules(near=near))
    assert capped.tally.dropped == {("s", "repeated-shape"): 2}
    assert [rows.id_of(n) for n in np.flatnonzero(~capped.kept)] == sorted(row.id for row in shaped)[3:]
    assert capped.kept[5]


def test_of_pairs_with_one_function_the_first_few_stay_those_with_the_rarer_answer_before_the_others(tmp_path):
    often = Code("java", "int often(int[] v) { return v.length * 31; }")

    def pair(number, answer):
        other = Code("java", f"String f{chr(97 + number)}(Box b) {{ return b.part{number}().name{number}(); }}")
        shown = f"Function 1:\n{often.text}\n\nFunction 2:\n{other.text}"
        about = RowSubject((often, other), ())
        return example(
            number, task="clone-detection", language="java", input=shown, output=answer, subject=about, instruction="?"
        )

    pairs = [pair(n, "yes" if n < 2 else "no") for n in range(8)]
    rows = RowTable.read([write_part(tmp_path / "a.part", pairs)])
    near = NEAR.model_copy(update={"per_function": 3, "threshold": 1.0})
    with texts_of(rows, near, tmp_path) as texts:
        capped = select(rows, texts, SelectionRules(near=near))
    assert capped.tally.dropped == {("s", "repeated-function"): 5}
    assert (capped.state[:2] == RowState.KEPT).sum() == 1, "as many as of the answer no"
    assert (capped.state[:2] == RowState.REPEATED_FUNCTION).sum() == 0


def test_nothing_is_selected_of_no_rows(tmp_path):
    selection = selected(RowTable.read([]), tmp_path, size=24)
    assert (len(selection.state), selection.tally.dropped, selection.tally.beyond_size) == (0, {}, {})
    assert not any(len(entry.rows) for entry in selection.requested)


def test_rows_that_are_marked_leave_and_what_repeats_them_stays(tmp_path):
    rows = table(tmp_path)
    before = selected(rows, tmp_path)
    (repeating,) = np.flatnonzero(before.state == RowState.DUPLICATE)
    first = before.first[repeating]
    marked = np.zeros(len(rows), dtype=bool)
    marked[first] = True
    with texts_of(rows, NEAR, tmp_path) as texts:
        after = select(rows, texts, SelectionRules(near=NEAR), marked)
    assert after.state[first] == RowState.CONTAMINATED
    assert after.state[repeating] == RowState.KEPT
    assert after.tally.dropped["s", "contaminated"] == 1
