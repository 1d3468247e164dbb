"""Training files from anywhere are checked: benchmarks as rows, honest rows, mixed files, rows of runs."""

import json
from pathlib import Path

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.corpus.decontamination.shipped import OTHER_SPLITS, shipped_sha256
from coma_cli.corpus.decontamination.training_check import status_of
from coma_cli.errors import MissingInputError
from coma_cli.jsonl import read_json, read_rows, write_json, write_rows
from coma_cli.training.decontamination import check_rows, trained_on
from coma_cli.training.examples import ReadReport, choose_data, read_examples
from coma_cli.workspace import Workspace
from tests.dataset.builds import build, codealpaca_source
from tests.requirements import shared_data

HUMANEVAL = BENCHMARKS["humaneval"].load().problems
COVERED = ("humaneval", "humaneval+", "mbpp", "mbpp+", "mbpp-sanitized")
# What MBPP asks, told by hand: the question word for word, its tests, and its program under other names.
ASKED = "Write a function to sort a given matrix in ascending order according to the sum of its rows."


def honest(number: int) -> dict[str, str]:
    """A row that no benchmark has anything to do with, different for each number."""
    program = f"def ticket_{number}(seats):\n    return [seat + {number} for seat in seats if seat > {number}]"
    return {"instruction": f"Shift the numbers of all seats behind row {number}.", "input": "", "output": program}


def leak(problem) -> dict[str, str]:
    """A problem of a benchmark as a row."""
    return {"instruction": "Complete this program.", "input": problem.prompt, "output": problem.reference}


def checked(root: Path, *paths: Path, drop: bool = False, workers: int | None = None):
    """The rows of some files, read and checked as finetune does it."""
    files, report = choose_data(Workspace(root), list(paths)), ReadReport()
    rows = tuple(read_examples(files, report))
    return check_rows(files, rows, report.rows, drop=drop, workers=workers)


def file_of(folder: Path, rows, name: str = "rows.jsonl") -> Path:
    write_rows(folder / name, rows)
    return folder / name


def test_a_whole_benchmark_as_a_training_file_is_found_row_by_row(tmp_path):
    result = checked(tmp_path, file_of(tmp_path, map(leak, HUMANEVAL), "he.jsonl"))
    (check,) = result.check.files
    assert (check.rows, check.found_rows, check.by, check.kept) == (164, 164, "hashes", check.found)
    assert check.hashes == shipped_sha256() and check.covers() == COVERED
    assert check.found_by_benchmark == {"humaneval": 164}
    # A row counts for one problem, and HumanEval/61 is HumanEval/56 with other brackets.
    assert set(check.found["humaneval"]) >= {
        problem.task_id for problem in HUMANEVAL if problem.task_id != "HumanEval/61"
    }
    assert sum(check.found_by_level["humaneval"].values()) == 164
    assert len(result.rows) == 164 and result.dropped == ()
    assert [(one.row, one.problem) for one in check.examples] == [
        (f"he.jsonl, row {number}", f"HumanEval/{number - 1}") for number in (1, 2, 3)
    ]
    warning, *examples, remedy = result.notes
    assert warning.startswith("Warning: 164 of 164 rows of he.jsonl hold problems, solutions or tests of benchmarks")
    assert "(humaneval 164) and are trained on" in warning
    assert len(examples) == 3 and "--decontaminate" in remedy
    assert all(one.shared in line and one.problem in line for one, line in zip(check.examples, examples, strict=True))


@pytest.mark.parametrize(
    ("instruction", "given", "output"),
    [
        ("Continue.", "", HUMANEVAL[25].reference),
        (HUMANEVAL[25].prompt, "", "pass"),
        ("Continue.", HUMANEVAL[25].prompt, "pass"),
        ("Which of these does it?", json.dumps(["def f(x):\n    return x", HUMANEVAL[25].reference]), "1"),
        (f"Make this pass:\n{HUMANEVAL[25].tests}", "", "pass"),
    ],
    ids=["output", "instruction", "input", "candidate", "tests"],
)
def test_every_text_of_a_row_is_read(tmp_path, instruction, given, output):
    row = {"instruction": instruction, "input": given, "output": output}
    (check,) = checked(tmp_path, file_of(tmp_path, [honest(1), row])).check.files
    assert check.found == {"humaneval": {"HumanEval/25": 1}}
    assert check.examples[0].row == "rows.jsonl, row 2"


def test_mbpp_is_found_without_its_file(tmp_path):
    (check,) = checked(tmp_path, file_of(tmp_path, [{"instruction": ASKED, "output": "pass"}])).check.files
    assert check.found == {"mbpp": {"MBPP/12": 1}} and check.found_by_level == {"mbpp": {1: 1}}


def test_the_published_file_of_mbpp_is_found_whole(tmp_path):
    """A file of that name is no row of build-data's source `mbpp`, whose rows are not compared with themselves."""
    rows = [
        {"instruction": row["text"], "output": row["code"]} for row in read_rows(shared_data() / "mbpp" / "mbpp.jsonl")
    ]
    (check,) = checked(tmp_path, file_of(tmp_path, rows, "mbpp.jsonl")).check.files
    assert check.found_rows == len(rows) == 974 and set(check.found) == {"mbpp", OTHER_SPLITS}
    assert check.own_split == {}
    training = [{**row, "source": "mbpp"} for row in rows[600:]]
    (check,) = checked(tmp_path, file_of(tmp_path, training, "training.jsonl")).check.files
    assert check.own_split == {OTHER_SPLITS: 374} and OTHER_SPLITS not in check.found
    assert "mbpp+" not in check.covers() and "mbpp" in check.covers()


