"""Attention whose backward is fast on a CPU in bfloat16, under a name that transformers knows.

Import it inside functions: it needs the train extra.

torch's own kernel is fast forward and slow backward there: 6 rows of 76 tokens with 9 heads of 64 take 1.4 ms forward
and 17 ms backward on one core with AMX. The same gradients as batched products take 3.4 ms, and 58 instead of 91 ms for
512 tokens. The scores of some queries at a time are computed again, so no more is kept than by torch's kernel.
Derivation: Dao, FlashAttention-2 (arXiv:2307.08691), section 2.2.
"""

from typing import Any

import torch
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
from transformers.modeling_utils import AttentionInterface

NAME = "coma_cpu_training"
QUERIES = 256  # of which scores exist at a time


class CpuAttention(torch.autograd.Function):  # type: ignore[misc]  # torch ships no types for it
    """Attention of queries, keys and values (batch, heads, length, width), all in one dtype.

    `mask` (batch or 1, 1, length, length) is added to the scores; without one, attention is causal.
    """

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None, scale: float
    ) -> torch.Tensor:
        """By torch's own kernel."""
        ctx.save_for_backward(query, key, value, mask)
        ctx.scale = scale
        out: torch.Tensor = torch.nn.functional.scaled_dot_product_attention(
            query, key, value, mask, is_causal=mask is None, scale=scale
        )
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradients of queries, keys and values, from some queries at a time."""
        *saved, mask = ctx.saved_tensors  # once: gradient checkpointing computes them again and gives them one time
        shape = saved[0].shape
        query, key, value, gradient = (part.reshape(-1, *shape[2:]) for part in (*saved, gradients[0]))
        length, dtype = shape[2], query.dtype
        of_query = torch.empty_like(query)
        of_key, of_value = (torch.zeros_like(part, dtype=torch.float32) for part in (key, value))
        for start in range(0, length, QUERIES):
            end = min(start + QUERIES, length)
            seen = end if mask is None else length
            own, known = query[:, start:end], key[:, :seen]
            added = _causal(start, end, dtype) if mask is None else _of_heads(mask[:, :, start:end], shape)
            shares = torch.baddbmm(added, own, known.transpose(1, 2), alpha=ctx.scale).softmax(-1)
            of_shares = torch.bmm(gradient[:, start:end], value[:, :seen].transpose(1, 2))
            of_scores = torch._softmax_backward_data(of_shares, shares, -1, dtype).mul_(ctx.scale)
            of_query[:, start:end] = torch.bmm(of_scores, known)
            of_key[:, :seen] += torch.bmm(of_scores.transpose(1, 2), own)
            of_value[:, :seen] += torch.bmm(shares.transpose(1, 2), gradient[:, start:end])
        return of_query.view(shape), of_key.to(dtype).view(shape), of_value.to(dtype).view(shape), None, None


def _causal(start: int, end: int, dtype: torch.dtype) -> torch.Tensor:
    """What is added to the scores of queries `start` to `end` (queries, keys up to `end`)."""
    return torch.full((end - start, end), float("-inf"), dtype=dtype).triu_(start + 1)


def _of_heads(mask: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """A mask (batch or 1, 1, queries, keys) for every head of every row (batch x heads, queries, keys)."""
    return mask.expand(shape[0], shape[1], *mask.shape[2:]).flatten(0, 1)


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """An attention function of transformers: `CpuAttention` where it applies, else torch's own."""
    if query.device.type == "cpu" and torch.is_autocast_enabled("cpu"):  # as it would do for torch's own
        query, key, value = (part.to(torch.get_autocast_dtype("cpu")) for part in (query, key, value))
    if not _applies(module, query, key, value, dropout, more):
        out: torch.Tensor
        out, _ = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **more
        )
        return out, None
    repeats = query.shape[1] // key.shape[1]
    key, value = repeat_kv(key, repeats), repeat_kv(value, repeats)
    if attention_mask is not None and attention_mask.dtype == torch.bool:
        attention_mask = torch.zeros_like(attention_mask, dtype=query.dtype).masked_fill_(~attention_mask, -torch.inf)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    out = CpuAttention.apply(query, key, value, attention_mask, scale)
    return out.transpose(1, 2).contiguous(), None


def _applies(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, dropout: float, more: dict[str, Any]
) -> bool:
    """Whether rows attend to themselves, in bfloat16 on a CPU, with gradients and nothing unusual."""
    causal = more.get("is_causal")
    return (
        torch.is_grad_enabled()
        and query.requires_grad
        and query.device.type == "cpu"
        and query.dtype == key.dtype == torch.bfloat16
        and query.shape[2:] == key.shape[2:] == value.shape[2:]
        and not dropout
        and more.get("position_bias") is None
        and more.get("softcap") is None
        and bool(getattr(module, "is_causal", True) if causal is None else causal)
    )


def use_cpu_attention(model: Any) -> None:
    """Let a model whose attention is torch's use `attend` from now on; other models stay as they are."""
    if getattr(model.config, "_attn_implementation", None) != "sdpa":
        return
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)
