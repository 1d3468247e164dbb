import pytest

from coma_cli.errors import UsageError
from coma_cli.evaluation.comparing.compare import CompareOptions, compare
from coma_cli.evaluation.comparing.difference import ComparisonRules
from coma_cli.evaluation.comparing.scored_run import scored_run
from tests.evaluation.scored import passing, score_run


def runs_of(root, **outcomes):
    return [scored_run(score_run(root, name, of), name) for name, of in outcomes.items()]


def test_each_run_is_compared_with_the_first(workspace_root):
    runs = runs_of(workspace_root, base=passing(*range(5)), tuned=passing(*range(1, 16)), other=passing(*range(5)))
    summary = compare(runs, CompareOptions())
    (comparison,) = summary.comparisons
    assert [(pair.first, pair.second) for pair in comparison.pairs] == [("base", "tuned"), ("base", "other")]
    tuned, other = comparison.pairs
    assert [flip.task_id for flip in tuned.won] == [f"HumanEval/{n}" for n in range(5, 16)]
    assert [flip.task_id for flip in tuned.lost] == ["HumanEval/0"]
    assert (other.won, other.lost) == ([], [])
    (one,) = tuned.measures
    assert (one.measure, one.won, one.lost, one.result) == ("pass@1", 11, 1, "better")
    assert one.p_holm == pytest.approx(2 * one.p), "two comparisons with the first"
    assert other.measures[0].result == "no difference shown"
    assert (summary.bench, comparison.problems, summary.margin) == ("humaneval", 20, 5.0)
    assert [run.label for run in summary.runs] == ["base", "tuned", "other"]


def test_two_runs_need_no_correction(workspace_root):
    runs = runs_of(workspace_root, base=passing(*range(5)), tuned=passing(*range(1, 16)))
    (one,) = compare(runs, CompareOptions()).comparisons[0].pairs[0].measures
    assert one.p_holm == one.p


def test_the_k_are_those_that_all_were_scored_for_or_those_that_are_requested(workspace_root):
    outcomes = {f"HumanEval/{n}": [i < n for i in range(12)] for n in range(10)}
    runs = [
        scored_run(score_run(workspace_root, name, outcomes, k=k), name)
        for name, k in (("a", (1, 5, 10)), ("b", (5, 10, 12)))
    ]

    def ks(*wanted):
        return [one.measure for one in compare(runs, CompareOptions(wanted)).comparisons[0].pairs[0].measures]

    assert ks() == ["pass@5", "pass@10"]
    assert ks(2, 12) == ["pass@2", "pass@12"]
    with pytest.raises(UsageError, match=r"a and b have no pass@13 in common"):
        ks(13)


def test_runs_that_differ_are_compared_anyway_in_what_they_share(workspace_root):
    runs = runs_of(workspace_root, a=passing(1, 2), b=passing(1, of=10))
    with pytest.raises(UsageError, match="differ in more than the model") as caught:
        compare(runs, CompareOptions())
    assert "--anyway" in caught.value.hint
    (comparison,) = compare(runs, CompareOptions(anyway=True)).comparisons
    assert comparison.problems == comparison.pairs[0].measures[0].problems == 10
    assert comparison.pairs[0].measures[0].first == 0.2
    assert [one.what for one in comparison.differs] == ["problems"]


def test_runs_without_a_common_problem_are_refused_in_any_case(workspace_root):
    runs = runs_of(workspace_root, a={"P/1": [True]}, b={"Q/1": [True]})
    with pytest.raises(UsageError, match="no problem in common"):
        compare(runs, CompareOptions(anyway=True))


def test_a_run_is_not_compared_with_itself(workspace_root):
    (run,) = runs_of(workspace_root, a=passing(1))
    with pytest.raises(UsageError, match="a and b are the same score run"):
        compare([run, scored_run(run.artifact, "b")], CompareOptions())


def test_every_temperature_is_compared_by_itself(workspace_root):
    runs = [
        scored_run(score_run(workspace_root, name, of, temperatures=(0.2, 0.8)), name)
        for name, of in (("a", passing(1)), ("b", passing(2)))
    ]
    summary = compare(runs, CompareOptions())
    assert [one.temperatures for one in summary.comparisons] == [[0.2, 0.2], [0.8, 0.8]]


def test_margin_and_seed_are_those_that_are_given(workspace_root):
    runs = runs_of(workspace_root, a=passing(1), b=passing(2))
    summary = compare(runs, CompareOptions(rules=ComparisonRules(0.3, 7)))
    assert (summary.margin, summary.seed) == (30, 7)
    assert summary.comparisons[0].pairs[0].measures[0].equivalent
    assert not compare(runs, CompareOptions(rules=ComparisonRules(0.1))).comparisons[0].pairs[0].measures[0].equivalent
