import pytest

from coma_cli.errors import MissingInputError, UsageError
from coma_cli.evaluation.comparing.flips import Rated
from coma_cli.evaluation.comparing.scored_run import Condition, paired_conditions, rated, scored_run
from coma_cli.evaluation.pass_at_k import Tally
from tests.evaluation.scored import passing, score_run

DEFAULT = Condition("default", 0.2)


def test_tallies_are_by_protocol_and_temperature_and_without_excluded_problems(workspace_root):
    outcomes = {"HumanEval/0": [True, False], "HumanEval/1": [False], "HumanEval/2": [True]}
    dropped = {"HumanEval/2": "timeout"}
    made = score_run(
        workspace_root, "a", outcomes, protocols=("default", "as-is"), temperatures=(0.8, 0.2), excluded=dropped
    )
    run = scored_run(made, "a")
    assert run.conditions == [DEFAULT, ("default", 0.8), ("as-is", 0.2), ("as-is", 0.8)]
    assert run.tallies(DEFAULT) == {"HumanEval/0": Tally(2, 1), "HumanEval/1": Tally(1, 0)}
    assert run.task_ids(DEFAULT) == {"HumanEval/0", "HumanEval/1"}
    assert rated(run.tallies(DEFAULT))["HumanEval/0"] == Rated(figure=0.5, samples=2)


def runs_of(root, **temperatures):
    return [scored_run(score_run(root, name, passing(1), temperatures=of), name) for name, of in temperatures.items()]


def test_temperatures_that_all_have_are_compared_with_each_other(workspace_root):
    runs = runs_of(workspace_root, a=(0.2, 0.6, 1.0), b=(1.0, 0.2))
    assert [[one.temperature for one in row] for row in paired_conditions(runs)] == [[0.2, 0.2], [1.0, 1.0]]


def test_single_temperatures_are_compared_whatever_they_are(workspace_root):
    runs = runs_of(workspace_root, a=(0.2,), b=(None,), c=(0.8,))
    assert [[one.temperature for one in row] for row in paired_conditions(runs)] == [[0.2, None, 0.8]]
    assert paired_conditions(runs_of(workspace_root, d=(0.1, 0.3), e=(0.5, 0.7))) == [
        [("default", 0.1), ("default", 0.5)]
    ]


def test_the_protocols_that_all_have_are_compared(workspace_root):
    first = score_run(workspace_root, "a", passing(1), protocols=("as-is", "default"))
    second = score_run(workspace_root, "b", passing(1), protocols=("default",))
    assert paired_conditions([scored_run(first, "a"), scored_run(second, "b")]) == [[DEFAULT, DEFAULT]]


def test_verdicts_that_are_missing_or_edited_are_refused(workspace_root):
    made = score_run(workspace_root, "a", passing(1))
    path = made.path / "verdicts.jsonl"
    content = path.read_text()
    path.write_text(content.replace('"fail"', '"pass"'))  # of the same length
    with pytest.raises(MissingInputError, match="not what coma score wrote") as caught:
        scored_run(made, "a")
    assert caught.value.hint == "coma score --name a --force"
    path.write_text(content[:-5])
    with pytest.raises(MissingInputError, match="is missing or has changed"):
        scored_run(made, "a")
    path.unlink()
    with pytest.raises(MissingInputError, match="is missing or has changed"):
        scored_run(made, "a")
    path.write_text(content)
    (made.path / "summary.json").write_text("{")
    with pytest.raises(MissingInputError, match=r"summary.json is missing or has changed"):
        scored_run(made, "a")


def test_a_check_of_references_alone_has_nothing_to_compare(workspace_root):
    made = score_run(workspace_root, "a", passing(1))
    made.manifest["outputs"].clear()
    with pytest.raises(UsageError, match="has no scored samples"):
        scored_run(made, "a")
