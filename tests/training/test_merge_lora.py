"""merge-lora: what comes out answers as base and adapter did, and what does not belong together is refused."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from coma_cli.errors import CliError, UsageError
from coma_cli.hashing import hash_tree
from coma_cli.jsonl import read_json, read_rows, write_json
from coma_cli.settings import load_settings
from coma_cli.training import merge_lora
from coma_cli.training.merging.settings import MergeSettings
from coma_cli.workspace import Workspace
from tests.qwen_of_2023 import make_original
from tests.requirements import ROOT, package, smollm2
from tests.tiny_model import make_tiny_model
from tests.training.merging.runs import merge, tune

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_the_merged_model_is_base_plus_scaled_product_of_the_matrices(root, tiny_model):
    """Checked against arithmetic of our own, not against peft's."""
    import torch
    from safetensors.torch import load_file

    manifest = merge(root)
    config = read_json(root / "finetune" / "lora" / "adapter" / "adapter_config.json")
    scale = config["lora_alpha"] / config["r"]
    matrices = load_file(root / "finetune" / "lora" / "adapter" / "adapter_model.safetensors")
    before, after = (
        load_file(tiny_model / "model.safetensors"),
        load_file(root / "merge-lora" / "merged" / "model" / "model.safetensors"),
    )
    assert before.keys() == after.keys()
    changed = 0
    for name, weight in before.items():
        key = f"base_model.model.{name.removesuffix('.weight')}.lora_"
        if f"{key}A.weight" in matrices:
            weight = weight + scale * matrices[f"{key}B.weight"] @ matrices[f"{key}A.weight"]
            changed += 1
        assert torch.allclose(after[name], weight, atol=1e-6), name
    assert changed == 14
    assert manifest["work"] == {"unit": "steps", "done_since_start": 5, "total": 5}
    assert set(manifest["outputs"]) == {"model", "verification.jsonl"}
    assert [i["name"] for i in manifest["inputs"]] == ["base", "finetune"]


def test_the_comparison_is_in_the_summary_and_in_a_row_a_probe(root):
    merge(root)
    summary = read_json(root / "merge-lora" / "merged" / "summary.json")
    rows = list(read_rows(root / "merge-lora" / "merged" / "verification.jsonl"))
    assert [row["probe"] for row in rows] == [0, 1]
    assert summary["max_logit_difference"] == max(row["max_logit_difference"] for row in rows) < 1e-4
    assert summary["greedy_agreement"] == 1.0
    assert summary["max_adapter_effect"] > 0.1


def test_rounding_is_measured_against_that_of_the_unmerged_model(root):
    merge(root, name="rounded", dtype="bf16")
    summary = read_json(root / "merge-lora" / "rounded" / "summary.json")
    assert summary["dtype"] == "bfloat16"
    assert summary["max_logit_difference"] > 1e-3
    assert 0 < summary["kl_divergence"] < summary["limits"]["max_kl_divergence"]
    assert summary["limits"]["max_kl_divergence"] == max(1e-3, 2 * summary["rounded_kl_divergence"])
    assert summary["rounded_kl_divergence"] > 0
    assert summary["greedy_agreement"] >= summary["limits"]["min_greedy_agreement"] == 0.99
    manifest = read_json(root / "merge-lora" / "rounded" / "manifest.json")
    assert manifest["verification"]["kl_divergence"] == summary["kl_divergence"]


@pytest.mark.parametrize(
    ("dtype", "limit", "value"),
    [
        ("fp32", "max_logit_difference", 1e-9),
        ("bf16", "max_logit_difference", 1e-5),
        ("bf16", "max_kl_divergence", 1e-12),
    ],
)
def test_a_figure_beyond_its_limit_fails_the_merge_and_all_are_named(dtype, limit, value, root):
    changes = {f"verification.{limit}": value}
    with pytest.raises(CliError, match="differs from base and adapter: by up to") as caught:
        merge(root, name="strict", dtype=dtype, **changes)
    assert caught.value.exit_code == 1
    assert "KL divergence" in caught.value.message and "most likely token" in caught.value.message
    assert f"verification.{limit}" in caught.value.hint
    assert ("float32" in caught.value.hint) is (dtype == "bf16")
    assert not (root / "merge-lora" / "strict" / "manifest.json").exists()


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_a_model_that_is_not_what_was_merged_is_caught(dtype, root, tiny_model):
    """The comparison reads the model from disk: put the untouched base there, and it must fail."""
    with pytest.raises(CliError, match="differs from base and adapter"):
        merge(root, dtype=dtype, before=lambda run: shutil.copytree(tiny_model, run.path / "model"))


