"""Adapters and compiled models hide what the model inside accepts."""

import pytest

from tests.requirements import package

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.engines.innermost import accepted, innermost  # noqa: E402  # after the skip

OPTIONS = {"position_ids": 1, "logits_to_keep": 1, "no_such_thing": 1}


def test_the_model_inside_adapters_and_compiled_modules():
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=50, **sizes))
    with_adapter = get_peft_model(model, LoraConfig(target_modules=["q_proj"], task_type="CAUSAL_LM"))
    for wrapped in (model, with_adapter, torch.compile(model), torch.compile(with_adapter)):
        assert innermost(wrapped) is model
        assert accepted(wrapped, OPTIONS) == {"position_ids": 1, "logits_to_keep": 1}
