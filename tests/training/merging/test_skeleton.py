"""Each kind of LoRA adapter is merged, tensor by tensor, into what base and adapter compute; the rest is refused."""

import json
from pathlib import Path

import pytest

from coma_cli.errors import CliError, UsageError
from tests.requirements import package
from tests.tiny_model import make_tiny_model
from tests.training.merging.adapters import logits_of_both, make_adapter, merged_by_coma, shake

pytestmark = pytest.mark.filterwarnings("ignore")
ATTENTION = ["q_proj", "v_proj"]
KINDS = {
    "plain": {"target_modules": ATTENTION},
    "rslora": {"target_modules": ATTENTION, "use_rslora": True},
    "dora": {"target_modules": [*ATTENTION, "down_proj"], "use_dora": True},
    "patterns": {
        "target_modules": "all-linear",
        "rank_pattern": {"q_proj": 2, r"layers\.1\..*up_proj": 6},
        "alpha_pattern": {"down_proj": 32},
    },
    "lora-bias": {"target_modules": ["q_proj"], "lora_bias": True},
    "biases": {"target_modules": ATTENTION, "bias": "all"},
    "one-layer": {"target_modules": ATTENTION, "layers_to_transform": [1]},
    "embedding": {"target_modules": ["embed_tokens", "q_proj"]},
    "head": {"target_modules": ["lm_head", "q_proj"]},
    "saved-norm": {"target_modules": ATTENTION, "modules_to_save": ["norm"]},
    "saved-mlp": {"target_modules": ATTENTION, "modules_to_save": ["mlp"]},
    "saved-embedding": {"target_modules": ATTENTION, "modules_to_save": ["embed_tokens"]},
    "saved-ends": {"target_modules": ATTENTION, "modules_to_save": ["embed_tokens", "lm_head"]},
    "tied-ends": {
        "target_modules": ATTENTION,
        "modules_to_save": ["embed_tokens", "lm_head"],
        "ensure_weight_tying": True,
    },
    "tokens": {"target_modules": ATTENTION, "trainable_token_indices": [3, 7, 9]},
}


@pytest.fixture(scope="module")
def biased(tmp_path_factory) -> Path:
    """A tiny Llama with biases and shared embeddings, in several files."""
    package("peft", "train")
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = make_tiny_model(tmp_path_factory.mktemp("biased") / "tiny")
    config = LlamaConfig.from_pretrained(folder)
    config.attention_bias = True
    model = LlamaForCausalLM(config)
    shake(model, 0.05)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="100KB")
    assert len(list(folder.glob("*.safetensors"))) > 3
    AutoTokenizer.from_pretrained(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_merged_model_computes_what_base_and_adapter_do(kind, biased, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM

    adapter = make_adapter(biased, tmp_path / "adapter", **KINDS[kind])
    merged = merged_by_coma(biased, adapter, tmp_path / "merged")
    expected, found = logits_of_both(biased, adapter, merged)
    plain = AutoModelForCausalLM.from_pretrained(biased, dtype=torch.float32)(torch.arange(3, 80)[None]).logits
    assert (expected - plain).abs().max() > 0.01
    assert torch.allclose(found, expected, atol=1e-5), (found - expected).abs().max()
    tied = json.loads((merged / "config.json").read_text())["tie_word_embeddings"]
    assert tied is (kind not in ("embedding", "head", "saved-embedding", "saved-ends"))


@pytest.mark.parametrize("rows", [448, 380])
@pytest.mark.parametrize("saved", [None, ["embed_tokens", "lm_head"]])
def test_resized_embeddings_come_from_the_adapter(rows, saved, tmp_path):
    """peft saves them by itself; this ended in a traceback about sizes."""
    import torch

    base = make_tiny_model(tmp_path / "tiny")
    adapter = make_adapter(base, tmp_path / "adapter", rows=rows, target_modules=ATTENTION, modules_to_save=saved)
    merged = merged_by_coma(base, adapter, tmp_path / "merged")
    expected, found = logits_of_both(base, adapter, merged, rows)
    assert found.shape[-1] == rows == json.loads((merged / "config.json").read_text())["vocab_size"]
    assert torch.allclose(found, expected, atol=1e-5)


def test_layers_that_are_stored_transposed(tmp_path):
    """GPT-2's, whose files also lack the prefix of the names."""
    package("peft", "train")
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import GPT2Config, GPT2LMHeadModel

    from tests.tiny_model import make_tiny_tokenizer

    base = tmp_path / "gpt"
    make_tiny_tokenizer().save_pretrained(base)
    GPT2LMHeadModel(GPT2Config(vocab_size=400, n_embd=32, n_layer=2, n_head=2, n_positions=128)).save_pretrained(base)
    weights = {name.removeprefix("transformer."): w for name, w in load_file(base / "model.safetensors").items()}
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    adapter = make_adapter(base, tmp_path / "adapter", target_modules=["c_attn", "c_proj"], fan_in_fan_out=True)
    merged = merged_by_coma(base, adapter, tmp_path / "merged")
    expected, found = logits_of_both(base, adapter, merged)
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"use_qalora": True}, "use_qalora"),
        ({"alora_invocation_tokens": [1]}, "alora_invocation_tokens"),
        ({"layer_replication": [[0, 2]]}, "layer_replication"),
        ({"init_lora_weights": "pissa"}, "pissa"),
        ({"init_lora_weights": "loftq"}, "loftq"),
    ],
)
def test_what_can_not_be_merged_is_refused_by_name(changes, named, tiny_model, tmp_path):
    folder = make_adapter(tiny_model, tmp_path / "adapter", target_modules=ATTENTION)
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(UsageError, match=named):
        merged_by_coma(tiny_model, folder, tmp_path / "merged")
    assert not list((tmp_path / "merged").iterdir())


def test_tokens_without_embeddings_are_refused(tiny_model, tmp_path):
    from tests.tiny_model import make_tiny_tokenizer

    folder = make_adapter(tiny_model, tmp_path / "adapter", target_modules=ATTENTION)
    tokenizer = make_tiny_tokenizer()
    tokenizer.add_tokens(["<more>"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(UsageError, match="the adapter brings none"):
        merged_by_coma(tiny_model, folder, tmp_path / "merged")


def test_a_base_that_is_stored_in_fewer_bits_is_refused(tiny_model, tmp_path):
    import shutil

    base = tmp_path / "tiny"
    shutil.copytree(tiny_model, base)
    config = json.loads((base / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (base / "config.json").write_text(json.dumps(config))
    folder = make_adapter(tiny_model, tmp_path / "adapter", target_modules=ATTENTION)
    with pytest.raises(CliError, match="stored in fewer bits"):
        merged_by_coma(base, folder, tmp_path / "merged")
