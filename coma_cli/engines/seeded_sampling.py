"""Samples the next token for every row of a batch, each row with its own random numbers.

transformers' `generate` has one global generator, so a row's sample depends on its neighbours and its position in the
batch. Here each row has one uniform number per token, from a generator seeded by its request's seed, and the token is
chosen by inverting the cumulative distribution. Temperature, top-k and top-p are applied in this order, as in
transformers; the nucleus is the smallest set of most likely tokens whose probabilities reach top-p (Holtzman et al.
2020, arXiv 1904.09751, section 3.1).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch

from coma_cli.engines.interface import Decoding

# Sorting a vocabulary costs more than a step of a small model; the top tokens nearly always contain the nucleus.
CANDIDATES = 256


class Draw(NamedTuple):
    """The sampled tokens, `(rows,)`, and their log-probabilities under the model, before any cut."""

    tokens: torch.Tensor
    log_probabilities: torch.Tensor


def uniform_numbers(seeds: Sequence[int], count: int) -> torch.Tensor:
    """`(rows, count)` numbers in [0, 1), each row from its own generator, on the CPU for any device."""
    rows = [torch.rand(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in seeds]
    return torch.stack(rows)


def draw_tokens(logits: torch.Tensor, decodings: Sequence[Decoding], uniforms: torch.Tensor) -> Draw:
    """One token for each row of `logits` `(rows, vocabulary)`; `uniforms` is `(rows,)`."""
    logits = logits.float()
    decodings = [replace(decoding, max_new_tokens=0) for decoding in decodings]  # the limit does not matter here
    if len(set(decodings)) == 1:
        tokens = _draw_alike(logits, decodings[0], uniforms)
    else:
        tokens = torch.empty(len(decodings), dtype=torch.long, device=logits.device)
        for decoding in dict.fromkeys(decodings):
            rows = torch.tensor([i for i, other in enumerate(decodings) if other == decoding], device=logits.device)
            tokens[rows] = _draw_alike(logits[rows], decoding, uniforms[rows])
    chosen = logits.gather(-1, tokens[:, None])[:, 0]
    return Draw(tokens, (chosen - logits.logsumexp(-1)).double())


def _draw_alike(logits: torch.Tensor, decoding: Decoding, uniforms: torch.Tensor) -> torch.Tensor:
    """Tokens for rows with the same settings."""
    if decoding.temperature == 0:
        return logits.argmax(-1)
    scaled = logits / decoding.temperature
    vocabulary = scaled.shape[-1]
    if 0 < decoding.top_k < vocabulary:
        values, ids = scaled.topk(decoding.top_k)
        return _invert(values.softmax(-1), ids, decoding.top_p, uniforms)
    if decoding.top_p >= 1:
        return _position(scaled.softmax(-1), uniforms)
    return _draw_from_nucleus(scaled, decoding.top_p, uniforms)


def _draw_from_nucleus(scaled: torch.Tensor, top_p: float, uniforms: torch.Tensor) -> torch.Tensor:
    total = scaled.logsumexp(-1, keepdim=True)
    values, ids = scaled.topk(min(CANDIDATES, scaled.shape[-1]))
    probabilities = (values - total).exp()
    tokens = _invert(probabilities, ids, top_p, uniforms)
    wide = (probabilities.double().sum(-1) < top_p).nonzero()[:, 0]
    if len(wide):
        values, ids = scaled[wide].sort(dim=-1, descending=True, stable=True)
        tokens[wide] = _invert((values - total[wide]).exp(), ids, top_p, uniforms[wide])
    return tokens


def _invert(probabilities: torch.Tensor, ids: torch.Tensor, top_p: float, uniforms: torch.Tensor) -> torch.Tensor:
    """Sample from the nucleus of descending `probabilities` `(rows, candidates)`, which need not sum to one."""
    if top_p < 1:
        before = probabilities.double().cumsum(-1) - probabilities
        probabilities = probabilities.masked_fill(before >= top_p, 0.0)
    return ids.gather(-1, _position(probabilities, uniforms)[:, None])[:, 0]


def _position(weights: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """The index at which each row's number falls in its cumulative weights; never one with weight zero."""
    cumulated = weights.double().cumsum(-1)
    aims = uniforms[:, None] * cumulated[:, -1:]
    found = torch.searchsorted(cumulated, aims, right=True)[:, 0]
    # Rounding can make the target equal to the total: then choose the last token with a non-zero weight.
    last = (cumulated < cumulated[:, -1:]).sum(-1)
    return torch.minimum(found, last)
