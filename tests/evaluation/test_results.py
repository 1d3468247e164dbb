"""From verdicts to results: every sample counts once, under its protocol and temperature, for its problem."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.evaluation.pass_at_k import Tally, pass_at_k
from coma_cli.evaluation.results import count, table_name
from coma_cli.records import Verdict

VERDICTS = ("pass", "fail", "timeout", "memory", "error")


def judged(task: str, index: int, verdict: str = "pass", **fields: object) -> Verdict:
    values = {"task_id": task, "temperature": 0.2, "index": index, "protocol": "default", "verdict": verdict}
    text = f"{task} {index}"
    return Verdict(**{**values, "program_sha256": hashlib.sha256(text.encode()).hexdigest(), **fields})


def test_samples_are_counted_problem_by_problem():
    rows = [judged("A", n, "pass" if n < 3 else "fail") for n in range(10)]
    rows += [judged("B", n, "timeout") for n in range(12)]
    counted = count(rows, ["default"], (1, 10), (), 0)
    (result,) = counted.results
    assert (result.problems, result.samples, result.n_min, result.n_max) == (2, 22, 10, 12)
    assert result.verdicts == {"pass": 3, "fail": 7, "timeout": 12, "memory": 0, "error": 0}
    assert counted.tallies == [[Tally(10, 3), Tally(12, 0)]]
    assert result.pass_at_k["1"].value == pytest.approx(0.15)
    assert result.pass_at_k["10"].value == pass_at_k([Tally(10, 3), Tally(12, 0)], 10).value == 0.5
    assert result.base is None
    assert counted.unique_programs == 22


def test_the_usual_ks_are_those_that_every_problem_has_samples_for():
    rows = [judged("A", n) for n in range(10)]
    assert list(count(rows, ["default"], (), (), 0).results[0].pass_at_k) == ["1", "10"]
    assert list(count([*rows, judged("B", 0)], ["default"], (), (), 0).results[0].pass_at_k) == ["1"]
    assert list(count(rows, ["default"], (), (5, 1), 0).results[0].pass_at_k) == ["1", "5", "10"]
    asked = count(rows, ["default"], (20,), (), 0).results[0].pass_at_k
    assert list(asked) == ["20"] and asked["20"].value is None and asked["20"].undefined_problems == 1


def test_results_stand_in_the_order_of_protocols_and_then_of_temperatures():
    rows = [
        judged("A", 0, protocol=protocol, temperature=temperature)
        for temperature in (0.8, 0.2)
        for protocol in ("as-is", "default")
    ]
    results = count(rows, ["default", "as-is"], (1,), (), 0).results
    assert [(result.protocol, result.temperature) for result in results] == [
        ("default", 0.2),
        ("default", 0.8),
        ("as-is", 0.2),
        ("as-is", 0.8),
    ]
    assert [result.samples for result in results] == [1] * 4


def test_a_temperature_that_is_not_stated_is_a_result_of_its_own_after_the_others():
    rows = [judged("A", 0, temperature=temperature) for temperature in (None, 0.8, 0.0)]
    results = count(rows, ["default"], (1,), (), 0).results
    assert [result.temperature for result in results] == [0.0, 0.8, None]
    assert len({row.key for row in rows}) == 3 and rows[0].key == "A|-|0|default"
    assert table_name("default", None) == table_name("default", None, beside=[None]) == "default"
    assert table_name("default", None, beside=[0.2]) == "default, T not stated"
    assert table_name("default", 0.0) == "default, T=0"


def test_the_last_row_of_a_sample_counts():
    again = [judged("A", 0, "error"), judged("A", 1, "pass"), judged("A", 0, "pass")]
    (result,) = count(again, ["default"], (1,), (), 0).results
    assert (result.samples, result.verdicts["pass"], result.verdicts["error"]) == (2, 2, 0)


def test_the_base_inputs_have_results_of_their_own():
    rows = [
        judged("A", 0, "fail", base="pass"),
        judged("A", 1, "fail", base="fail"),
        judged("B", 0, "pass", base="pass"),
    ]
    (result,) = count(rows, ["default"], (1,), (), 0).results
    assert result.pass_at_k["1"].value == 0.5
    assert result.base is not None
    assert result.base.pass_at_k["1"].value == 0.75
    assert result.base.verdicts == {"pass": 2, "fail": 1, "timeout": 0, "memory": 0, "error": 0}


def test_equal_programs_of_a_problem_are_one_program():
    same = {"program_sha256": "0" * 64}
    rows = [judged("A", 0, **same), judged("A", 1, **same), judged("B", 0, **same)]
    assert count(rows, ["default"], (1,), (), 0).unique_programs == 2


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 5), st.sampled_from(VERDICTS)), min_size=1))
def test_no_sample_is_lost_or_counted_twice(drawn):
    counted = count([judged(*row) for row in drawn], ["default"], (1,), (), 0)
    newest = {(task, index): verdict for task, index, verdict in drawn}
    (result,) = counted.results
    assert result.samples == sum(result.verdicts.values()) == len(newest)
    assert result.verdicts["pass"] == sum(tally.correct for tally in counted.tallies[0])
    assert sorted(tally.samples for tally in counted.tallies[0]) == sorted(
        sum(task == name for task, _ in newest) for name in {task for task, _ in newest}
    )
