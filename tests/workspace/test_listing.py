import os

import pytest

from coma_cli.workspace.listing import list_runs, size_of_folder
from coma_cli.workspace.lock import RunLock
from tests.support.runs import begin_run, make_run, rewrite_manifest


def one_run(root):
    (run,) = list_runs(root)
    return run


def test_runs_come_in_the_order_of_the_pipeline_and_then_by_name(workspace_root):
    for command, name in (("score", "a"), ("build-data", "b"), ("build-data", "a")):
        make_run(workspace_root, command, name)
    assert [run.title for run in list_runs(workspace_root)] == ["build-data/a", "build-data/b", "score/a"]


@pytest.mark.parametrize("kind", ["absent", "empty", "file"])
def test_a_workspace_without_runs(workspace_root, kind):
    if kind == "file":
        workspace_root.write_text("")
    elif kind == "empty":
        (workspace_root / "sample" / "nothing-yet").mkdir(parents=True)
        (workspace_root / "sample" / ".removed-x").mkdir()
        (workspace_root / "answers").mkdir()
    assert list_runs(workspace_root) == []


def test_a_finished_run_has_its_manifest_and_summary(workspace_root):
    made = make_run(workspace_root, "sample", "a", summary={"n": 3})
    run = one_run(workspace_root)
    assert (run.artifact, run.summary, run.flaw, run.holder) == (made, {"n": 3}, None, None)
    assert run.stated["command"] == "sample"


def test_an_unfinished_run_has_its_header_only(workspace_root):
    begin_run(workspace_root, "sample", "a")
    run = one_run(workspace_root)
    assert (run.artifact, run.flaw, run.holder) == (None, None, None)
    assert run.stated["command"] == "sample"
    assert "command_line" in run.header


def test_the_holder_of_its_lock_is_named(workspace_root):
    lock = RunLock.acquire(begin_run(workspace_root, "sample", "a"))
    assert one_run(workspace_root).holder == os.getpid()
    lock.release()
    assert one_run(workspace_root).holder is None


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        (lambda run: (run / "rows.jsonl").unlink(), "rows.jsonl is missing"),
        (lambda run: (run / "rows.jsonl").write_text("{}"), "rows.jsonl has 2 bytes instead of 12"),
        (lambda run: (run / "model" / "a").write_text("longer"), "model has 9 bytes instead of 6"),
        (lambda run: (run / "summary.json").write_text("{"), "summary.json is missing or has changed"),
        (lambda run: (run / "manifest.json").write_text("{"), "manifest.json is not one"),
        (lambda run: (run / "manifest.json").write_text("[]"), "manifest.json is not one"),
        (lambda run: rewrite_manifest(run, outputs={"a": 3}), "manifest.json is not one"),
        (lambda run: rewrite_manifest(run, fingerprint=None), "manifest.json is not one"),
    ],
)
def test_files_that_do_not_fit_the_manifest_are_a_flaw(workspace_root, change, flaw):
    made = make_run(
        workspace_root, "sample", "a", files={"rows.jsonl": '{"of": "a"}\n', "model/a": "abc", "model/b": "def"}
    )
    assert one_run(workspace_root).flaw is None
    change(made.path)
    assert one_run(workspace_root).flaw.startswith(flaw)


def test_a_manifest_that_is_a_folder_is_a_flaw(workspace_root):
    (workspace_root / "sample" / "a" / "manifest.json").mkdir(parents=True)
    assert one_run(workspace_root).flaw == "manifest.json is not one that this version of coma can read"


def test_outputs_in_folders_of_the_run_are_checked(workspace_root):
    made = make_run(workspace_root, "build-data", "a", files={"rows.jsonl": "{}\n"})
    (made.path / "part").mkdir()
    (made.path / "part" / "b.json").write_text("12345")
    entry = made.manifest["outputs"]["rows.jsonl"]
    rewrite_manifest(made.path, outputs={"rows.jsonl": entry, "part/b.json": {**entry, "bytes": 5}})
    assert one_run(workspace_root).flaw is None
    (made.path / "part" / "b.json").unlink()
    assert one_run(workspace_root).flaw == "part/b.json is missing"


def test_an_output_that_was_moved_to_another_disk_and_linked_fits(workspace_root, tmp_path):
    made = make_run(workspace_root, "merge-lora", "a", files={"model/w": "abc"})
    (made.path / "model").rename(tmp_path / "elsewhere")
    (made.path / "model").symlink_to(tmp_path / "elsewhere")
    assert one_run(workspace_root).flaw is None
    (tmp_path / "elsewhere" / "w").write_text("ab")
    assert one_run(workspace_root).flaw == "model has 2 bytes instead of 3"
    (made.path / "data").symlink_to("/")  # a whole disk, which is not walked


def test_sizes_count_each_file_once_and_nothing_that_a_link_leads_to(tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"x" * 100_000)
    folder = tmp_path / "run"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "a").write_bytes(b"x" * 50_000)
    os.link(folder / "inner" / "a", folder / "again")
    alone = size_of_folder(folder).allocated
    (folder / "link").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    found = size_of_folder(folder)
    assert 50_000 <= found.allocated == alone < 100_000
    assert found.parts["inner"] == found.parts["again"] == 50_000
    assert found.parts["link"] == 100_000
    assert "loop" not in found.parts
    assert size_of_folder(tmp_path / "absent").allocated == 0


def test_listing_changes_nothing(workspace_root):
    make_run(workspace_root, "sample", "a")
    begin_run(workspace_root, "score", "b")

    def state():
        return {path: path.lstat().st_mtime_ns for path in workspace_root.rglob("*")}

    before = state()
    list_runs(workspace_root)
    assert state() == before
