import json
import subprocess
from pathlib import Path

import pytest

from coma_cli.workbench.next_steps import next_lines, typed
from coma_cli.workbench.states import judge_workspace
from coma_cli.workspace.lock import RunLock
from tests.support.runs import begin_run, make_run, rewrite_manifest


def lines_in(root, told=None):
    return [line.line for line in next_lines(judge_workspace(root), told)]


def begun_by(path, *words):
    header = json.loads((path / "settings.json").read_text())
    (path / "settings.json").write_text(json.dumps({**header, "command_line": ["/usr/bin/coma", *words]}))


def test_an_empty_workspace_begins_with_the_quickstart(workspace_root):
    assert lines_in(workspace_root) == ["coma run quickstart"]
    assert lines_in(workspace_root, Path("my runs")) == ["coma run quickstart -w 'my runs'"]


@pytest.mark.parametrize(
    ("command", "files", "summary", "line"),
    [
        ("build-data", None, {}, ["coma finetune --data x"]),
        ("gen-instructions", None, {}, ["coma finetune --data x"]),
        ("finetune", {"adapter/w": "1"}, {}, ["coma merge-lora --adapter x"]),
        ("finetune", {"model/w": "1"}, {}, ["coma sample --model x"]),
        ("merge-lora", {"model/w": "1"}, {}, ["coma sample --model x"]),
        ("sample", None, {"bench": "mbpp"}, ["coma score --samples x"]),
        ("sample", None, {"bench": "prompts"}, []),
        ("score", None, {}, []),
    ],
)
def test_a_run_that_nothing_was_made_from_is_read_by_the_next_command(workspace_root, command, files, summary, line):
    made = make_run(workspace_root, command, "x", files=files, summary=summary)
    assert lines_in(workspace_root) == line
    begin_run(workspace_root, "score", "reader", inputs=[made])
    assert not set(line) & set(lines_in(workspace_root))


def test_an_unfinished_run_comes_first_with_the_line_that_began_it(workspace_root):
    make_run(workspace_root, "sample", "done")
    path = begin_run(workspace_root, "finetune", "f")
    begun_by(
        path, "finetune", "-w", "old place", "--data", "my rows.jsonl", "--force", "--json", "--workspace=w", "-wx"
    )
    assert lines_in(workspace_root, Path("w")) == [
        "coma finetune --data 'my rows.jsonl' -w w",
        "coma score --samples done -w w",
    ]
    lock = RunLock.acquire(path)
    assert lines_in(workspace_root, Path("w")) == ["coma score --samples done -w w"], "it is running"
    lock.release()


def test_a_run_begun_by_an_older_coma_or_another_program_is_resumed_by_the_same_options(workspace_root):
    path = begin_run(workspace_root, "finetune", "f")
    for recorded in (["pytest", "finetunes"], "coma finetune", [3, "finetune"], None):
        header = json.loads((path / "settings.json").read_text())
        (path / "settings.json").write_text(json.dumps({**header, "command_line": recorded}))
        assert lines_in(workspace_root) == ["coma finetune (the same options again)"]


def test_a_stale_run_is_made_again_and_one_with_a_given_name_replaced(workspace_root):
    made = make_run(workspace_root, "sample", "x")
    line = ["coma", "sample", "--bench", "mbpp"]
    rewrite_manifest(made.path, version=0, command_line=line)
    assert lines_in(workspace_root) == ["coma sample --bench mbpp"]
    rewrite_manifest(made.path, command_line=[*line, "--name", "x"])
    assert lines_in(workspace_root) == ["coma sample --bench mbpp --name x --force"]


def test_stale_runs_are_made_again_in_the_order_of_the_pipeline(workspace_root):
    for command in ("score", "sample", "finetune"):
        rewrite_manifest(make_run(workspace_root, command, "x").path, version=0, command_line=["coma", command])
    assert lines_in(workspace_root) == ["coma finetune", "coma sample", "coma score"]


def test_paths_into_a_moved_workspace_are_those_of_today(workspace_root, tmp_path):
    made = make_run(workspace_root, "merge-lora", "m", files={"model/w": "1"})
    path = begin_run(workspace_root, "sample", "s", inputs=[made])
    begun_by(path, "sample", "--model", f"{workspace_root}/merge-lora/m/model", "--prompts", "/gone/sample/away/rows")
    moved = workspace_root.rename(tmp_path / "moved")
    assert lines_in(moved) == [f"coma sample --model {moved}/merge-lora/m/model --prompts /gone/sample/away/rows"]


@pytest.mark.parametrize(
    "word", ["plain", "two words", "it's", "esc\x1b[31mred", "line\nfeed", "\u202etxt", "a\\b\x07'"]
)
def test_a_shell_reads_a_typed_word_as_it_was(word):
    line = typed(word)
    assert line.isprintable()
    done = subprocess.run(["bash", "-c", f"printf %s {line}"], capture_output=True, check=True)
    assert done.stdout.decode() == word
