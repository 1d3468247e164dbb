"""Models of this machine that write rows: how one is found, what blocks it, and the whole command without a server."""

import json

import pytest

from coma_cli.errors import UsageError
from coma_cli.instructions.settings import GenSettings
from coma_cli.instructions.writers import find_writer, writer_blockers
from coma_cli.jsonl import read_rows, write_rows
from coma_cli.workspace import Workspace
from tests.support.command import run_coma


def test_a_server_is_the_default_and_a_local_engine_takes_the_embedded_base(tmp_path):
    workspace = Workspace(tmp_path)
    assert find_writer(GenSettings(), workspace) is None
    settings = GenSettings(engine="transformers")
    assert settings.model == "smollm2-135m" and GenSettings(engine="vllm", model="qwen3-0.6b").model == "qwen3-0.6b"
    writer = find_writer(settings, workspace)
    assert writer.source.name == "model" and writer.source.content_sha256[:16] in writer.server(settings)
    with pytest.raises(UsageError, match="Unknown base"):
        find_writer(GenSettings(engine="transformers", model="gpt-3.5-turbo"), workspace)


def test_a_model_that_is_not_there_blocks_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    settings = GenSettings(engine="transformers", model="nobody/no-such-model")
    blockers = list(writer_blockers(settings, find_writer(settings, Workspace(tmp_path))))
    assert blockers and "nobody/no-such-model" in blockers[0].message


@pytest.mark.slow
def test_the_whole_command_runs_without_key_and_server(tiny_model, tmp_path, capsys):
    seeds, workspace = tmp_path / "seed.jsonl", tmp_path / "workspace"
    write_rows(seeds, [{"code": f"def total_{n}(values):\n    return sum(values) + {n}"} for n in range(3)])
    command = ["gen-instructions", "--engine", "transformers", "--model", tiny_model, "--seed-code", seeds]
    command += ["--num", "3", "--workspace", workspace, "--set", "round_one.max_new_tokens=16"]
    assert run_coma([*command, "--dry-run", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["estimate"]["usd"] == 0 and plan["subject"] == "tiny" and not workspace.exists()
    assert run_coma(command) == 1, "a random model writes no usable instruction"
    shown = " ".join(capsys.readouterr().err.split())
    assert "nothing is paid" in shown and "Loading" in shown and "No row was accepted" in shown
    stored = list(read_rows(workspace / "answers" / "answers.jsonl"))
    assert len(stored) == 3 and all(row["text"].startswith("<instruction>") for row in stored)
    (run,) = (workspace / "gen-instructions").iterdir()
    calls = [row for row in read_rows(run / "ledger.jsonl") if row["state"] == "answered"]
    assert len(calls) == 3 and all(row["usd"] == 0 and row["completion_tokens"] > 0 for row in calls)
    assert run_coma(command) == 1
    assert "Loading" not in capsys.readouterr().err, "all answers are there"
