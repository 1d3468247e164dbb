"""What an adapter that was trained on fewer bits is merged into: the weights that training saw."""

import pytest

from coma_cli.jsonl import read_json
from tests.requirements import package
from tests.training.merging.runs import merge, tune

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.mark.slow
def test_qlora_is_merged_into_the_base_as_it_was_trained_on(root, tiny_model):
    package("bitsandbytes", "bnb")
    import bitsandbytes
    import torch
    from safetensors.torch import load_file

    tune(root, tiny_model, "four", mode="qlora")
    merge(root, name="four", adapter=str(root / "finetune" / "four"))
    summary = read_json(root / "merge-lora" / "four" / "summary.json")
    assert "4 bits" in summary["merged_into"]
    assert summary["max_logit_difference"] < 1e-4

    name = "model.layers.1.mlp.up_proj"
    key = f"base_model.model.{name}.lora_"
    matrices = load_file(root / "finetune" / "four" / "adapter" / "adapter_model.safetensors")
    weight = load_file(tiny_model / "model.safetensors")[f"{name}.weight"]
    packed, state = bitsandbytes.functional.quantize_4bit(weight, quant_type="nf4", compress_statistics=True)
    seen = bitsandbytes.functional.dequantize_4bit(packed, state)
    merged = load_file(root / "merge-lora" / "four" / "model" / "model.safetensors")[f"{name}.weight"]
    assert torch.allclose(merged, seen + 8 * matrices[f"{key}B.weight"] @ matrices[f"{key}A.weight"], atol=1e-5)
    assert not torch.allclose(merged, weight + 8 * matrices[f"{key}B.weight"] @ matrices[f"{key}A.weight"], atol=1e-3)

    merge(root, name="published", adapter=str(root / "finetune" / "four"), onto="published")
    other = read_json(root / "merge-lora" / "published" / "summary.json")
    assert other["max_logit_difference"] < 1e-4
    # Both figures, against the adapter on either base.
    assert summary["other_base"]["base"] == "published" and other["other_base"]["base"] == "4 bits"
    for found in (summary, other):
        assert found["other_base"]["max_logit_difference"] > 100 * found["max_logit_difference"]


@pytest.mark.slow
def test_an_adapter_from_elsewhere_can_be_merged_into_four_bits(root, foreign):
    package("bitsandbytes", "bnb")
    merge(root, name="nf4", adapter=str(foreign), onto="nf4")
    merge(root, name="plain", adapter=str(foreign))
    rounded, plain = (read_json(root / "merge-lora" / name / "summary.json") for name in ("nf4", "plain"))
    assert "4 bits" in rounded["merged_into"] and "published" in plain["merged_into"]
    assert rounded["max_logit_difference"] < 1e-4 < rounded["other_base"]["max_logit_difference"]
    assert plain["other_base"] is None


def test_what_training_computed_in_four_bits_is_what_the_dequantized_base_computes(tiny_model):
    """bitsandbytes' own product against the weights that we merge into."""
    package("bitsandbytes", "bnb")
    import torch

    from coma_cli.models.loading import Placement, load_model
    from coma_cli.models.quantization import four_bit_config
    from coma_cli.models.resolution import resolve_base

    config = four_bit_config(Placement("cpu", torch.float32))
    ids = torch.arange(3, 60)[None]
    trained = load_model(resolve_base(str(tiny_model)), torch.float32, "cpu", quantization_config=config).train()
    expected = trained(ids).logits
    plain = load_model(resolve_base(str(tiny_model)), torch.float32, "cpu", quantization_config=config)
    assert torch.allclose(plain.dequantize(dtype=torch.float32)(ids).logits, expected, atol=1e-5)
    assert not torch.allclose(load_model(resolve_base(str(tiny_model)))(ids).logits, expected, atol=1e-3)


@pytest.mark.parametrize(("bits", "kind"), [("4 bits", "Linear4bit"), ("8 bits", "Linear8bitLt")])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_what_training_saw_is_rounded_layer_by_layer(tiny_model, bits, kind, dtype):
    """Names and values of transformers' own loading in fewer bits."""
    package("bitsandbytes", "bnb")
    import torch
    from transformers import AutoModelForCausalLM

    from coma_cli.models.loading import DTYPES, Placement, load_model
    from coma_cli.models.quantization import eight_bit_config, four_bit_config
    from coma_cli.models.resolution import resolve_base
    from coma_cli.training.merging.rounding import BaseRounding

    resolved, seen = resolve_base(str(tiny_model)), DTYPES[dtype]
    config = four_bit_config(Placement("cpu", seen)) if bits == "4 bits" else eight_bit_config()
    stored = load_model(resolved, seen, "cpu", quantization_config=config)
    names = {name for name, module in stored.named_modules() if type(module).__name__ == kind}
    plain = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=seen)
    rounding = BaseRounding(bits, seen)
    assert rounding.layers(plain) == names
    assert names and "lm_head" not in names
    dequantized = stored.dequantize(dtype=torch.float32)
    for name in names:
        found = rounding.of(plain.get_submodule(name).weight.data)
        assert torch.equal(found.float(), dequantized.get_submodule(name).weight), name


@pytest.mark.slow
def test_an_adapter_on_eight_bits_is_merged_into_the_base_as_it_was_trained_on(root, tiny_model):
    package("bitsandbytes", "bnb")
    tune(root, tiny_model, "eight", mode="int8-lora")
    found = {}
    for onto in ("trained", "published"):
        merge(root, name=onto, adapter=str(root / "finetune" / "eight"), onto=onto)
        found[onto] = read_json(root / "merge-lora" / onto / "summary.json")
        assert found[onto]["max_logit_difference"] < 1e-4 < found[onto]["other_base"]["max_logit_difference"]
    assert "8 bits" in found["trained"]["merged_into"] and "published" in found["published"]["merged_into"]
    assert found["published"]["other_base"]["base"] == "8 bits"
