"""Which rows `--bench validation` takes; the runs are made by the workspace, with the lineage of real ones."""

from pathlib import Path

import pytest

from coma_cli.dataset.settings import BuildDataSettings
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.evaluation.sampling.held_out import load_problems
from coma_cli.evaluation.sampling.sampled_model import ModelChoice
from coma_cli.models.resolution import ResolvedBase
from coma_cli.training.merging.settings import MergeSettings
from coma_cli.training.settings import FinetuneSettings
from coma_cli.workspace import Artifact, Input, Plan, StageResult, Workspace
from tests.evaluation.measuring.rows import ROWS, row, write
from tests.evaluation.sampled import Nothing

SETTINGS = {"build-data": BuildDataSettings, "finetune": FinetuneSettings, "merge-lora": MergeSettings}


def finished(
    workspace: Workspace, command: str, name: str, inputs: tuple[Input, ...], files: dict[str, str]
) -> Artifact:
    plan = Plan(subject=name, inputs=inputs, total=1, estimate={})
    with workspace.open_run(command, SETTINGS[command](), plan, name=name) as run:
        for file, text in files.items():
            (run.path / file).write_text(text, encoding="utf-8")
        return run.finish(StageResult(summary=Nothing(), outputs=tuple(files)))


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def chosen(artifact: Artifact) -> ModelChoice:
    resolved = ResolvedBase.__new__(ResolvedBase)  # nothing of it is read
    return ModelChoice(resolved, artifact.as_input(), f"{artifact.command}/{artifact.name}", "m", None, "")


def data_run(workspace: Workspace, name: str, rows, tmp_path: Path) -> Artifact:
    text = write(tmp_path / f"{name}.jsonl", rows).read_text(encoding="utf-8") if rows else ""
    return finished(workspace, "build-data", name, (Input("s", name, name),), {"validation.jsonl": text})


def test_a_tuned_model_gets_the_rows_held_out_from_its_own_data(workspace, tmp_path):
    own = data_run(workspace, "own", ROWS[:3], tmp_path)
    data_run(workspace, "later", ROWS[3:5], tmp_path)
    tuned = finished(workspace, "finetune", "tuned", (own.as_input("data-0"),), {"adapter": "a"})
    merged = finished(workspace, "merge-lora", "merged", (tuned.as_input("adapter"),), {"model": "m"})
    for artifact in (tuned, merged):
        loaded = load_problems(workspace, "validation", None, chosen(artifact))
        assert [problem.task_id for problem in loaded.problems] == ["row-1", "row-2", "row-3"]


def test_rows_of_all_its_data_runs(workspace, tmp_path):
    first, second = data_run(workspace, "a", ROWS[:1], tmp_path), data_run(workspace, "b", ROWS[4:5], tmp_path)
    empty = data_run(workspace, "c", [], tmp_path)
    inputs = tuple(run.as_input(f"data-{n}") for n, run in enumerate((first, second, empty)))
    tuned = finished(workspace, "finetune", "tuned", inputs, {"adapter": "a"})
    assert len(load_problems(workspace, "validation", None, chosen(tuned)).problems) == 2


def test_a_model_of_unknown_data_needs_the_rows(workspace, tmp_path):
    stranger = finished(workspace, "finetune", "t", (Input("data", "x", "x"),), {"adapter": "a"})
    for choice in (chosen(stranger), None):
        with pytest.raises(MissingInputError, match="Which held-out rows") as error:
            load_problems(workspace, "validation", None, choice)
        assert "--bench-data" in str(error.value.hint)


def test_rows_may_be_given_as_a_file_a_folder_or_a_run(workspace, tmp_path):
    data_run(workspace, "own", ROWS[:3], tmp_path)
    file = write(tmp_path / "mine.jsonl", ROWS[:2])
    assert len(load_problems(workspace, "validation", file, None).problems) == 2
    assert len(load_problems(workspace, "validation", Path("own"), None).problems) == 3
    assert len(load_problems(workspace, "validation", workspace.root / "build-data" / "own", None).problems) == 3


def test_other_benchmarks_and_unknown_ones(workspace):
    assert len(load_problems(workspace, "humaneval", None, None).problems) == 164
    with pytest.raises(UsageError, match="validaton"):
        load_problems(workspace, "validaton", None, None)


def test_a_file_without_a_known_task_is_refused(workspace, tmp_path):
    with pytest.raises(MissingInputError, match="no row of a known task"):
        load_problems(workspace, "validation", write(tmp_path / "x.jsonl", [row(1, "poetry", "x")]), None)
