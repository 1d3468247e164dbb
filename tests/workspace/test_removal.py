import os

from coma_cli.workspace.lock import RunLock
from coma_cli.workspace.removal import delete, leftovers, remove_part, remove_run
from tests.support.runs import begin_run, make_run

NOBODY = 1 << 30  # no process has so large a number


def wanted():
    return None


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_is_gone_and_its_name_can_be_used_again(workspace_root):
    made = make_run(workspace_root, "sample", "a")
    assert remove_run(workspace_root, made.path, wanted) is None
    assert names_in(workspace_root / "sample") == []
    assert make_run(workspace_root, "sample", "a").content_sha256 == made.content_sha256


def test_a_run_that_is_written_or_no_longer_wanted_stays(workspace_root):
    path = begin_run(workspace_root, "sample", "a")
    lock = RunLock.acquire(path)
    assert remove_run(workspace_root, path, wanted) == "another process is writing it"
    lock.release()
    assert remove_run(workspace_root, path, lambda: "it is new") == "it is new"
    assert (path / "rows.jsonl").exists()
    RunLock.acquire(path).release()


def test_what_a_link_leads_to_is_never_touched(workspace_root, tmp_path):
    outside = make_run(tmp_path / "elsewhere", "sample", "a").path
    (workspace_root / "sample").mkdir(parents=True)
    (workspace_root / "sample" / "linked").symlink_to(outside)
    (workspace_root / "score").symlink_to(tmp_path / "elsewhere" / "sample")
    before = names_in(outside)
    for path in (workspace_root / "sample" / "linked", workspace_root / "score" / "a"):
        assert remove_run(workspace_root, path, wanted).endswith("is a symbolic link")
    made = make_run(workspace_root, "build-data", "b").path
    (made / "data").symlink_to(outside)
    (made / "rows").symlink_to(outside / "rows.jsonl")
    assert remove_run(workspace_root, made, wanted) is None
    assert not made.exists()
    assert names_in(outside) == before


def test_a_workspace_that_is_a_link_itself_can_be_cleaned(workspace_root, tmp_path):
    make_run(workspace_root, "sample", "a")
    (tmp_path / "other").symlink_to(workspace_root)
    assert remove_run(tmp_path / "other", tmp_path / "other" / "sample" / "a", wanted) is None
    assert names_in(workspace_root / "sample") == []


def test_a_linked_lock_file_is_not_opened(workspace_root, tmp_path):
    made = make_run(workspace_root, "sample", "a").path
    (made / ".lock").unlink()
    (made / ".lock").symlink_to(tmp_path / "created")
    assert remove_run(workspace_root, made, wanted).endswith("is a symbolic link")
    assert not (tmp_path / "created").exists()


def test_a_part_of_a_run_goes_alone(workspace_root, tmp_path):
    made = make_run(workspace_root, "finetune", "a", files={"adapter/w": "x", "metrics.jsonl": "{}\n"})
    (made.path / "continuation" / "checkpoint-3").mkdir(parents=True)
    assert remove_part(workspace_root, made.path, "continuation", wanted) is None
    assert [name for name in names_in(made.path) if "cont" in name] == []
    assert made.file("adapter").is_dir()
    (made.path / "continuation").symlink_to(tmp_path)
    assert remove_part(workspace_root, made.path, "continuation", wanted).endswith("is a symbolic link")


def test_what_was_renamed_and_not_deleted_is_found(workspace_root, tmp_path):
    made = make_run(workspace_root, "sample", "a").path
    trash = made.rename(made.with_name(f".removed-a-{NOBODY}"))
    part = make_run(workspace_root, "sample", "b").path / f".removed-continuation-{NOBODY}"
    part.mkdir()
    (workspace_root / "sample" / ".removed-link").symlink_to(tmp_path)
    assert leftovers(workspace_root) == [trash, part]
    assert [delete(path) for path in leftovers(workspace_root)] == [None, None]
    assert leftovers(workspace_root) == []
    assert delete(trash) is None, "another process was faster"


def test_what_a_living_process_deletes_is_left_to_it(workspace_root):
    made = make_run(workspace_root, "sample", "a").path
    made.rename(made.with_name(f".removed-a-{os.getpid()}"))
    assert leftovers(workspace_root) == []


def test_what_can_not_be_deleted_is_named(workspace_root, monkeypatch):
    made = make_run(workspace_root, "sample", "a").path

    def refused(path, **_):
        raise PermissionError(13, "Permission denied", os.fspath(path))

    monkeypatch.setattr(os, "unlink", refused)
    assert remove_run(workspace_root, made, wanted).endswith("is left: permission denied")
    monkeypatch.undo()
    assert not made.exists()
    assert names_in(workspace_root / "sample") == [f".removed-a-{os.getpid()}"]
