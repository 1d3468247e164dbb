"""Every mode of tuning on real rows: SmolLM2 learns from CodeAlpaca, and what it leaves is a model that samples."""

import json
import sys
from pathlib import Path

import pytest

from coma_cli.jsonl import read_rows
from tests.requirements import package, shared_data, smollm2
from tests.support.command import coma

pytestmark = [pytest.mark.soak, pytest.mark.model]
ROWS = 24  # rows of validation; the others are trained on
STEPS = "10"
USUAL = ("--base", "smollm2-135m", "--max-seq-len", "160", "--batch-size", "6", "--set", "batch.accumulation=1")
USUAL += ("--set", "optimizer.warmup_steps=0", "--eval-steps", STEPS)


def run(folder: Path, *arguments: str) -> dict:
    done = coma(*arguments, "--workspace", str(folder / "ws"), "--json", cwd=folder, timeout=1500)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def tuned(folder: Path, name: str, *options: str) -> float:
    """The validation loss at the end of a run."""
    run(folder, "finetune", *USUAL, "--data", "train.json", "--validation", "validation.json", *options, "--name", name)
    return [*read_rows(folder / "ws" / "finetune" / name / "metrics.jsonl")][-1]["validation_loss"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The slice of CodeAlpaca in two files."""
    smollm2()
    package("bitsandbytes", "bnb")
    folder = tmp_path_factory.mktemp("modes")
    rows = json.loads((shared_data() / "codealpaca" / "code_alpaca_2k.json").read_text())
    short = [row for row in rows if len(row["instruction"] + row["input"] + row["output"]) < 400]
    (folder / "validation.json").write_text(json.dumps(short[:ROWS]))
    (folder / "train.json").write_text(json.dumps(short[ROWS:]))
    return folder


@pytest.fixture(scope="module")
def untuned(folder) -> float:
    """The loss of a model that has hardly moved."""
    return tuned(folder, "untuned", "--lora", "--max-steps", "1", "--eval-steps", "1", "--learning-rate", "1e-12")


@pytest.mark.parametrize(
    ("mode", "rate"), [("lora", "5e-4"), ("qlora", "5e-4"), ("int8-lora", "5e-4"), ("full", "5e-5")]
)
def test_the_validation_loss_falls_and_the_model_samples(folder, untuned, mode, rate, capsys):
    loss = tuned(folder, mode, f"--{mode}", "--max-steps", STEPS, "--learning-rate", rate)
    with capsys.disabled():
        sys.stdout.write(f"\n{mode}: validation loss {untuned:.4f} before, {loss:.4f} after {STEPS} steps of 6 rows\n")
    assert loss < untuned - 0.02
    model = folder / "ws" / "finetune" / mode
    if mode != "full":
        merged = run(folder, "merge-lora", "--adapter", str(model), "--set", "verification.probes=2", "--name", mode)
        assert merged["greedy_agreement"] >= 0.99
        model = folder / "ws" / "merge-lora" / mode
    few = ("--task-ids", "13,53", "--temperature", "0", "--max-new-tokens", "32")
    sampled = run(folder, "sample", "--bench", "humaneval", "--model", str(model), *few, "--name", mode)
    assert sampled["samples"] == 2
    assert all(row["completion"].strip() for row in read_rows(folder / "ws" / "sample" / mode / "samples.jsonl"))
