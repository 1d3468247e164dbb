import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from coma_cli.errors import CliError, UsageError
from coma_cli.workbench import clean as module
from coma_cli.workbench.clean import clean
from coma_cli.workbench.removal_plan import CleaningOrder
from coma_cli.workspace.listing import list_runs
from coma_cli.workspace.lock import RunLock
from tests.support.runs import begin_run, copy_run, make_run, rewrite_manifest

STALE = CleaningOrder(frozenset({"stale"}))
ANY_AGE = CleaningOrder(older_than_s=0.0)


def titles(root):
    return [run.title for run in list_runs(root)]


def stale_chain(root):
    """A chain of three stale runs."""
    data = make_run(root, "build-data", "d")
    tuned = make_run(root, "finetune", "f", inputs=[data])
    made = (data, tuned, make_run(root, "sample", "s", inputs=[tuned]))
    for run in made:
        rewrite_manifest(run.path, version=0)
    return made


def cleaned(root, order, capsys, **options):
    """What `--json` prints of a clean that removes."""
    clean(root, order, time.time(), remove=True, as_json=True, **options)
    return json.loads(capsys.readouterr().out)


def test_a_preview_names_everything_and_removes_nothing(workspace_root, capsys):
    stale_chain(workspace_root)
    begin_run(workspace_root, "score", "x")
    before = sorted(workspace_root.rglob("*"))
    clean(workspace_root, CleaningOrder(), time.time(), remove=False)
    shown = capsys.readouterr().out
    assert all(title in shown for title in titles(workspace_root))
    assert "Nothing is removed without --yes" in shown
    clean(workspace_root, STALE, time.time(), remove=False, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found["would_remove"]] == ["build-data/d", "finetune/f", "sample/s"]
    assert found["disk_bytes"] == sum(one["disk_bytes"] for one in found["would_remove"]) > 0
    assert sorted(workspace_root.rglob("*")) == before


def test_a_clean_removes_what_was_selected_and_nothing_else(workspace_root, capsys):
    stale_chain(workspace_root)
    begin_run(workspace_root, "score", "x")
    (workspace_root / "answers").mkdir()
    found = cleaned(workspace_root, STALE, capsys)
    assert {one["name"] for one in found["removed"]} == {"build-data/d", "finetune/f", "sample/s"}
    assert titles(workspace_root) == ["score/x"]
    assert (workspace_root / "answers").is_dir()
    clean(workspace_root, STALE, time.time(), remove=True)
    assert "Nothing was removed." in capsys.readouterr().out


def test_removing_without_a_selection_is_refused(workspace_root):
    begin_run(workspace_root, "score", "x")
    with pytest.raises(UsageError, match="Nothing is selected"):
        clean(workspace_root, CleaningOrder(), time.time(), remove=True)
    assert titles(workspace_root) == ["score/x"]


def test_what_could_not_be_removed_is_named_and_what_it_was_made_from_stays(workspace_root, capsys, monkeypatch):
    stale_chain(workspace_root)
    lock = None
    real = module.judge_workspace

    def locked_afterwards(root):
        nonlocal lock
        found = real(root)
        lock = RunLock.acquire(root / "sample" / "s")
        return found

    monkeypatch.setattr(module, "judge_workspace", locked_afterwards)
    with pytest.raises(CliError, match="3 selected runs could not be removed"):
        clean(workspace_root, STALE, time.time(), remove=True)
    lock.release()
    shown = capsys.readouterr().out
    assert "Kept: sample/s, since another process is writing it" in shown
    assert "Kept: finetune/f, since sample/s was made from it" in shown
    assert titles(workspace_root) == ["build-data/d", "finetune/f", "sample/s"]


