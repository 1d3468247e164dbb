import json

import pytest

from coma_cli.errors import UsageError
from coma_cli.models.qwen.adapters import is_for_original, rewrite
from tests.qwen_of_2023 import converted_model, original_config, original_logits, random_weights
from tests.requirements import package

CONFIG = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 16, "lora_dropout": 0.05, "bias": "none"}
LAYERS = ("attn.c_attn", "attn.c_proj", "mlp.w1", "mlp.w2", "mlp.c_proj")
SCALE = 16 / 4


def make_adapter(folder, weights, **settings):
    """An adapter of all layers of the original layout, with its matrices by layer."""
    import torch
    from safetensors.torch import save_file

    draw = torch.Generator().manual_seed(5)
    matrices = {}
    for layer in (f"transformer.h.{number}.{name}" for number in range(2) for name in LAYERS):
        outputs, inputs = weights[f"{layer}.weight"].shape
        matrices[layer] = tuple(torch.randn(shape, generator=draw) * 0.1 for shape in ((4, inputs), (outputs, 4)))
    folder.mkdir()
    tensors = {
        f"base_model.model.{layer}.lora_{side}.weight": matrix
        for layer, pair in matrices.items()
        for side, matrix in zip("AB", pair, strict=True)
    }
    save_file(tensors, folder / "adapter_model.safetensors")
    named = {"target_modules": ["c_attn", "c_proj", "w1", "w2"], **settings}
    (folder / "adapter_config.json").write_text(json.dumps({**CONFIG, **named}))
    return matrices


def test_the_rewritten_adapter_changes_the_converted_model_as_it_changed_the_original(tmp_path):
    package("peft", "train")
    import peft
    import torch

    config = original_config(300)
    weights = {name: tensor.float() for name, tensor in random_weights(config).items()}
    matrices = make_adapter(tmp_path / "theirs", weights)
    (tmp_path / "ours").mkdir()
    rewrite(tmp_path / "theirs", tmp_path / "ours")
    ids = torch.randint(0, 300, (2, 40), generator=torch.Generator().manual_seed(1))
    adapted = dict(weights)
    for layer, (a, b) in matrices.items():
        adapted[f"{layer}.weight"] = weights[f"{layer}.weight"] + SCALE * b @ a
    model = peft.PeftModel.from_pretrained(converted_model(weights, config), str(tmp_path / "ours")).eval()
    with torch.inference_mode():
        expected = original_logits(adapted, config, ids)
        plain = original_logits(weights, config, ids)
        found = model(ids).logits
    assert (expected - plain).abs().max() > 1
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


def test_adapters_of_the_converted_layout_are_told_apart():
    assert is_for_original(["base_model.model.transformer.h.0.attn.c_attn.lora_A.weight"])
    assert not is_for_original(["base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"])
    assert not is_for_original([])


def test_settings_for_single_layers_and_foreign_layers_are_refused(tmp_path):
    package("peft", "train")
    weights = random_weights(original_config(300))
    make_adapter(tmp_path / "patterns", weights, rank_pattern={"c_attn": 8})
    with pytest.raises(UsageError, match="rank_pattern"):
        rewrite(tmp_path / "patterns", tmp_path)

    make_adapter(tmp_path / "foreign", weights)
    from safetensors.torch import load_file, save_file

    path = tmp_path / "foreign" / "adapter_model.safetensors"
    first, *_others = load_file(path).values()
    save_file({"base_model.model.transformer.h.0.crossattention.lora_A.weight": first}, path)
    with pytest.raises(UsageError, match=r"adapts transformer\.h\.0\.crossattention"):
        rewrite(tmp_path / "foreign", tmp_path)
