"""Joined projections compute what the single ones did, and other layers are left alone."""

import copy

import pytest

from tests.requirements import package

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.engines.fused_linears import join_linears  # noqa: E402  # after the skip

SIZES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
SIZES |= {"num_key_value_heads": 2, "vocab_size": 100, "max_position_embeddings": 64}
IDS = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])


def made(kind, **options):
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **SIZES, **options)).eval()


@pytest.mark.parametrize("kind", ["llama", "qwen2", "mistral", "gemma2", "olmo2"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_stay_equal_but_for_last_bits(kind, dtype):
    model = made(kind).to(dtype)
    for bias in (p for name, p in model.named_parameters() if name.endswith("bias")):
        torch.nn.init.normal_(bias)
    names = {name for name, _ in model.named_parameters()}
    with torch.inference_mode():
        before = model(IDS).logits
        assert join_linears(model) == 4, "attention and feed-forward part of two layers"
        after = [model(IDS).logits for _ in range(2)]
    torch.testing.assert_close(after[0], before)
    assert torch.equal(after[0], after[1])
    assert {name for name, _ in model.named_parameters()} == names
    assert join_linears(model) == 0


def test_no_weight_is_held_twice():
    model = made("llama")
    bytes_before = sum(p.numel() for p in model.parameters())
    join_linears(model)
    stores = {p.untyped_storage().data_ptr(): p.untyped_storage().nbytes() // 4 for p in model.parameters()}
    assert sum(stores.values()) == bytes_before


def test_layers_with_an_adapter_are_left_alone():
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(made("llama"), LoraConfig(target_modules=["k_proj"], task_type="CAUSAL_LM"))
    before = copy.deepcopy(model)
    assert join_linears(model) == 2, "gate and up"
    torch.testing.assert_close(model(IDS).logits, before(IDS).logits)
