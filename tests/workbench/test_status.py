import json
import time

import pytest

from coma_cli.workbench.status import MOST_SHOWN, read_status, show_status
from coma_cli.workspace import Input
from tests.support.runs import begin_run, copy_run, make_run, rewrite_manifest


def test_the_json_of_a_workspace_has_every_run_with_its_origins(workspace_root):
    data = make_run(workspace_root, "build-data", "d", summary={"rows": {"train": 3, "validation": 1}})
    make_run(workspace_root, "finetune", "f", inputs=[Input("base", "smollm2-135m", "ab"), data], cost_usd=0.25)
    (workspace_root / "answers").mkdir()
    (workspace_root / "answers" / "answers.jsonl").write_text("x" * 10_000)
    (workspace_root / "notes").mkdir()
    (workspace_root / "notes" / "mine.txt").write_text("x" * 10_000)
    found = json.loads(json.dumps(read_status(workspace_root).as_json(), allow_nan=False))
    first, second = found["runs"]
    assert (first["command"], first["name"], first["state"]) == ("build-data", "d", "done")
    assert first["figures"] == {"train": 3, "validation": 1}
    assert first["read_by"] == ["finetune/f"]
    assert [(o["input"], o["run"], o["state"], o["changed"]) for o in second["made_from"]] == [
        ("base", None, None, None),
        ("build-data", "build-data/d", "done", None),
    ]
    assert second["figures"] == {"usd": 0.25}
    assert found["states"] == {"done": 2}
    disk = found["disk_bytes"]
    assert disk["runs"] == first["disk_bytes"] + second["disk_bytes"] > 0
    assert disk["answers"] >= 10_000 <= disk["other"]
    assert disk["total"] == disk["runs"] + disk["answers"] + disk["other"]
    assert [line["line"] for line in found["next"]] == ["coma sample --model f"]


def test_the_table_of_a_stage_says_what_is_wrong(workspace_root, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    data = make_run(workspace_root, "build-data", "d", summary={"rows": {"train": 3, "validation": 1}})
    make_run(workspace_root, "finetune", "f", inputs=[data])
    begin_run(workspace_root, "score", "s")
    rewrite_manifest(data.path, content_sha256="0" * 64, version=0)
    show_status(read_status(workspace_root))
    shown = capsys.readouterr().out
    assert "build-data: 1 run (1 stale)" in shown
    assert "train 3, validation 1 rows" in shown
    assert "build-data/d (stale)" in shown
    assert "build-data/d has changed" in shown
    assert "score: 1 run (1 broken)" in shown
    assert "\nDisk: " in shown


def test_names_and_values_of_anybody_do_not_reach_the_terminal(workspace_root, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    evil = "a\x1b[2Jb\u202ec\n[red]d"
    for command in ("sample", "score"):
        made = make_run(
            workspace_root, command, "x", inputs=[Input("data-0", f"/{evil}", "ab")], summary={"bench": evil}
        )
        made.path.rename(made.path.parent / evil)
    show_status(read_status(workspace_root))
    shown = capsys.readouterr().out
    assert not {"\x1b", "\u202e"} & set(shown)
    assert "a\\x1b[2Jb\\u202ec" in shown
    assert "[red]d" in shown


def test_a_name_that_is_no_text_is_listed(workspace_root, capsys):
    made = make_run(workspace_root, "sample", "x")
    made.path.rename(made.path.parent / "a\udcff")
    found = read_status(workspace_root)
    assert found.as_json()["runs"][0]["name"] == "a\udcff"
    assert "\udcff" not in found.next[0].line


def test_many_runs_are_cut_to_the_latest_unless_all_are_wanted(workspace_root, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    made = make_run(workspace_root, "score", "run-21")
    for number in range(MOST_SHOWN + 1):
        copy_run(made.path, f"run-{number:02d}", finished=f"2026-01-{number + 1:02d}T00:00:00+00:00")
    show_status(read_status(workspace_root))
    shown = capsys.readouterr().out
    assert "run-21" in shown and "run-01" not in shown
    assert "... and 2 older runs: coma status --all" in shown
    show_status(read_status(workspace_root), all_runs=True)
    assert "run-01" in capsys.readouterr().out


@pytest.mark.soak
def test_a_thousand_runs_are_read_in_a_second_of_cpu_time(workspace_root):
    data = make_run(workspace_root, "build-data", "d")
    tuned = make_run(workspace_root, "finetune", "f", inputs=[data])
    merged = make_run(workspace_root, "merge-lora", "m", inputs=[tuned], files={"model/w": "1"})
    for number in range(499):
        copy_run(tuned.path, f"f{number}", content_sha256=f"{number:064d}")
        given = {**merged.manifest["inputs"][0], "content_sha256": f"{number:064d}"}
        copy_run(merged.path, f"m{number}", inputs=[given])
    began = time.process_time()
    assert len(read_status(workspace_root).as_json()["runs"]) == 1001
    assert time.process_time() - began < 1.0
