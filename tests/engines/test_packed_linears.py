"""Packed weights give the products of plain ones, and what cannot be packed is left alone."""

import copy

import pytest

from tests.requirements import package
from tests.tiny_model import make_tiny_model

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.engines.fused_linears import join_linears  # noqa: E402  # after the skip
from coma_cli.engines.packed_linears import PackedLinear, can_pack, pack_linears  # noqa: E402

if not can_pack(torch.zeros(1, 1, dtype=torch.bfloat16)):
    pytest.skip("this processor has no bfloat16 products", allow_module_level=True)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(96,), (1, 96), (64, 96), (3, 70, 96)])
def test_the_product_is_that_of_the_layer(bias, shape):
    torch.manual_seed(0)
    linear, states = torch.nn.Linear(96, 40, bias=bias).bfloat16(), torch.randn(shape).bfloat16()
    with torch.inference_mode():
        torch.testing.assert_close(PackedLinear(linear)(states), linear(states))


@pytest.mark.parametrize("joined", [True, False])
def test_a_models_layers_and_its_head(tmp_path, joined):
    from transformers import AutoModelForCausalLM

    folder = make_tiny_model(tmp_path / "tiny")
    model, before = (AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16) for _ in range(2))
    if joined:
        join_linears(model)
    assert pack_linears(model) == (9 if joined else 15)
    assert pack_linears(model) == 0
    ids = torch.arange(5, 45)[None]
    with torch.inference_mode():
        expected, found = before(ids).logits, model(ids).logits
    assert float((found - expected).norm() / expected.norm()) < 0.01
    assert torch.equal(model.model.embed_tokens.weight, before.model.embed_tokens.weight)
    held = sum(p.numel() for p in model.parameters())
    assert held < 1.01 * before.model.embed_tokens.weight.numel() + 1000, "only embeddings and norms are held unpacked"


def test_float32_is_left_alone(tmp_path):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(make_tiny_model(tmp_path / "tiny"), dtype=torch.float32)
    assert pack_linears(model) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_adapters_own_matrices_are_kept(tmp_path, dtype):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = make_tiny_model(tmp_path / "tiny")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    model = get_peft_model(model, LoraConfig(target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM")).eval()
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
        if "lora_" in name:
            weight.data = weight.data.to(dtype)
    before, ids = copy.deepcopy(model), torch.arange(5, 45)[None]
    pack_linears(model)
    with torch.inference_mode():
        expected, found = before(ids).logits.float(), model(ids).logits.float()
    assert float((found - expected).norm() / expected.norm()) < 0.01
