"""Qwen-7B of 2023 by its name, from the Hub's cache to an answer: its own vocabulary and layout, random weights."""

import json

import pytest

from tests.qwen_of_2023 import make_original, place_in_hub_cache
from tests.requirements import SHARED, package, skip_unless
from tests.support.command import coma

ROWS = [
    {"instruction": f"Write a function that adds {n}.", "input": "", "output": f"def add(x):\n    return x + {n}\n"}
    for n in range(8)
]


@pytest.mark.slow
def test_finetune_merge_and_sample_by_the_name_qwen_7b(tmp_path):
    """All 151,936 rows of the vocabulary, hidden size 64."""
    package("bitsandbytes", "bnb")
    vocabulary = SHARED / "bases" / "qwen-7b" / "qwen.tiktoken"
    skip_unless("shared", vocabulary.is_file(), "no vocabulary of Qwen-7B in ../shared")
    original = make_original(tmp_path / "original", vocabulary=vocabulary, rows=151_936)
    place_in_hub_cache(original, tmp_path / "hub", "Qwen/Qwen-7B", "ef" + "0" * 38)
    (tmp_path / "rows.json").write_text(json.dumps(ROWS))
    environment = {
        "HF_HOME": str(tmp_path / "hub"),
        "HF_HUB_OFFLINE": "1",
        "COMA_CACHE": str(tmp_path / "cache"),
        "COMA_WORKSPACE": str(tmp_path / "ws"),
    }

    def run(*arguments: str) -> dict:
        done = coma(*arguments, "--json", cwd=tmp_path, timeout=600, **environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    tuned = run("finetune", "--base", "qwen-7b", "--qlora", "--max-steps", "2", "--data", "rows.json")
    assert (tuned["steps"], tuned["rows_trained_on"]) == (2, 8)
    # Weights drawn at random give many near ties among 151,936 tokens.
    few = ("--set", "verification.probes=1", "--set", "verification.min_greedy_agreement=0.8")
    merged = run("merge-lora", *few)
    assert merged["base"] == "qwen-7b"
    config = json.loads((tmp_path / merged["output"] / "config.json").read_text())
    assert (config["model_type"], config["vocab_size"]) == ("qwen2", 151_936)
    sampled = run("sample", "--bench", "humaneval", "--limit", "1", "-n", "1", "--max-new-tokens", "8")
    assert sampled["samples"] == 1
    assert len(list((tmp_path / "cache" / "bases").glob("qwen-7b-*-v1"))) == 1
