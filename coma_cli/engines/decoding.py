"""Runs one batch of requests through a model, token by token: for models that `continuous` can't serve.

A prompt shared by several rows is computed once and its cache copied to them. Prompts of different lengths are padded
on the left. Rows that have ended are removed from the batch a few at a time, since removing them copies the cache. All
of this depends only on the requests, so the same batch gives the same bits on the same machine.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from coma_cli.engines.growing_cache import growing_cache
from coma_cli.engines.innermost import accepted, innermost
from coma_cli.engines.interface import GenerationRequest
from coma_cli.engines.logits_processing import draw_processed
from coma_cli.engines.row import DecodeAnswer, Row

# Ended rows stay in the batch until they exceed this share of it: computing them is cheaper than the copy.
IDLE_SHARE = 1 / 8


@torch.inference_mode()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
def decode_batch(
    model: Any,
    requests: Sequence[GenerationRequest],
    context: int,
    decode: DecodeAnswer,
) -> Iterator[Row]:
    """Yield each request's row when it ends. All prompts must be shorter than `context` tokens.

    `decode` returns the text that answer tokens add after prompt tokens.
    """
    rows = [Row.of(request, context, decode) for request in requests]
    state = _State.after_prompts(model, [r.request.prompt_ids for r in rows])
    while True:
        uniforms = [0.0 if row.finish_reason else row.next_uniform for row in rows]
        draw = draw_processed(
            state.logits,
            [row.request for row in rows],
            [row.drawn for row in rows],
            torch.tensor(uniforms, dtype=torch.float64),
        )
        tokens = draw.tokens
        for row, token, log_probability in zip(rows, tokens.tolist(), draw.log_probabilities.tolist(), strict=True):
            if row.finish_reason is None and row.take(token, log_probability):
                yield row
        going = [place for place, row in enumerate(rows) if row.finish_reason is None]
        if not going:
            return
        if len(rows) - len(going) > len(rows) * IDLE_SHARE:
            kept = torch.tensor(going)
            rows, tokens = [rows[place] for place in going], tokens[kept]
            state.keep(kept.to(model.device))
        state.advance(tokens.to(model.device))


class _State:
    """The model's cache for a batch and the logits of its next tokens, `(rows, vocabulary)`."""

    logits: torch.Tensor

    def __init__(self, model: Any, mask: torch.Tensor) -> None:
        self._model = model
        self._cache = growing_cache(innermost(model))
        self._mask = mask
        self._padded = bool((mask == 0).any())
        self._next = mask.sum(-1)

    @classmethod
    def after_prompts(cls, model: Any, prompts: Sequence[tuple[int, ...]]) -> "_State":
        """Compute the prompts, each distinct one once."""
        distinct = list(dict.fromkeys(prompts))
        ids, mask = _padded_left(distinct, model.device)
        state = cls(model, mask)
        state.logits = state._forward(ids, (mask.cumsum(-1) - 1).clamp(min=0))
        number = {prompt: place for place, prompt in enumerate(distinct)}
        if len(distinct) < len(prompts):
            state.keep(torch.tensor([number[prompt] for prompt in prompts], device=model.device))
        return state

    def keep(self, rows: torch.Tensor) -> None:
        """Reduce the batch to these rows, which may repeat."""
        self._cache.reorder_cache(rows)
        self._mask, self._next, self.logits = self._mask[rows], self._next[rows], self.logits[rows]

    def advance(self, tokens: torch.Tensor) -> None:
        """Compute the next logits after one more token per row, `(rows,)`."""
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(tokens), 1)], dim=-1)
        self.logits = self._forward(tokens[:, None], self._next[:, None])
        self._next = self._next + 1

    def _forward(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """The logits after the last of `ids`. Without padding there is no mask: with one, attention may copy the cache
        once per query head of a group."""
        options = accepted(self._model, {"position_ids": positions, "logits_to_keep": 1})
        output = self._model(
            input_ids=ids,
            attention_mask=self._mask if self._padded else None,
            past_key_values=self._cache,
            use_cache=True,
            **options,
        )
        return output.logits[:, -1]


def _padded_left(prompts: Sequence[tuple[int, ...]], device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, both `(prompts, longest)`; padding is masked, so its id does not matter."""
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.zeros(len(prompts), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for place, prompt in enumerate(prompts):
        ids[place, longest - len(prompt) :] = torch.tensor(prompt)
        mask[place, longest - len(prompt) :] = 1
    return ids.to(device), mask.to(device)
