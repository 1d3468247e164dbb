"""Attention of one new token per row over its prompt and its own tokens, stored apart in a `RowCache`.

transformers calls it by the name `ATTENTION` for every layer of a model; without a `row_cache` among the model's
arguments it is plain scaled dot product attention, which computes prompts. The two parts are merged by the logarithms
of their sums of exponentials, which is exact (Ye et al. 2024, arXiv 2402.05099 "Hydragen"; Milakov and Gimelshein 2018,
arXiv 1805.02867). All rows of a prompt are one matrix product with its keys: they are read once per step, not once per
row. Query heads that share a key/value head are rows of that product too, so keys are never repeated.

A `RowCache` with `exact` is read in pieces of fixed size, so that no shape depends on the length of other rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from coma_cli.engines.innermost import accepted
from coma_cli.engines.row_cache import RowCache

ATTENTION = "coma_rows"
PIECE = 64  # tokens; divides the size of every store


class UnsupportedAttentionError(Exception):
    """The model's attention is not plain full attention."""


@dataclass
class PartialAttention:
    """Attention over some of the tokens, before division: largest score, sum of exponentials, weighted values.

    `largest` and `total` are `(rows, key/value heads, queries, 1)`, `weighted` has the head size last.
    """

    largest: torch.Tensor
    total: torch.Tensor
    weighted: torch.Tensor

    def merged(self, other: "PartialAttention") -> "PartialAttention":
        """Attention over the tokens of both. A part that is all masked changes no bit."""
        largest = torch.maximum(self.largest, other.largest)
        mine, its = (self.largest - largest).exp(), (other.largest - largest).exp()
        return PartialAttention(
            largest, self.total * mine + other.total * its, self.weighted * mine + other.weighted * its
        )


def row_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """The attention function that models call; `query` is `(rows, heads, tokens, head size)`.

    Raises:
        UnsupportedAttentionError: the layer asks for more than scaling.
    """
    cache: RowCache | None = options.pop("row_cache", None)
    _require_plain(options)
    if cache is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)  # type: ignore[no-any-return]
    layer = cache.layers[module.layer_idx]
    rows, numbers, at = cache.rows, cache.row_numbers, cache.at[: cache.rows]
    layer.keys[numbers, :, at] = key[:, :, 0]
    layer.values[numbers, :, at] = value[:, :, 0]
    scaling = options.get("scaling")
    scaled = query * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    grouped = scaled.reshape(rows, key.shape[1], -1, query.shape[-1])
    part = _exact(cache, module.layer_idx, grouped) if cache.exact else _shared(cache, module.layer_idx, grouped)
    output = (part.weighted / part.total).to(query.dtype)
    return output.reshape(rows, 1, query.shape[1], value.shape[-1]), None


def _require_plain(options: dict[str, Any]) -> None:
    for name in ("softcap", "s_aux", "sliding_window", "position_bias", "chunk_size"):
        if options.get(name) is not None:
            raise UnsupportedAttentionError(f"its attention has {name}")


def _shared(cache: RowCache, number: int, query: torch.Tensor) -> PartialAttention:
    layer, span, prompt_span = cache.layers[number], cache.span, cache.prompt_span
    rows, heads, queries, size = query.shape
    own = _part(query, layer.keys[:rows, :, :span], layer.values[:rows, :, :span], cache.mask[:rows, None, None, :span])
    prompts, most = cache.prompts, cache.most_rows
    spread = query
    if cache.places is not None:
        spread = query.new_zeros(prompts * most, heads, queries, size)
        spread[cache.places] = query
    by_prompt = spread.view(prompts, most, heads, queries, size).transpose(1, 2).reshape(prompts, heads, -1, size)
    part = _part(
        by_prompt,
        layer.prompt_keys[:prompts, :, :prompt_span],
        layer.prompt_values[:prompts, :, :prompt_span],
        cache.prompt_mask[:prompts, None, None, :prompt_span],
    )

    def by_row(values: torch.Tensor) -> torch.Tensor:
        last = values.shape[-1]
        flat = values.view(prompts, heads, most, queries, last).transpose(1, 2).reshape(-1, heads, queries, last)
        return flat if cache.places is None else flat[cache.places]

    return own.merged(PartialAttention(by_row(part.largest), by_row(part.total), by_row(part.weighted)))


def _exact(cache: RowCache, number: int, query: torch.Tensor) -> PartialAttention:
    layer, merged = cache.layers[number], None
    stores = (
        (layer.keys, layer.values, cache.mask, cache.span),
        (layer.prompt_keys, layer.prompt_values, cache.prompt_mask, cache.prompt_span),
    )
    for keys, values, mask, span in stores:
        for start in range(0, span, PIECE):
            piece = slice(start, start + PIECE)
            part = _part(query, keys[:, :, piece], values[:, :, piece], mask[:, None, None, piece])
            merged = part if merged is None else merged.merged(part)
    assert merged is not None
    return merged


def _part(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor) -> PartialAttention:
    """Attention of `(slots, heads, queries, size)` over the tokens of `(slots, heads, tokens, size)`."""
    shape = (*query.shape[:3], -1)
    queries, keys, values = query.flatten(0, 1), keys.flatten(0, 1), values.flatten(0, 1)
    scores = torch.bmm(queries, keys.transpose(1, 2)).float().view(shape) + mask
    largest = scores.amax(-1, keepdim=True)
    weights = (scores - largest).exp_()
    weighted = torch.bmm(weights.to(values.dtype).flatten(0, 1), values)
    return PartialAttention(largest, weights.sum(-1, keepdim=True), weighted.float().view(shape))


def advance(model: Any, cache: RowCache, tokens: Sequence[int]) -> torch.Tensor:
    """The logits `(rows, vocabulary)` after one more token of each row of a cache.

    A mask in four dimensions is passed on by transformers as it is, so none is made; `row_attention` ignores it.
    """
    positions = cache.begin_step()
    options = accepted(model, {"position_ids": positions, "use_cache": False})
    ids = torch.tensor(tokens).to(positions.device, non_blocking=True)[:, None]
    output = model(input_ids=ids, attention_mask=cache.no_mask, row_cache=cache, **options)
    return output.logits[:, -1]


AttentionInterface.register(ATTENTION, row_attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
