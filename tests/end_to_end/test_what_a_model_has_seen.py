"""Whether a model has seen a benchmark goes with it from finetune to the line under its score."""

import json
from pathlib import Path

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.jsonl import read_json, write_rows
from coma_cli.workspace import Workspace
from tests.requirements import package
from tests.support.command import run_coma

HONEST = [{"instruction": f"Return {n} times x.", "output": f"def f(x):\n    return {n} * x"} for n in range(6)]
LEAKS = [
    {"instruction": "Go on.", "input": problem.prompt, "output": problem.reference}
    for problem in BENCHMARKS["humaneval"].load().problems[2:4]
]


class Chain:
    """Runs commands in one workspace."""

    def __init__(self, folder: Path, base: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.workspace = Workspace(folder / "workspace")
        self._folder, self._base, self._capsys = folder, base, capsys

    def run(self, command: str, *arguments: object) -> tuple[dict, str]:
        """The summary of a command, and what it said meanwhile."""
        self._capsys.readouterr()
        assert run_coma([command, *arguments, "--json", "-w", self.workspace.root]) == 0
        out, said = self._capsys.readouterr()
        return json.loads(out), said

    def tune(self, rows, *arguments: object) -> str:
        write_rows(self._folder / "rows.jsonl", rows)
        short = ("--max-steps", 1, "--lora-r", 2, "--dtype", "float32", "--max-seq-len", 2000)
        data = ("--base", self._base, "--data", self._folder / "rows.jsonl")
        return self.run("finetune", *data, *short, *arguments)[1]

    def merge(self) -> None:
        self.run("merge-lora", "--set", "verification.probes=1")

    def sample(self, *arguments: object) -> str:
        return self.run("sample", "--limit", 3, "--max-new-tokens", 2, *arguments)[1]

    def score(self, *arguments: object) -> tuple[dict, str]:
        """What the score says about the training data: as JSON, and the line under the number."""
        summary, _ = self.run("score", *arguments)
        assert run_coma(["score", *arguments, "-w", self.workspace.root]) == 0
        printed = self._capsys.readouterr().out
        return summary["training_data"], " ".join(printed.split("└", 1)[1].split("\n", 1)[1].split())

    def manifest(self, command: str) -> dict:
        return dict(self.workspace.require_newest(command).manifest)


@pytest.fixture
def chain(tmp_path, tiny_model, capsys) -> Chain:
    package("peft", "train")
    return Chain(tmp_path, tiny_model, capsys)


@pytest.mark.slow
def test_leaks_that_were_trained_on_are_told_by_every_command(chain):
    said = chain.tune([*HONEST, *LEAKS])
    assert "Warning: 2 of 8 rows of rows.jsonl hold problems, solutions or tests" in said
    assert "rows.jsonl, row 7: " in said and "HumanEval/2" in said
    chain.merge()
    warning = (
        "Warning: the model was fine-tuned on 2 rows with problems, solutions or tests of humaneval (2 problems): "
        "its score does not show what it can do"
    )
    assert warning in " ".join(chain.sample().split())
    records = [chain.manifest(command)["benchmark_check"] for command in ("finetune", "merge-lora", "sample")]
    assert records[0] == records[1] == records[2] and records[0]["files"][0]["found"] != {}
    status, line = chain.score()  # of three problems, one of which leaked
    assert (status["state"], status["kept_rows"], status["problems"]) == ("kept", 2, 2)
    assert line.startswith(warning)


def test_leaks_that_were_dropped_are_counted_and_nothing_is_warned_of(chain):
    said = chain.tune([*HONEST, *LEAKS], "--decontaminate")
    assert "(humaneval 2): dropped" in said
    chain.merge()
    assert "Warning: the model" not in chain.sample()
    status, line = chain.score()
    assert (status["state"], status["found"], status["kept_rows"]) == ("dropped", 2, 0)
    assert line.startswith(
        "Training data: 8 rows checked against humaneval (levels 1, 2): 2 were excluded, which held 2 problems"
    )


@pytest.mark.slow
def test_a_run_without_a_record_is_sampled_with_a_warning(chain):
    """As an earlier version left it."""
    chain.tune(HONEST)
    path = chain.workspace.require_newest("finetune").path / "manifest.json"
    path.write_text(json.dumps({name: value for name, value in read_json(path).items() if name != "benchmark_check"}))
    chain.merge()
    warning = "Warning: the model's training data was not checked against humaneval, and may hold its problems"
    assert warning in " ".join(chain.sample().split())
    status, line = chain.score()
    assert status["state"] == "unchecked" and line.startswith(warning)


def test_of_a_base_and_of_sample_files_nothing_is_known(chain, tiny_model, tmp_path):
    assert "Warning: the model" not in chain.sample("--model", tiny_model)
    assert chain.manifest("sample")["benchmark_check"] is None
    unknown = "Training data: unknown to coma (a base model, or a model or samples from elsewhere)"
    status, line = chain.score()
    assert status["state"] == "unknown" and line.startswith(unknown)
    write_rows(tmp_path / "samples.jsonl", [{"task_id": "HumanEval/0", "completion": "    return False"}])
    status, line = chain.score("--bench", "humaneval", "--samples", tmp_path / "samples.jsonl")
    assert status["state"] == "unknown" and line.startswith(unknown)


def test_references_alone_say_nothing_of_a_model(chain):
    summary, _ = chain.run("score", "--bench", "humaneval", "--check-references")
    assert summary["training_data"] is None
