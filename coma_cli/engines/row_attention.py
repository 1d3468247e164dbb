"""Attention of one new token per row over its prompt and its own tokens, stored apart in a `RowCache`.

transformers calls it by the name `ATTENTION` for every layer of a model; without a `row_cache` among the model's
arguments it is plain scaled dot product attention, which computes prompts. All rows of a prompt are one matrix product
with its keys: they are read once per step, not once per row (Ye et al. 2024, arXiv 2402.05099 "Hydragen"). Query heads
that share a key/value head are rows of that product too, so keys are never repeated. The scores of prompt and own
tokens are joined for one softmax: two, merged by the logarithms of their sums, took 40 operations instead of 12.

A `RowCache` with `exact` is read in pieces of fixed size, so that no shape depends on the length of other rows. They
are merged one by one, which is exact too (Milakov and Gimelshein 2018, arXiv 1805.02867).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from coma_cli.engines.innermost import accepted
from coma_cli.engines.row_cache import PIECE, RowCache

ATTENTION = "coma_rows"


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
    cache.store(module.layer_idx, key[:, :, 0], value[:, :, 0])
    scaling = options.get("scaling")
    output = attend(cache, module.layer_idx, query[:, :, 0], query.shape[-1] ** -0.5 if scaling is None else scaling)
    return output[:, None], None


def attend(cache: RowCache, number: int, query: torch.Tensor, scaling: float) -> torch.Tensor:
    """Attention of a layer's queries `(rows, heads, head size)` over what the cache holds; the result is alike."""
    heads = cache.layers[number].keys.shape[2]
    grouped = query.reshape(cache.rows, heads, -1, query.shape[-1])
    if cache.exact:
        part = _exact(cache, number, grouped * scaling)
        output = (part.weighted / part.total).to(query.dtype)
    else:
        output = _shared(cache, number, grouped, scaling)
    return output.reshape(cache.rows, query.shape[1], -1)


def _require_plain(options: dict[str, Any]) -> None:
    for name in ("softcap", "s_aux", "sliding_window", "position_bias", "chunk_size"):
        if options.get(name) is not None:
            raise UnsupportedAttentionError(f"its attention has {name}")


def _shared(cache: RowCache, number: int, query: torch.Tensor, scaling: float) -> torch.Tensor:
    """One softmax over the scores of prompt and own tokens."""
    layer, (rows, heads, queries, _) = cache.layers[number], query.shape
    pieces = [(layer.keys[p, :rows].flatten(0, 1), layer.values[p, :rows].flatten(0, 1)) for p in range(cache.pieces)]
    prompt_keys = layer.prompt_keys[0, : cache.prompts].flatten(0, 1)
    prompt_values = layer.prompt_values[0, : cache.prompts].flatten(0, 1)
    flat = query.reshape(rows * heads, queries, -1)
    scores = [torch.bmm(flat, keys.transpose(1, 2)).view(rows, heads, queries, -1) for keys, _ in pieces]
    of_prompt = _by_row(cache, torch.bmm(_by_prompt(cache, query), prompt_keys.transpose(1, 2)), heads)
    weights = torch.add(cache.bias, torch.cat([of_prompt, *scores], -1), alpha=scaling).softmax(-1)
    first, *own = weights.split([of_prompt.shape[-1], *[PIECE] * cache.pieces], -1)
    output = _by_row(cache, torch.bmm(_by_prompt(cache, first), prompt_values), heads)
    for (_, values), weight in zip(pieces, own, strict=True):
        output = output + torch.bmm(weight.reshape(rows * heads, queries, -1), values).view(output.shape)
    return output


def _by_prompt(cache: RowCache, values: torch.Tensor) -> torch.Tensor:
    """What each row has, `(rows, heads, queries, any)`, by prompt: `(prompts * heads, rows and queries, any)`."""
    _, heads, queries, last = values.shape
    prompts, most = cache.prompts, cache.most_rows
    if cache.places is None:
        spread = values.reshape(prompts, most, heads, queries, last).transpose(1, 2)
    else:
        spread = values.new_zeros(prompts, heads, most, queries, last)
        spread[cache.places[0], :, cache.places[1]] = values
    return spread.reshape(prompts * heads, most * queries, last)


def _by_row(cache: RowCache, values: torch.Tensor, heads: int) -> torch.Tensor:
    """The inverse of `_by_prompt`."""
    prompts, most = cache.prompts, cache.most_rows
    spread = values.view(prompts, heads, most, -1, values.shape[-1]).transpose(1, 2)
    return spread.flatten(0, 1) if cache.places is None else spread[cache.places]


def _exact(cache: RowCache, number: int, query: torch.Tensor) -> PartialAttention:
    layer, merged = cache.layers[number], None
    stores = (
        (layer.keys, layer.values, cache.mask, cache.pieces),
        (layer.prompt_keys, layer.prompt_values, cache.prompt_mask, cache.prompt_pieces),
    )
    for keys, values, mask, pieces in stores:
        for piece in range(pieces):
            tokens = slice(piece * PIECE, (piece + 1) * PIECE)
            part = _part(query, keys[piece], values[piece], mask[:, None, None, tokens])
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
