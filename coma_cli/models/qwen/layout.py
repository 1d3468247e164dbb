"""The layout of Qwen's checkpoints of 2023, and what each part is called in transformers' Qwen2.

Qwen of 2023 is Qwen2 with as many key and value heads as heads. Its query, key and value projections are one matrix,
`c_attn`, with a bias; `mlp.w2` is the gate, which goes through SiLU, and `mlp.w1` the other factor; the configuration's
`intermediate_size` counts both. Source: arXiv 2309.16609, section 2.3, and the published modeling_qwen.py.

Scaling of attention by the logarithm of the length and the dynamic rotary base change nothing up to `seq_length`, the
length of the training, which is therefore the context of the converted model.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from coma_cli.errors import MissingInputError

_FUSED = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
_MODULES = {
    "ln_1": ("input_layernorm",),
    "attn.c_attn": _FUSED,
    "attn.c_proj": ("self_attn.o_proj",),
    "ln_2": ("post_attention_layernorm",),
    "mlp.w1": ("mlp.up_proj",),
    "mlp.w2": ("mlp.gate_proj",),
    "mlp.c_proj": ("mlp.down_proj",),
}
_OUTER = {"transformer.wte": "model.embed_tokens", "transformer.ln_f": "model.norm", "lm_head": "lm_head"}
_BLOCK = re.compile(r"transformer\.h\.(\d+)\.(.+)")
_COMPUTED = re.compile(r"transformer\.(h\.\d+\.attn\.)?(rotary_emb\.inv_freq|masked_bias|bias|logn_tensor)")


def renamed(module: str) -> tuple[str, ...]:
    """The modules of Qwen2 that hold what `module` of the original holds: three for the fused projection.

    Raises:
        KeyError: the original has no such module.
    """
    if module in _OUTER:
        return (_OUTER[module],)
    match = _BLOCK.fullmatch(module)
    if match is None:
        raise KeyError(module)
    return tuple(f"model.layers.{match[1]}.{name}" for name in _MODULES[match[2]])


def converted_tensors(name: str, tensor: Any) -> Iterator[tuple[str, Any]]:
    """Name and value of the tensors of Qwen2 that one tensor of the original becomes.

    `c_attn` has shape (3 * hidden, hidden) and a bias of 3 * hidden: query, key and value, one below the other.
    Buffers that are computed from the configuration are skipped.

    Raises:
        MissingInputError: the tensor is not one of this architecture.
    """
    if _COMPUTED.fullmatch(name):
        return
    module, _, kind = name.rpartition(".")
    try:
        targets = renamed(module)
    except KeyError:
        raise MissingInputError(
            f"The weights contain {name}, which Qwen of 2023 does not have.", "Give a model of the original layout."
        ) from None
    for target, part in zip(targets, tensor.chunk(len(targets)), strict=True):
        # A part of its own, so that the fused tensor can be freed.
        yield f"{target}.{kind}", part.clone() if len(targets) > 1 else part.contiguous()


def expected_tensors(config: Mapping[str, Any]) -> set[str]:
    """The names of all tensors of the converted model."""
    tied = bool(config.get("tie_word_embeddings"))
    names = {f"{module}.weight" for original, module in _OUTER.items() if not (tied and original == "lm_head")}
    for layer in range(config["num_hidden_layers"]):
        modules = [name for targets in _MODULES.values() for name in targets]
        names |= {f"model.layers.{layer}.{module}.weight" for module in modules}
        names |= {f"model.layers.{layer}.{module}.bias" for module in _FUSED}
    return names


def converted_config(config: Mapping[str, Any], *, dtype: str, end_token: int) -> dict[str, Any]:
    """The configuration of Qwen2 for an original configuration.

    Raises:
        MissingInputError: it is incomplete, or of a variant that Qwen2 can't represent.
    """
    try:
        heads, hidden = config["num_attention_heads"], config["hidden_size"]
        different = {
            "no_bias": not config.get("no_bias", True),
            "rotary_pct": config.get("rotary_pct", 1.0) != 1.0,
            "scale_attn_weights": not config.get("scale_attn_weights", True),
            "kv_channels": config.get("kv_channels", hidden // heads) * heads != hidden,
        }
        if named := [name for name, differs in different.items() if differs]:
            raise MissingInputError(
                f"This Qwen has {', '.join(f'{name}={config[name]}' for name in named)}, which Qwen2 can't represent.",
                "Choose another base.",
            )
        return {
            "architectures": ["Qwen2ForCausalLM"],
            "model_type": "qwen2",
            "vocab_size": config["vocab_size"],
            "hidden_size": hidden,
            "intermediate_size": config["intermediate_size"] // 2,
            "num_hidden_layers": config["num_hidden_layers"],
            "num_attention_heads": heads,
            "num_key_value_heads": heads,
            "hidden_act": "silu",
            "max_position_embeddings": config["seq_length"],
            "rms_norm_eps": config["layer_norm_epsilon"],
            "rope_parameters": {"rope_type": "default", "rope_theta": float(config.get("rotary_emb_base", 10000))},
            "initializer_range": config.get("initializer_range", 0.02),
            "attention_dropout": config.get("attn_dropout_prob", 0.0),
            "tie_word_embeddings": bool(config.get("tie_word_embeddings")),
            "use_sliding_window": False,
            "bos_token_id": None,
            "eos_token_id": end_token,
            "pad_token_id": end_token,
            "dtype": dtype,
            "use_cache": True,
        }
    except (KeyError, TypeError) as error:
        raise MissingInputError(
            f"The configuration does not describe a Qwen of 2023: {error}.", "Download the whole model again."
        ) from None