def test_an_honest_file_is_clean_and_the_note_says_against_what(tmp_path):
    result = checked(tmp_path, file_of(tmp_path, map(honest, range(40))), drop=True)
    (check,) = result.check.files
    assert (check.found, check.kept, len(result.rows)) == ({}, {}, 40)
    assert result.notes == (f"rows.jsonl: 40 rows checked against {', '.join(COVERED)}: none holds a problem",)


def test_of_a_mixed_file_exactly_the_leaks_are_dropped(tmp_path):
    rows = [leak(HUMANEVAL[n]) if n in (3, 11) else honest(n) for n in range(20)]
    rows[7] = {"instruction": ASKED, "output": "pass"}
    mixed, other = file_of(tmp_path, rows), file_of(tmp_path, map(honest, range(50, 60)), "other.jsonl")
    result = checked(tmp_path, other, mixed, drop=True)
    assert [(row.id, row.reason, row.detail.split(" ")[0]) for row in result.dropped] == [
        ("1/3", "contaminated", "HumanEval/3"),
        ("1/7", "contaminated", "MBPP/12"),
        ("1/11", "contaminated", "HumanEval/11"),
    ]
    assert [row.id for row in result.rows] == [f"0/{n}" for n in range(10)] + [
        f"1/{n}" for n in range(20) if n not in (3, 7, 11)
    ]
    assert [(check.file, check.found_rows, check.kept) for check in result.check.files] == [
        ("other.jsonl", 0, {}),
        ("rows.jsonl", 3, {}),
    ]
    assert "(humaneval 2, mbpp 1): dropped" in result.notes[1]
    assert not any("--decontaminate" in line for line in result.notes)


def test_a_file_of_nothing_but_leaks_leaves_no_row_to_train_on(tmp_path):
    with pytest.raises(MissingInputError, match="all 5 hold problems, solutions or tests of humaneval"):
        checked(tmp_path, file_of(tmp_path, map(leak, HUMANEVAL[:5])), drop=True)


@pytest.mark.slow
def test_several_processes_find_the_same(tmp_path):
    rows = [leak(HUMANEVAL[n // 100]) if n % 100 == 99 else honest(n) for n in range(5000)]
    path = file_of(tmp_path, rows)
    alone, together = (checked(tmp_path, path, drop=True, workers=workers) for workers in (1, 2))
    assert len(alone.dropped) == 50
    assert together == alone


@pytest.fixture
def built(tmp_path):
    """A finished build-data run."""
    return build(tmp_path / "w", sources=str(codealpaca_source(tmp_path / "sources")), name="data")


def test_rows_of_a_build_data_run_were_checked_when_they_were_made(tmp_path, built):
    result = checked(tmp_path / "w", built.path)
    (check,) = result.check.files
    assert (check.file, check.by, check.found) == ("build-data/data", "build-data", {})
    assert check.rows == len(result.rows) > 0 and check.levels["humaneval"] == (1, 2)
    assert check.covers() == COVERED
    assert result.notes == (f"build-data/data was checked against {', '.join(COVERED)} when it was made",)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes((built.path / "train.jsonl").read_bytes())
    assert checked(tmp_path / "w", copy).check.files[0].by == "hashes"


@pytest.mark.slow
def test_what_build_data_dropped_counts_as_dropped(tmp_path):
    folder = codealpaca_source(tmp_path / "sources") / "codealpaca" / "code_alpaca_20k.json"
    folder.write_text(json.dumps([*json.loads(folder.read_text()), leak(HUMANEVAL[3])]))
    made = build(tmp_path / "w", sources=str(tmp_path / "sources"))
    check = checked(tmp_path / "w", made.path).check
    assert check.files[0].found == {"humaneval": {"HumanEval/3": 1}} and check.files[0].kept == {}
    assert status_of(check, "humaneval", ["HumanEval/3"]).state == "dropped"


def test_rows_that_build_data_did_not_check_or_by_older_rules_are_checked_now(tmp_path, built):
    sources = str(tmp_path / "sources")
    unchecked = build(tmp_path / "w", sources=sources, name="unchecked", decontaminate=False)
    assert checked(tmp_path / "w", unchecked.path).check.files[0].by == "hashes"
    manifest = read_json(built.path / "manifest.json")
    write_json(built.path / "manifest.json", {**manifest, "version": manifest["version"] - 1})
    assert checked(tmp_path / "w", built.path).check.files[0].by == "hashes"


def test_a_leak_that_is_excluded_for_another_reason_is_not_trained_on(tmp_path):
    mixed = file_of(tmp_path, [honest(1), leak(HUMANEVAL[3]), leak(HUMANEVAL[11])])
    result = checked(tmp_path, file_of(tmp_path, [honest(2)], "other.jsonl"), mixed)
    assert set(result.leaks) == {"1/1", "1/2"}
    record = trained_on(result.check, result.leaks, {"1/1"})
    assert record.files[1].found == {"humaneval": {"HumanEval/3": 1, "HumanEval/11": 1}}
    assert record.files[1].kept == {"humaneval": {"HumanEval/11": 1}}
    assert trained_on(result.check, result.leaks, ()) == result.check
    assert status_of(trained_on(result.check, result.leaks, result.leaks), "humaneval", ["HumanEval/3"]).state == (
        "dropped"
    )
