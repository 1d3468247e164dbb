import os

import pytest

from coma_cli.pipeline import row_of
from coma_cli.workbench.states import judge_workspace
from coma_cli.workspace.lock import RunLock
from tests.support.runs import begin_run, make_run, rewrite_manifest


def states_in(root):
    return {run.title: (run.state, *run.reasons) for run in judge_workspace(root).runs}


def test_a_finished_run_whose_inputs_are_what_it_read_is_done(workspace_root):
    data = make_run(workspace_root, "build-data", "d")
    make_run(workspace_root, "finetune", "f", inputs=[data])
    assert states_in(workspace_root) == {"build-data/d": ("done",), "finetune/f": ("done",)}


def test_a_run_whose_lock_is_held_is_running_finished_or_not(workspace_root):
    lock = RunLock.acquire(begin_run(workspace_root, "sample", "a"))
    again = RunLock.acquire(make_run(workspace_root, "sample", "b").path)
    running = ("running", f"process {os.getpid()}")
    assert states_in(workspace_root) == {"sample/a": running, "sample/b": running}
    lock.release()
    again.release()


def test_an_unfinished_run_that_nobody_writes_is_broken(workspace_root):
    path = begin_run(workspace_root, "sample", "a")
    state, reason = states_in(workspace_root)["sample/a"]
    assert state == "broken"
    assert reason.startswith("unfinished, last written to on 20")
    (path / "settings.json").write_text("{")
    assert states_in(workspace_root)["sample/a"] == (
        "broken",
        "unfinished, and its settings.json is missing or broken",
    )


def test_a_run_whose_files_do_not_fit_is_broken_not_stale(workspace_root):
    made = make_run(workspace_root, "sample", "a")
    rewrite_manifest(made.path, version=1)
    (made.path / "rows.jsonl").unlink()
    assert states_in(workspace_root)["sample/a"] == ("broken", "rows.jsonl is missing")


@pytest.mark.parametrize(("version", "said"), [(1, "version 1"), (99, "version 99"), (None, "an unknown version")])
def test_a_run_of_another_version_of_its_stage_is_stale(workspace_root, version, said):
    rewrite_manifest(make_run(workspace_root, "sample", "a").path, version=version)
    reason = f"made by {said} of sample, which is at {row_of('sample').version}"
    assert states_in(workspace_root)["sample/a"] == ("stale", reason)


def test_what_was_made_from_a_changed_or_removed_run_is_stale_and_the_next_one_is_not(workspace_root):
    data = make_run(workspace_root, "build-data", "d")
    tuned = make_run(workspace_root, "finetune", "f", inputs=[data])
    make_run(workspace_root, "merge-lora", "m", inputs=[tuned])
    rewrite_manifest(data.path, content_sha256="0" * 64)
    found = states_in(workspace_root)
    assert found["finetune/f"] == ("stale", "build-data/d has changed")
    assert found["merge-lora/m"] == ("done",)
    data.path.rename(workspace_root / "away")
    assert states_in(workspace_root)["finetune/f"] == ("stale", "build-data/d is gone")


def test_a_manifest_of_an_older_coma_without_newer_fields_is_read(workspace_root):
    made = make_run(workspace_root, "sample", "a", summary={"bench": "mbpp"})
    newer = (
        "identity",
        "extents",
        "host",
        "seed",
        "work",
        "corrupt_lines",
        "tokens",
        "cost_usd",
        "to_do_over",
        "wall_s",
    )
    rewrite_manifest(made.path, **dict.fromkeys(newer), inputs=[])
    (made.path / "settings.json").unlink()
    (run,) = judge_workspace(workspace_root).runs
    assert (run.state, run.figures) == ("done", {"bench": "mbpp"})


def test_age_is_that_of_the_finish_else_of_the_last_change(workspace_root):
    made = make_run(workspace_root, "sample", "a")
    rewrite_manifest(made.path, finished="2001-09-09T01:46:40+00:00")
    path = begin_run(workspace_root, "sample", "b")
    for file in path.iterdir():
        os.utime(file, (2_000_000, 2_000_000))
    workspace = judge_workspace(workspace_root)
    assert [run.age_from for run in workspace.runs] == [1_000_000_000, 2_000_000]
    rewrite_manifest(made.path, finished="yesterday")
    assert judge_workspace(workspace_root).runs[0].age_from > 1_700_000_000
    assert [run.title for run in judge_workspace(workspace_root).of_command("sample")] == ["sample/a", "sample/b"]
