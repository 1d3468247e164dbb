"""How the answers of a probe are measured."""

from coma_cli.training.probe_rows import ProbedRow, measured, spread


def test_rows_of_one_kind_are_measured_by_its_first_metric():
    rows = [ProbedRow((1,), "return x", "line"), ProbedRow((1,), "return y", "line")]
    assert measured(rows, ["return  x", "return x"]) == {"exact-match": 0.5}


def test_rows_of_several_kinds_are_measured_each_by_its_own():
    rows = [ProbedRow((1,), "yes", "labels", labels=("yes", "no")), ProbedRow((1,), "a = 1")]
    assert measured(rows, ["no", "a = 1"]) == {"edit-similarity edit-similarity": 1.0, "labels accuracy": 0.0}


def test_the_code_of_an_answer_counts_without_its_fence():
    assert measured([ProbedRow((1,), "a = 1", "line")], ["```python\na = 1\n```"]) == {"exact-match": 1.0}


def test_rows_are_spread_over_all():
    rows = [ProbedRow((n,), "") for n in range(10)]
    assert [row.prompt[0] for row in spread(rows, 3)] == [0, 3, 6]
    assert len(spread(rows, 20)) == 10
