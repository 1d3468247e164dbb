"""`coma score --fail-if-worse-than`; `--fail-under` is tested with the rest of score in test_score.py."""

import pytest

from coma_cli.errors import BelowThresholdError, MissingInputError, UsageError
from coma_cli.evaluation.scoring.gates import check, find_baseline
from coma_cli.evaluation.scoring.settings import ScoreRuntime, ScoreSettings
from coma_cli.workspace import Workspace
from tests.evaluation.sampled import HUMANEVAL, right
from tests.evaluation.scored import passing, score_run
from tests.support.files import write_lines


def against(name):
    return ScoreSettings(bench="humaneval", runtime=ScoreRuntime(fail_if_worse_than=name))


def checked(root, outcomes, **fields):
    """Check a new run against the run `base`."""
    check(against("base"), score_run(root, "new", outcomes, **fields))


def test_a_run_that_is_worse_fails_and_says_where(workspace_root):
    score_run(workspace_root, "base", passing(*range(10)))
    with pytest.raises(BelowThresholdError, match="Worse than base") as caught:
        checked(workspace_root, passing(*range(5)))
    assert "pass@1 25.00 %, base 50.00 % (0 problems won, 5 lost; p = 0.031, one-sided)" in caught.value.message
    assert caught.value.exit_code == 6
    assert caught.value.hint == f"coma compare base new -w {workspace_root}"


@pytest.mark.parametrize("passed", [range(6), range(10), range(20)])
def test_a_drop_that_may_be_chance_and_a_gain_pass(workspace_root, passed, capsys):
    """Of four discordant problems all lost p is 1/16: one-sided, not two-sided."""
    score_run(workspace_root, "base", passing(*range(10)))
    checked(workspace_root, passing(*passed))
    assert "Not shown to be worse than base: pass@1" in capsys.readouterr().err


def test_the_smallest_k_decides(workspace_root):
    first = {f"HumanEval/{n}": [True] * 10 for n in range(9)}
    second = {f"HumanEval/{n}": [True] * 7 + [False] * 3 for n in range(9)}
    score_run(workspace_root, "base", first, k=(1, 10))
    with pytest.raises(BelowThresholdError, match=r"pass@1 70.00 %, base 100.00 %"):
        checked(workspace_root, second, k=(1, 10))


def test_a_run_is_not_worse_than_itself(workspace_root, capsys):
    check(against("base"), score_run(workspace_root, "base", passing(1)))
    assert "it is the same run" in capsys.readouterr().err


def test_a_run_that_differs_in_more_than_the_model_decides_nothing(workspace_root):
    score_run(workspace_root, "base", passing(*range(10)))
    with pytest.raises(UsageError, match="limits and modes of score"):
        checked(workspace_root, passing(1), timeout_s=9.0)


def test_the_other_run_is_looked_up_before_anything_runs(workspace_root):
    space = Workspace(workspace_root)
    with pytest.raises(MissingInputError, match="no finished score run"):
        find_baseline(against("absent"), space)
    assert find_baseline(ScoreSettings(bench="humaneval"), space) is None


def test_the_gate_of_the_command_decides_after_the_score_is_written(coma, tmp_path):
    problems = HUMANEVAL[:6]
    for name, passed in (("base", 6), ("worse", 0)):
        rows = [
            {"task_id": p.task_id, "completion": right(p) if n < passed else "    return None\n"}
            for n, p in enumerate(problems)
        ]
        write_lines(tmp_path / f"{name}.jsonl", rows)
    coma("--bench", "humaneval", "--samples", tmp_path / "base.jsonl", "--name", "base")
    given = ("--bench", "humaneval", "--samples", tmp_path / "worse.jsonl", "--name", "new")
    assert "absent is not a file" in coma(*given, "--fail-if-worse-than", "absent", code=3)
    assert coma.workspace.run_names("score") == ["base"], "nothing ran"
    assert "0 problems won, 6 lost" in coma(*given, "--fail-if-worse-than", "base", code=6)
    assert coma.workspace.run_names("score") == ["base", "new"]
    assert coma(
        "--bench", "humaneval", "--samples", tmp_path / "base.jsonl", "--name", "base", "--fail-if-worse-than", "new"
    )
