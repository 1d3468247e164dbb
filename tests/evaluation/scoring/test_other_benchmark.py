"""Samples of one benchmark that are given for another are refused, or counted where some fit."""

import pytest

from coma_cli.evaluation.scoring.other_benchmark import meant_for_another
from coma_cli.evaluation.scoring.sample_files import Skipped, read_candidates
from tests.evaluation.sampled import HUMANEVAL, right
from tests.support.files import write_lines


def skipped_of(tmp_path, ids, problems=HUMANEVAL, prefix="HumanEval"):
    skipped = Skipped()
    path = write_lines(tmp_path / "s.jsonl", [{"task_id": name, "completion": "x"} for name in ids])
    list(read_candidates([path], problems, prefix, skipped))
    return skipped


def test_numbers_that_only_another_benchmark_has(tmp_path):
    other = meant_for_another("humaneval", skipped_of(tmp_path, range(11, 511)))
    assert (other.other, other.numbers, other.lacking) == ("mbpp", 500, 347)
    assert "347 of 500 task ids are numbers that humaneval lacks" in other.error("s.jsonl").message


@pytest.mark.parametrize(
    "ids",
    [
        range(164),  # HumanEval's own
        ["11", "12"],  # both have them
        [1, 2, 999],  # nobody has 999
        ["HumanEval/3", "HumanEval/900"],  # a name says which benchmark is meant
        [],
    ],
)
def test_other_numbers_are_no_sign_of_another_benchmark(tmp_path, ids):
    assert meant_for_another("humaneval", skipped_of(tmp_path, ids)) is None


def test_mbpp_on_humaneval_is_an_error_and_not_zero_percent(coma, tmp_path):
    numbers = write_lines(tmp_path / "n.jsonl", [{"task_id": n, "completion": "x"} for n in range(11, 511)])
    said = coma("--bench", "humaneval", "--samples", numbers, code=2)
    assert "all are task ids of mbpp" in said and "--bench mbpp" in said and "Partial" not in said
    named = write_lines(tmp_path / "m.jsonl", [{"task_id": f"Mbpp/{n}", "completion": "x"} for n in range(11, 99)])
    assert "88 rows are skipped" in coma("--bench", "humaneval", "--samples", named, code=3)


def test_where_some_ids_fit_the_others_are_counted(coma, tmp_path, capsys):
    first = HUMANEVAL[0]
    rows = [{"task_id": first.task_id, "completion": right(first)}]
    rows += [{"task_id": f"Mbpp/{n}", "completion": "x"} for n in range(3)]
    arguments = ("--bench", "humaneval", "--samples", write_lines(tmp_path / "s.jsonl", rows))
    assert coma(*arguments)["skipped"]["unknown_task_ids"] == 3