def test_a_second_merge_does_nothing_and_a_gguf_file_is_added_to_the_first(root):
    package("gguf", "train")
    first = merge(root)
    weights = root / "merge-lora" / "merged" / "model" / "model.safetensors"
    written = weights.stat().st_mtime_ns
    settings = load_settings(MergeSettings, flags={"verification.probes": 2})
    plan = merge_lora.STAGE.plan(settings, Workspace(root))
    assert Workspace(root).finished_run("merge-lora", settings, plan, name="merged") is not None
    for kind in ("q8_0", "f16"):
        added = merge(root, gguf=kind)
        assert added["fingerprint"] == first["fingerprint"]
        assert added["work"]["done_since_start"] == 1
    assert set(added["outputs"]) == {"model", "verification.jsonl", "gguf.jsonl", "model-f16.gguf", "model-q8_0.gguf"}
    assert weights.stat().st_mtime_ns == written
    summary = read_json(root / "merge-lora" / "merged" / "summary.json")
    found = {row["kind"]: row for row in summary["gguf"]}
    assert found["f16"]["kl_divergence"] < 1e-6 and found["q8_0"]["kl_divergence"] < 1e-2
    assert Path(found["q8_0"]["file"]).read_bytes()[:4] == b"GGUF"


def test_files_follow_the_umask(root):
    old = os.umask(0o027)
    try:
        merge(root)
    finally:
        os.umask(old)
    files = [path for path in (root / "merge-lora" / "merged" / "model").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"model.safetensors", "tokenizer.json", "config.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o640}


def test_a_checkpoint_is_merged_as_its_run_says(root):
    checkpoint = root / "finetune" / "lora" / "continuation" / "checkpoint-8"
    merge(root, name="run")
    manifest = merge(root, name="checkpoint", adapter=str(checkpoint))
    assert [i["name"] for i in manifest["inputs"]] == ["base", "adapter"]
    run, ours = (root / "merge-lora" / name / "model" for name in ("run", "checkpoint"))
    assert (run / "model.safetensors").read_bytes() == (ours / "model.safetensors").read_bytes()
    assert (run / "coma_template.json").read_bytes() == (ours / "coma_template.json").read_bytes()
    settings = root / "finetune" / "lora" / "settings.json"
    header = read_json(settings)
    for entry in header["inputs"]:
        entry["content_sha256"] = "0" * 64
    write_json(settings, header)
    with pytest.raises(UsageError, match="has changed since"):
        merge(root, name="other", adapter=str(checkpoint))


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.parametrize("mode", [pytest.param("lora", marks=pytest.mark.soak), "qlora"])
def test_a_real_adapter_of_smollm2_is_merged_in_16_bits(mode, tmp_path):
    smollm2()
    package("bitsandbytes", "bnb")
    few = {"max_steps": 2, "batch.size": 2, "optimizer.learning_rate": 2e-3, "dtype": "bfloat16"}
    tune(tmp_path, Path("smollm2-135m"), mode, mode=mode, **few)
    merge(tmp_path, dtype="bf16", **{"verification.min_greedy_agreement": 0.97})  # 5 of 295 positions may be ties
    summary = read_json(tmp_path / "merge-lora" / "merged" / "summary.json")
    assert summary["max_adapter_effect"] > 1
    assert 0 < summary["kl_divergence"] < summary["limits"]["max_kl_divergence"] < 0.01
    if mode == "qlora":
        assert summary["other_base"]["kl_divergence"] > 10 * summary["kl_divergence"]


KILLED = """
import os, signal, sys
from coma_cli.training.merging import shard_file
done = shard_file.ShardFile.__exit__


def exit_and_die(self, *about):
    done(self, *about)
    if "references" not in str(self._path) and self._path.name.startswith("model-00003"):
        os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] == "die":
    shard_file.ShardFile.__exit__ = exit_and_die
from tests.training.test_merge_lora import merge
from pathlib import Path
merge(Path(sys.argv[2]), name=sys.argv[3], adapter=sys.argv[4])
"""


@pytest.mark.slow
def test_a_merge_killed_between_two_files_continues_with_the_third(tmp_path):
    from transformers import AutoModelForCausalLM

    base = make_tiny_model(tmp_path / "tiny")
    model = AutoModelForCausalLM.from_pretrained(base)
    (base / "model.safetensors").unlink()
    model.save_pretrained(base, max_shard_size="60KB")
    folder = tune(tmp_path, base, "sharded")

    def run(*arguments: str) -> int:
        command = [sys.executable, "-c", KILLED, arguments[0], str(tmp_path), arguments[1], str(folder)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=300, check=False).returncode

    assert run("die", "killed") == -9
    made = tmp_path / "merge-lora" / "killed" / ".merged" / "model"
    before = {path.name: path.stat().st_mtime_ns for path in made.glob("*.safetensors")}
    assert len(before) == 3 and not (made / "config.json").exists()
    assert run("go", "killed") == run("go", "whole") == 0
    killed, whole = (tmp_path / "merge-lora" / name / "model" for name in ("killed", "whole"))
    assert {path.name: path.stat().st_mtime_ns for path in killed.glob("*.safetensors")}.items() >= before.items()
    assert hash_tree(killed) == hash_tree(whole)
    assert len(list(whole.glob("*.safetensors"))) > 3


@pytest.mark.slow
def test_a_killed_merge_does_only_what_is_missing(root, monkeypatch):
    whole = merge(root, name="whole")
    for done_before in range(1, 5):

        def die(run, done_before=done_before) -> None:
            count = run.count_work

            def count_or_die(units: int = 1) -> None:
                count(units)
                if run.work_done == done_before:
                    raise KeyboardInterrupt

            run.count_work = count_or_die

        name = f"killed-{done_before}"
        with pytest.raises(KeyboardInterrupt):
            merge(root, name=name, before=die)
        resumed = merge(root, name=name)
        assert resumed["content_sha256"] == whole["content_sha256"]
        assert resumed["work"]["done_since_start"] == 5 - done_before


def test_numbers_that_are_not_finite_are_refused(root, foreign):
    import torch
    from safetensors.torch import load_file, save_file

    matrices = load_file(foreign / "adapter_model.safetensors")
    next(iter(matrices.values())).fill_(torch.nan)
    save_file(matrices, foreign / "adapter_model.safetensors")
    with pytest.raises(UsageError, match="not finite"):
        merge(root, adapter=str(foreign))


def test_an_adapted_output_layer_of_a_tied_base_does_not_change_the_embedding(root, tiny_model, tmp_path):
    import torch
    from safetensors.torch import load_file

    tune(root, tiny_model, "head", **{"lora.target_modules": ["lm_head", "q_proj"]})
    merge(root, name="head", adapter=str(root / "finetune" / "head"))
    weights = load_file(root / "merge-lora" / "head" / "model" / "model.safetensors")
    embedding = load_file(tiny_model / "model.safetensors")["model.embed_tokens.weight"]
    assert torch.equal(weights["model.embed_tokens.weight"], embedding)
    assert not torch.equal(weights["lm_head.weight"], embedding)
    assert read_json(root / "merge-lora" / "head" / "model" / "config.json")["tie_word_embeddings"] is False
    summary = read_json(root / "merge-lora" / "head" / "summary.json")
    assert summary["max_logit_difference"] < 1e-4


def test_an_adapter_of_qwens_fused_layout_is_merged_into_the_converted_base(tmp_path, monkeypatch):
    """The base and the adapter as they were published in 2023, on the layers and under the names of then."""
    import torch
    from safetensors.torch import load_file, save_file

    monkeypatch.setenv("COMA_CACHE", str(tmp_path / "cache"))
    original = make_original(tmp_path / "qwen")
    fused = "transformer.h.1.attn.c_attn"
    a, b = torch.randn(4, 64) * 0.1, torch.randn(192, 4) * 0.1
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    tensors = {f"base_model.model.{fused}.lora_A.weight": a, f"base_model.model.{fused}.lora_B.weight": b}
    save_file(tensors, adapter / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "target_modules": ["c_attn"]}
    write_json(adapter / "adapter_config.json", config)
    merge(tmp_path, adapter=str(adapter), base=str(original))
    folder = tmp_path / "merge-lora" / "merged" / "model"
    merged = {name: tensor for path in folder.glob("*.safetensors") for name, tensor in load_file(path).items()}
    found = torch.cat([merged[f"model.layers.1.self_attn.{name}_proj.weight"] for name in "qkv"])
    base = torch.cat(
        [
            tensor
            for path in sorted((tmp_path / "cache" / "bases").glob("qwen-*-v1/*.safetensors"))
            for name, tensor in sorted(load_file(path).items())
            if "layers.1.self_attn" in name and name.endswith(("q_proj.weight", "k_proj.weight", "v_proj.weight"))
        ]
    )
    order = torch.cat([base[64:128], base[:64], base[128:]])  # k, q, v by name
    assert torch.allclose(found, order.float() + 2 * b @ a, atol=1e-6)


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "merge-lora").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_configuration_is_one(path):
    load_settings(MergeSettings, config=path)
    assert path.read_text().startswith("# coma merge-lora ")
    assert json.dumps(load_settings(MergeSettings, config=path).model_dump(mode="json"))
