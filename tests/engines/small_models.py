"""Small random models of several architectures, without tokenizers."""

COMMON = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
COMMON |= {"num_key_value_heads": 2, "max_position_embeddings": 128}
FULL = {
    "llama": COMMON,
    "qwen2": COMMON,
    "qwen3": COMMON | {"head_dim": 16},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 128},
    "gpt_neox": COMMON,
    "starcoder2": COMMON | {"sliding_window": None},
    "mistral": COMMON | {"sliding_window": None},
    "olmo2": COMMON,
}


def made(kind, shape):
    """A model with 100 tokens, the same each time."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    special = {"pad_token_id": None, "bos_token_id": 0, "eos_token_id": 1}
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, vocab_size=100, **special, **shape)).eval()
