"""One token of every row through a Llama-like model, with fewer operations than the model's own code.

With 64 rows of a small model a step consists of thousands of small operations, and each has a cost of its own:
transformers computes a norm by eight and rotates queries and keys apart. Here a norm is one call, queries and keys are
rotated together, and no sequence dimension is carried along. Only single tokens are computed here; prompts go through
the model itself. `row_support` compares the logits of both before it is used.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import rms_norm

from coma_cli.engines.fused_linears import LinearPart
from coma_cli.engines.innermost import innermost
from coma_cli.engines.row_attention import attend
from coma_cli.engines.row_cache import RowCache

LAYERS = ("LlamaDecoderLayer", "MistralDecoderLayer", "Qwen2DecoderLayer", "Qwen3DecoderLayer")


class LeanStep:
    """The logits `(rows, vocabulary)` after one more token of each row of a cache; made by `of`."""

    def __init__(self, model: Any) -> None:
        inner = model.model
        self._embed, self._rotary, self._norm = inner.embed_tokens, inner.rotary_emb, inner.norm
        self._layers, self._head = list(inner.layers), model.lm_head

    @classmethod
    def of(cls, model: Any) -> "LeanStep | None":
        """That of a model, or None if its layers are not known."""
        model = innermost(model)
        layers = getattr(getattr(model, "model", None), "layers", ())
        known = len(layers) > 0 and all(type(layer).__name__ in LAYERS for layer in layers)
        hooked = any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
        return cls(model) if known and not hooked and hasattr(model, "lm_head") else None

    def __call__(self, cache: RowCache, tokens: Sequence[int]) -> torch.Tensor:
        """Compute and store one token per row."""
        positions = cache.begin_step()
        states = self._embed(torch.tensor(tokens).to(positions.device, non_blocking=True))
        cos, sin = self._rotary(states, positions)
        low, high = sin.chunk(2, dim=-1)
        turned = torch.cat([-low, high], dim=-1)
        for number, layer in enumerate(self._layers):
            normed = _normed(layer.input_layernorm, states)
            states = states + self._attended(cache, number, normed, cos, turned)
            normed = _normed(layer.post_attention_layernorm, states)
            states = states + layer.mlp(normed)
        return self._head(_normed(self._norm, states))

    def _attended(
        self, cache: RowCache, number: int, states: torch.Tensor, cos: torch.Tensor, turned: torch.Tensor
    ) -> torch.Tensor:
        """The output of an attention layer. `cos`, and `turned` (the sine, half negated) are `(rows, 1, size)`.

        A rotated vector is `x * cos + rotate_half(x) * sin`: with the sign in the sine, halves only change places.
        """
        attention = self._layers[number].self_attn
        size, key_heads = attention.head_dim, cache.layers[number].keys.shape[2]
        every = _projected(attention, states).view(len(states), -1, size)
        plain, values = every[:, :-key_heads], every[:, -key_heads:]
        if hasattr(attention, "q_norm"):
            queries, keys = plain[:, :-key_heads], plain[:, -key_heads:]
            plain = torch.cat([_normed(attention.q_norm, queries), _normed(attention.k_norm, keys)], dim=1)
        rotated = torch.addcmul(plain * cos, plain.roll(size // 2, -1), turned)
        cache.store(number, rotated[:, -key_heads:], values)
        output = attend(cache, number, rotated[:, :-key_heads], attention.scaling)
        return attention.o_proj(output.flatten(1))


def _projected(attention: Any, states: torch.Tensor) -> torch.Tensor:
    """Queries, keys and values, one after the other."""
    parts = (attention.q_proj, attention.k_proj, attention.v_proj)
    if isinstance(parts[0], LinearPart):
        return parts[0].joined.product(states)
    return torch.cat([part(states) for part in parts], dim=-1)


def _normed(norm: Any, states: torch.Tensor) -> torch.Tensor:
    return rms_norm(states, norm.weight.shape, norm.weight, norm.variance_epsilon)
