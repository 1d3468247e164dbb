import time

import pytest

from coma_cli.errors import UsageError
from coma_cli.workbench.removal_plan import CleaningOrder, plan_cleaning, seconds_of_age
from coma_cli.workbench.states import judge_workspace
from coma_cli.workspace import Input
from coma_cli.workspace.lock import RunLock
from tests.support.runs import AnySettings, begin_run, copy_run, make_run, rewrite_manifest

ALL = frozenset({"broken", "stale", "superseded"})
DAY = 86_400.0


def planned(root, *kinds, now=None, **order):
    plan = plan_cleaning(judge_workspace(root), CleaningOrder(frozenset(kinds), **order), now or time.time())
    return {one.title: one.why for one in plan.removable}, {one.title: one.why for one in plan.kept}


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 30 * DAY), ("12h", DAY / 2), ("2w", 14 * DAY), ("45m", 2700.0), (" 1D ", DAY)]
)
def test_an_age_is_a_number_and_a_unit(text, seconds):
    assert seconds_of_age(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5d", "3 months", "1d2h", "٣d", "9999999d"])
def test_another_text_is_no_age(text):
    with pytest.raises(UsageError, match="is not an age"):
        seconds_of_age(text)


def test_broken_and_stale_runs_are_selected_with_the_reason(workspace_root):
    begin_run(workspace_root, "score", "unfinished")
    rewrite_manifest(make_run(workspace_root, "score", "old").path, version=0)
    make_run(workspace_root, "score", "good", settings=AnySettings(n=9))
    assert planned(workspace_root) == (dict.fromkeys(["score/good", "score/old", "score/unfinished"], ""), {})
    broken, _ = planned(workspace_root, "broken")
    assert list(broken) == ["score/unfinished"]
    assert broken["score/unfinished"].startswith("broken: unfinished, last written to on")
    stale, _ = planned(workspace_root, "stale")
    assert list(stale) == ["score/old"]
    assert stale["score/old"].startswith("stale: made by version 0 of score")


def test_a_later_run_that_is_done_supersedes_one_of_the_same_command_and_inputs(workspace_root):
    given = [Input("samples 1", "gone.jsonl", "ab")]
    first = make_run(workspace_root, "score", "first", inputs=given)
    make_run(workspace_root, "score", "second", inputs=given, settings=AnySettings(n=2))
    make_run(workspace_root, "score", "of other inputs", inputs=[Input("samples 1", "gone.jsonl", "cd")])
    make_run(workspace_root, "sample", "of another command", inputs=given)
    begin_run(workspace_root, "score", "unfinished", inputs=given)
    found, kept = planned(workspace_root, "superseded")
    assert found == {
        "score/first": "superseded: score/second is later and has the same inputs, with another n",
    }
    assert kept == {}
    rewrite_manifest(first.path, finished="2100-01-01T00:00:00+00:00")
    assert list(planned(workspace_root, "superseded")[0]) == ["score/second"]


def test_a_stale_or_broken_run_supersedes_nothing(workspace_root):
    make_run(workspace_root, "score", "first")
    second = make_run(workspace_root, "score", "second")
    rewrite_manifest(second.path, version=0)
    assert planned(workspace_root, "superseded")[0] == {}
    rewrite_manifest(second.path, version=second.manifest["version"])
    (second.path / "rows.jsonl").unlink()
    assert planned(workspace_root, "superseded")[0] == {}


def test_an_age_narrows_what_the_kinds_select_and_selects_alone(workspace_root):
    old = make_run(workspace_root, "score", "old")
    rewrite_manifest(old.path, finished="2026-01-01T00:00:00+00:00")
    copy_run(old.path, "stale", version=0)
    now = 1_767_225_600 + 31 * DAY  # 2026-02-01
    copy_run(old.path, "young", finished="2026-01-31T00:00:00+00:00")
    begin_run(workspace_root, "sample", "new")
    found, _ = planned(workspace_root, now=now, older_than_s=30 * DAY)
    assert found == dict.fromkeys(["score/old", "score/stale"], "finished on 2026-01-01 00:00")
    assert list(planned(workspace_root, "stale", now=now, older_than_s=30 * DAY)[0]) == ["score/stale"]
    assert planned(workspace_root, "stale", now=now, older_than_s=32 * DAY)[0] == {}


def test_a_running_run_stays(workspace_root):
    lock = RunLock.acquire(make_run(workspace_root, "score", "a").path)
    found, kept = planned(workspace_root, older_than_s=0.0)
    assert found == {}
    assert kept["score/a"].startswith("running: process ")
    lock.release()


def test_what_something_else_was_made_from_stays_unless_that_goes_too(workspace_root):
    data = make_run(workspace_root, "build-data", "d")
    tuned = make_run(workspace_root, "finetune", "f", inputs=[data])
    sampled = make_run(workspace_root, "sample", "s", inputs=[tuned])
    for run in (data, tuned):
        rewrite_manifest(run.path, version=0)
    found, kept = planned(workspace_root, "stale")
    assert found == {}
    assert kept == {
        "finetune/f": "sample/s was made from it",
        "build-data/d": "finetune/f was made from it",
    }
    rewrite_manifest(sampled.path, version=0)
    found, kept = planned(workspace_root, "stale")
    assert list(found) == ["build-data/d", "finetune/f", "sample/s"]
    assert kept == {}


def test_what_an_unfinished_or_running_run_reads_stays(workspace_root):
    data = make_run(workspace_root, "build-data", "d")
    rewrite_manifest(data.path, version=0)
    lock = RunLock.acquire(begin_run(workspace_root, "finetune", "f", inputs=[data]))
    assert planned(workspace_root, *ALL) == ({}, {"build-data/d": "finetune/f was made from it"})
    lock.release()
    assert list(planned(workspace_root, *ALL)[0]) == ["build-data/d", "finetune/f"]
    assert planned(workspace_root, "stale")[1] == {"build-data/d": "finetune/f was made from it"}


def test_what_was_read_before_it_changed_stays_too(workspace_root):
    data = make_run(workspace_root, "build-data", "d")
    make_run(workspace_root, "finetune", "f", inputs=[data])
    rewrite_manifest(data.path, content_sha256="0" * 64, version=0)
    assert planned(workspace_root, older_than_s=0.0)[0].keys() == {"build-data/d", "finetune/f"}
    lock = RunLock.acquire(workspace_root / "finetune" / "f")
    assert planned(workspace_root, "stale")[1]["build-data/d"] == "finetune/f was made from it"
    lock.release()


def test_a_linked_run_stays(workspace_root, tmp_path):
    outside = make_run(tmp_path / "other", "score", "a").path
    rewrite_manifest(outside, version=0)
    (workspace_root / "score").mkdir(parents=True)
    (workspace_root / "score" / "a").symlink_to(outside)
    assert planned(workspace_root, "stale") == (
        {},
        {"score/a": f"{workspace_root}/score/a is a symbolic link"},
    )


def test_checkpoints_are_those_of_finished_runs(workspace_root, tmp_path):
    for name, files in (("a", {"adapter/w": "1"}), ("linked", {"adapter/w": "2"}), ("without", None)):
        make_run(workspace_root, "finetune", name, files=files)
    folder = workspace_root / "finetune" / "a" / "continuation" / "checkpoint-3"
    folder.mkdir(parents=True)
    (folder / "w").write_text("x" * 10_000)
    (begin_run(workspace_root, "finetune", "unfinished") / "continuation").mkdir()
    (workspace_root / "finetune" / "linked" / "continuation").symlink_to(tmp_path)
    plan = plan_cleaning(judge_workspace(workspace_root), CleaningOrder(checkpoints=True), time.time())
    assert [one.title for one in plan.removable] == ["finetune/a/continuation"]
    assert plan.disk_bytes >= 10_000
    assert [one.title for one in plan.kept] == ["finetune/linked"]
    assert planned(workspace_root, checkpoints=True, older_than_s=DAY)[0] == {}


def test_what_a_stopped_clean_left_is_removed_with_the_rest(workspace_root):
    made = make_run(workspace_root, "score", "a").path
    trash = made.rename(made.with_name(f".removed-a-{1 << 30}"))
    assert planned(workspace_root, "broken")[0] == {f"score/{trash.name}": "left by a clean that was stopped"}
