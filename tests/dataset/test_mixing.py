import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coma_cli.catalog.mixtures import MIXTURES
from coma_cli.dataset import row_index
from coma_cli.dataset.selection import SelectionRules
from coma_cli.jsonl import read_rows
from tests.dataset.rows import NEAR, assemble, example, write_part


def kinds(folder):
    return Counter((row["source"], row["task"]) for row in read_rows(folder / "train.jsonl"))


@pytest.fixture
def judged(monkeypatch):
    """Rows of a task whose answers are Yes and No."""
    monkeypatch.setattr(row_index, "fixed_answer", lambda row: row.output if row.output in ("Yes", "No") else "")

    def make(number, yes, **changes):
        values = {"task": "defect-detection", "source": "codexglue_defect_detection", "language": "c", **changes}
        word = "".join("abcdefghij"[int(digit)] for digit in str(number))  # digits alone would make them twins
        return example(
            number, instruction="Is it right?", input=f"int {word}();", output="Yes" if yes else "No", **values
        )

    return make


def test_a_size_shares_rows_out_and_leaves_what_is_beside_the_table(tmp_path):
    rows = [
        *(example(n, source="codealpaca") for n in range(100)),
        *(example(n, source="codesearchnet") for n in range(100, 200)),
        *(example(n, source="repo:mine") for n in range(200, 230)),
    ]
    assembly = assemble(tmp_path, write_part(tmp_path / "a.part", rows), size=120)
    assert kinds(tmp_path) == {
        ("codealpaca", "code-generation"): 20,
        ("codesearchnet", "code-generation"): 10,
        ("repo:mine", "code-generation"): 30,
    }
    assert assembly.tally.beyond_size == {"code-generation": 170}
    taken = {row["id"] for row in read_rows(tmp_path / "train.jsonl") if row["source"] == "codealpaca"}
    assert taken == set(sorted(row.id for row in rows[:100])[:20])


def test_more_rows_of_a_source_never_reshuffle_the_rest(tmp_path):
    rows = [example(n, source="codealpaca") for n in range(400)]
    seen = []
    for count in (300, 400):
        assemble(tmp_path, write_part(tmp_path / "a.part", rows[:count]), size=600)
        seen.append([row["id"] for row in read_rows(tmp_path / "train.jsonl")])
    new = {row.id for row in rows[300:]}
    assert len(seen[0]) == len(seen[1]) == 100
    assert [i for i in seen[1] if i not in new] == seen[0][: len([i for i in seen[1] if i not in new])]


def test_the_paper_has_targets_that_few_rows_fall_short_of(tmp_path):
    rows = [example(n, source="codealpaca") for n in range(5)]
    assemble(tmp_path, write_part(tmp_path / "a.part", rows), size="paper")
    assert len(list(read_rows(tmp_path / "train.jsonl"))) == 5
    assert SelectionRules(near=NEAR, size="paper").targets["codealpaca"] == 20_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 60), st.sampled_from([0.0, 0.3]))
def test_answers_are_balanced_on_either_side_and_the_surplus_is_counted(tmp_path, judged, yes, no, size, share):
    rows = [judged(n, n < yes) for n in range(yes + no)]
    part = write_part(tmp_path / "a.part", rows, share=share)
    for wanted in (None, size * 24):
        assembly = assemble(tmp_path, part, size=wanted)
        total = 0
        for side in ("train.jsonl", "validation.jsonl"):
            counts = Counter(row["output"] for row in read_rows(tmp_path / side))
            assert len(counts) < 2 or counts["Yes"] == counts["No"]
            total += counts.total()
        assert wanted is None or total <= size or 0 in (yes, no)
        surplus = sum((*assembly.tally.beyond_balance.values(), *assembly.tally.beyond_size.values()))
        assert total + surplus == yes + no


def test_a_target_is_met_from_both_sides(tmp_path, judged):
    part = write_part(tmp_path / "a.part", [judged(n, n % 2) for n in range(200)], share=0.3)
    assemble(tmp_path, part, size=24 * 40)
    counts = [
        Counter(row["output"] for row in read_rows(tmp_path / side)) for side in ("train.jsonl", "validation.jsonl")
    ]
    assert sum(c.total() for c in counts) == 40
    assert all(c["Yes"] == c["No"] > 0 for c in counts)


@pytest.mark.parametrize(("rows", "stay"), [(38, 38), (40, 40), (42, 40), (44, 40)])
def test_as_many_rows_as_the_target_all_stay_and_no_more(tmp_path, judged, rows, stay):
    part = write_part(tmp_path / "a.part", [judged(n, n % 2) for n in range(rows)])
    assembly = assemble(tmp_path, part, size=24 * 40)
    counts = Counter(row["output"] for row in read_rows(tmp_path / "train.jsonl"))
    assert counts == {"Yes": stay // 2, "No": stay // 2}
    assert sum(assembly.selection.tally.beyond_size.values()) == rows - stay


def test_answers_of_one_kind_only_all_stay(tmp_path, judged):
    assembly = assemble(tmp_path, write_part(tmp_path / "a.part", [judged(n, True) for n in range(7)]))
    assert len(list(read_rows(tmp_path / "train.jsonl"))) == 7
    assert not assembly.tally.beyond_balance


def test_every_training_row_is_in_comit_and_in_the_file_of_its_sub_dataset(tmp_path):
    rows = [
        example(1, source="codealpaca"),
        example(2, source="codesearchnet"),
        example(3, source="codegpt", text_language="cn"),
        example(4, source="repo:mine"),
        example(5, source="codesearchnet", task="line-completion", input="a = 1"),
    ]
    write = assemble(tmp_path, write_part(tmp_path / "a.part", rows)).written
    files = {
        "text-to-code/code_generation_EN.json": {1, 2},
        "text-to-code/codeGPT_CN.json": {3},
        "other/text-to-code/code_generation_EN.json": {4},
        "code-to-code/code_completion.json": {5},
        "CoMIT.json": {1, 2, 3, 4, 5},
    }
    assert set(files) <= set(write)
    for name, numbers in files.items():
        there = json.loads((tmp_path / name).read_bytes())
        assert all(list(row) == ["instruction", "input", "output"] for row in there)
        assert {row["output"] for row in there} == {f"value = {n}" for n in numbers}


@pytest.mark.parametrize("mixture", MIXTURES.values(), ids=lambda m: m.name)
def test_every_sub_dataset_has_a_file_below_a_folder(mixture):
    assert all(s.file.count("/") == 1 and s.file.endswith(".json") for s in mixture.subsets)


def test_rows_with_a_free_answer_beside_answered_ones_keep_those_balanced(tmp_path, judged):
    rows = [judged(n, yes=n % 2 == 0) for n in range(100, 140)]
    rows += [
        judged(n, yes=True).model_copy(update={"output": f"a wrong operator in line {n}"}) for n in range(200, 220)
    ]
    assemble(tmp_path, write_part(tmp_path / "a.part", rows), size=240)
    answers = Counter(row["output"][:3] for row in read_rows(tmp_path / "train.jsonl"))
    assert answers["Yes"] == answers["No"] > 0
    assert answers["a w"] > 0
    assert answers.total() in (9, 10)