@pytest.mark.parametrize("change", ["finished", "made again", "read by a new run"])
def test_a_run_that_changed_after_it_was_judged_stays(workspace_root, capsys, monkeypatch, change):
    data = make_run(workspace_root, "build-data", "d")
    rewrite_manifest(data.path, version=0)
    begin_run(workspace_root, "score", "x")
    real = module.judge_workspace

    def changed_afterwards(root):
        found = real(root)
        if change == "finished":
            make_run(root, "score", "x")
        elif change == "made again":
            make_run(root, "build-data", "d", force=True)
        else:
            begin_run(root, "finetune", "f", inputs=[data])
        return found

    monkeypatch.setattr(module, "judge_workspace", changed_afterwards)
    order = CleaningOrder(frozenset({"stale", "broken"}))
    with pytest.raises(CliError, match="1 selected run could not be removed"):
        clean(workspace_root, order, time.time(), remove=True)
    stays = "score/x" if change == "finished" else "build-data/d"
    assert stays in titles(workspace_root)
    why = "finetune/f was made from it" if change == "read by a new run" else "it has changed since"
    assert f"Kept: {stays}, since {why}" in " ".join(capsys.readouterr().out.split())


def test_two_cleans_at_once_remove_everything_once(workspace_root):
    made = make_run(workspace_root, "score", "x").path
    for number in range(30):
        copy_run(made, f"run-{number}")
    command = [
        sys.executable,
        "-m",
        "coma_cli",
        "clean",
        "-w",
        str(workspace_root),
        "--older-than",
        "0m",
        "--yes",
        "--json",
    ]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: subprocess.run(command, capture_output=True, text=True), range(2)))
    removed = [one["name"] for process in done for one in json.loads(process.stdout)["removed"]]
    assert sorted(set(removed)) == sorted(removed)
    assert len(removed) == 31
    assert [process.stderr for process in done if "Traceback" in process.stderr] == []
    assert [path.name for path in (workspace_root / "score").iterdir()] == []


def test_a_run_is_begun_again_while_it_is_removed_without_a_mixed_result(workspace_root):
    """Whichever comes first, a run is whole, unfinished or gone; nothing of a removed one is in a new one."""
    stop = threading.Event()
    worker = threading.Thread(target=_clean_until, args=(workspace_root, stop))
    worker.start()
    try:
        for number in range(10):
            try:
                made = make_run(workspace_root, "score", "x", files={"rows.jsonl": f"{number}\n"}, force=True)
                rows = made.file("rows.jsonl").read_text() if made.path.exists() else None
            except (CliError, OSError, AssertionError):
                continue
            assert rows in (None, f"{number}\n")
    finally:
        stop.set()
        worker.join()
    assert all(run.flaw is None for run in list_runs(workspace_root))


def _clean_until(root, stop):
    while not stop.is_set():
        subprocess.run(
            [sys.executable, "-m", "coma_cli", "clean", "-w", str(root), "--older-than", "0m", "--yes"],
            capture_output=True,
            check=False,
        )


def test_checkpoints_go_alone(workspace_root, capsys):
    made = make_run(workspace_root, "finetune", "f", files={"adapter/w": "1"})
    (made.path / "continuation" / "checkpoint-1").mkdir(parents=True)
    found = cleaned(workspace_root, CleaningOrder(checkpoints=True), capsys)
    assert [one["name"] for one in found["removed"]] == ["finetune/f/continuation"]
    (run,) = list_runs(workspace_root)
    assert run.artifact == made
    assert not (made.path / "continuation").exists()
    assert cleaned(workspace_root, CleaningOrder(checkpoints=True), capsys)["removed"] == []


def test_what_nothing_was_made_from_goes_first(workspace_root, capsys, monkeypatch):
    stale_chain(workspace_root)
    order = []
    real = module.remove_run

    def noted(root, folder, wanted):
        order.append(folder.name)
        return real(root, folder, wanted)

    monkeypatch.setattr(module, "remove_run", noted)
    cleaned(workspace_root, ANY_AGE, capsys)
    assert order == ["s", "f", "d"], "a kill in between leaves no run without what it was made from"
