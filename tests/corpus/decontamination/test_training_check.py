"""What a record of checked files says about a benchmark, in all its states."""

import json

import pytest

from coma_cli.corpus.decontamination.shipped import OTHER_SPLITS
from coma_cli.corpus.decontamination.training_check import (
    MANIFEST_KEY,
    NEVER_CHECKED,
    FileCheck,
    TrainingCheck,
    note_of,
    recorded_check,
    sentence_of,
    status_of,
)

SHIPPED = {"humaneval": (1, 2), "mbpp": (1, 2), OTHER_SPLITS: (1, 2)}
HUMANEVAL_IDS = [f"HumanEval/{n}" for n in range(164)]


def checked(*, rows=100, levels=SHIPPED, **changes) -> FileCheck:
    return FileCheck(file="rows.jsonl", rows=rows, by="hashes", levels=levels, **changes)


def status(*files: FileCheck, bench="humaneval", task_ids=HUMANEVAL_IDS):
    return status_of(TrainingCheck(files=files), bench, task_ids)


LEAKS = {"humaneval": {"HumanEval/1": 2, "HumanEval/5": 1}}


@pytest.mark.parametrize(
    ("files", "state", "sentence"),
    [
        (
            [checked()],
            "clean",
            "Training data: 100 rows checked against humaneval (levels 1, 2): none holds a problem",
        ),
        (
            [checked(found=LEAKS), checked(rows=1)],
            "dropped",
            "Training data: 101 rows checked against humaneval (levels 1, 2): 3 were excluded, which held 2 problems",
        ),
        (
            [checked(found=LEAKS, kept=LEAKS), checked()],
            "kept",
            "Warning: the model was fine-tuned on 3 rows with problems, solutions or tests of humaneval (2 problems): "
            "its score does not show what it can do",
        ),
        (
            [checked(), checked(rows=7, levels={})],
            "unchecked",
            "Warning: the model's training data was not checked against humaneval (7 rows), and may hold its problems",
        ),
        ([checked(found=LEAKS, kept=LEAKS), checked(levels={})], "kept", "Warning: the model was fine-tuned on 3 rows"),
    ],
)
def test_the_states_of_a_model_on_a_benchmark(files, state, sentence):
    found = status(*files)
    assert found.state == state and found.is_loud == (state in ("kept", "unchecked"))
    assert sentence_of(found, "humaneval").startswith(sentence)
    assert note_of(TrainingCheck(files=tuple(files)), "humaneval", HUMANEVAL_IDS) == (
        (sentence_of(found, "humaneval"),) if found.is_loud else ()
    )


def test_of_a_model_from_elsewhere_nothing_is_known_and_nothing_is_warned_of():
    found = status_of(None, "humaneval", HUMANEVAL_IDS)
    assert (found.state, found.is_loud) == ("unknown", False)
    assert sentence_of(found, "humaneval").startswith("Training data: unknown to coma (a base model, or")
    assert note_of(None, "humaneval", HUMANEVAL_IDS) == ()


def test_levels_are_those_that_ran_on_all_files():
    assert status(checked(levels={**SHIPPED, "humaneval": (1, 2, 3)})).levels == (1, 2, 3)
    assert status(checked(levels={**SHIPPED, "humaneval": (1, 2, 3)}), checked()).levels == (1, 2)


@pytest.mark.parametrize(
    ("bench", "task_ids", "state", "kept"),
    [
        ("humaneval+", ["HumanEval/1", "HumanEval/2"], "kept", 2),
        ("humaneval+", ["HumanEval/2"], "clean", 0),
        ("mbpp", ["MBPP/11", "MBPP/12"], "kept", 4),
        ("mbpp-sanitized", ["MBPP/11"], "clean", 0),
        ("mbpp+", ["Mbpp/12", "Mbpp/2"], "kept", 5),
        ("mbpp+", ["Mbpp/3"], "clean", 0),
    ],
)
def test_rows_count_for_every_benchmark_that_asks_their_problem(bench, task_ids, state, kept):
    found = {**LEAKS, "mbpp": {"MBPP/12": 4}, OTHER_SPLITS: {"MBPP/2": 1}}
    result = status(checked(found=found, kept=found), bench=bench, task_ids=task_ids)
    assert (result.state, result.kept_rows) == (state, kept)


def test_rows_of_mbpps_training_split_leave_mbpp_plus_unchecked():
    file = checked(own_split={OTHER_SPLITS: 30})
    assert file.covers() == ("humaneval", "humaneval+", "mbpp", "mbpp-sanitized")
    assert status(file, bench="mbpp", task_ids=["MBPP/11"]).state == "clean"
    found = status(file, bench="mbpp+", task_ids=["Mbpp/11"])
    assert (found.state, found.unchecked_rows, found.rows) == ("unchecked", 30, 70)
    with_file = checked(own_split={OTHER_SPLITS: 30}, levels={**SHIPPED, "mbpp+": (1, 2)})
    assert status(with_file, bench="mbpp+", task_ids=["Mbpp/11"]).state == "clean"


def test_a_benchmark_that_coma_has_no_hashes_of_needs_its_file():
    found = status(checked(), bench="minikatas", task_ids=["Kata/1"])
    assert found.state == "unchecked"
    assert sentence_of(found, "minikatas").endswith("; build-data --bench-data checks data against it")
    assert status(checked(levels={"minikatas": (1, 2)}), bench="minikatas", task_ids=["Kata/1"]).state == "clean"


def test_a_record_is_read_as_it_was_written():
    check = TrainingCheck(files=(checked(found=LEAKS, found_by_level={"humaneval": {1: 2, 2: 1}}), checked()))
    written = json.loads(json.dumps({MANIFEST_KEY: check.to_manifest()}))
    assert recorded_check(written) == check
    assert written[MANIFEST_KEY]["covers"] == ["humaneval", "humaneval+", "mbpp", "mbpp+", "mbpp-sanitized"]


def test_a_run_without_a_record_was_never_checked_and_one_with_none_is_of_a_model_from_elsewhere():
    assert recorded_check({}) is recorded_check({MANIFEST_KEY: {"files": 3}}) is NEVER_CHECKED
    assert recorded_check({MANIFEST_KEY: None}) is None
    assert status_of(NEVER_CHECKED, "humaneval", HUMANEVAL_IDS).state == "unchecked"
    assert sentence_of(status_of(NEVER_CHECKED, "mbpp", []), "mbpp") == (
        "Warning: the model's training data was not checked against mbpp, and may hold its problems"
    )
