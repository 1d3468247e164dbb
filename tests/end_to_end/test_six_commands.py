"""The whole pipeline on the real SmolLM2, a handful of problems, every command as its own process."""

import importlib.util
from pathlib import Path

import pytest

from coma_cli.jsonl import read_rows
from coma_cli.workspace import Workspace
from tests.chat_server import serving
from tests.requirements import smollm2

pytestmark = pytest.mark.model


@pytest.fixture
def coma(tmp_path, warm_coma):
    """Run a command in one workspace; returns its JSON summary."""
    smollm2()

    def run(*arguments: str) -> dict:
        return warm_coma.summary([*arguments, "--workspace", "workspace"], tmp_path)

    run.workspace = Workspace(tmp_path / "workspace")
    return run


@pytest.mark.soak
@pytest.mark.slow
def test_from_code_to_a_defended_number(coma, tmp_path):
    code = tmp_path / "code"
    code.mkdir()
    source = Path(importlib.util.find_spec("textwrap").origin)
    (code / "textwrap.py").write_text(source.read_text())
    data = coma("build-data", "--from-repo", str(code), "--tasks", "all")
    assert data["rows"]["train"] > 5

    with serving() as server:
        generated = coma("gen-instructions", "--model", "m", "--num", "3", "--base-url", server.base_url)
    assert generated["train"] >= 1

    tuned = coma("finetune", "--base", "smollm2-135m", "--lora", "--max-steps", "2", "--set", "batch.size=2")
    assert tuned["steps"] == 2
    merged = coma("merge-lora", "--set", "verification.probes=1")
    assert 0 <= merged["max_logit_difference"] < 0.5

    sampled = coma(
        "sample", "--bench", "humaneval", "--limit", "2", "-n", "2", "--max-new-tokens", "24", "--temperature", "0.2"
    )
    assert sampled["samples"] == 4
    scored = coma("score", "--bench", "humaneval", "-k", "1,2")
    assert sum(scored["verdicts"].values()) == 4
    low, high = scored["pass_at_k"]["1"]["ci95"]
    assert low < high
    each_artifact_was_made_from_the_one_before(coma.workspace)
    what_was_sampled_and_judged_can_be_read(coma.workspace)


def each_artifact_was_made_from_the_one_before(workspace: Workspace) -> None:
    def made_from(command: str) -> set[str]:
        return {i.content_sha256 for i in workspace.require_newest(command).inputs}

    def content(command: str) -> str:
        return workspace.require_newest(command).content_sha256

    assert {content("build-data"), content("gen-instructions")} <= made_from("finetune")
    assert content("finetune") in made_from("merge-lora")
    assert content("merge-lora") in made_from("sample")
    assert content("sample") in made_from("score")


def what_was_sampled_and_judged_can_be_read(workspace: Workspace) -> None:
    samples = workspace.require_newest("sample")
    verdicts = workspace.require_newest("score")
    judged = {(r["task_id"], r["index"]) for r in read_rows(verdicts.file("verdicts.jsonl"))}
    assert judged == {(r["task_id"], r["index"]) for r in read_rows(samples.file("samples.jsonl"))}
    assert [r["task_id"] for r in read_rows(samples.file("problems.jsonl"))] == ["HumanEval/0", "HumanEval/1"]
