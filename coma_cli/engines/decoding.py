"""Runs one batch of requests through a model, token by token, and yields each row when it ends.

A prompt shared by several rows is computed once and its cache copied to them. Prompts of different lengths are padded
on the left. Rows that have ended are removed from the batch a few at a time, since removing them copies the cache. All
of this depends only on the requests, so the same batch gives the same bits on the same machine.
"""

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from coma_cli.engines.growing_cache import growing_cache
from coma_cli.engines.interface import GenerationRequest
from coma_cli.engines.logits_processing import draw_processed
from coma_cli.engines.reasoning import AnswerLimit
from coma_cli.engines.seeded_sampling import uniform_numbers
from coma_cli.engines.stopping import StopTexts
from coma_cli.records import FinishReason

# Ended rows stay in the batch until they exceed this share of it: computing them is cheaper than the copy.
IDLE_SHARE = 1 / 8


@dataclass
class Row:
    """A completion being sampled: `drawn` holds its tokens including the stop token, `answer_ids` excludes it."""

    request: GenerationRequest
    limit: AnswerLimit
    stops: StopTexts
    drawn: list[int] = field(default_factory=list)
    log_probability: float = 0.0
    finish_reason: FinishReason | None = None
    text: str | None = None

    @property
    def budget(self) -> int:
        """The most tokens that it may have."""
        return self.limit.most

    @property
    def answer_ids(self) -> list[int]:
        """The tokens of the answer, without the stop token."""
        ended = bool(self.drawn) and self.drawn[-1] in self.request.stop_ids
        return self.drawn[:-1] if ended else self.drawn

    def take(self, token: int, log_probability: float) -> bool:
        """Add a token; returns whether the row ends with it."""
        self.drawn.append(token)
        self.log_probability += log_probability
        if math.isnan(log_probability):
            self.finish_reason = "error"
        elif token in self.request.stop_ids:
            self.finish_reason = "eos"
        else:
            full = self.limit.reached(self.drawn)
            cut = None if self.limit.reasons else self.stops.cut(self.drawn, self.limit.answer_start)
            if cut is not None:
                self.text, self.finish_reason = cut, "stop"
            elif full:
                self.finish_reason = "length"
        return self.finish_reason is not None


@torch.inference_mode()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
def decode_batch(
    model: Any,
    requests: Sequence[GenerationRequest],
    context: int,
    decode: Callable[[Sequence[int], Sequence[int]], str],
) -> Iterator[Row]:
    """Yield each request's row when it ends. All prompts must be shorter than `context` tokens.

    `decode` returns the text that answer tokens add after prompt tokens.
    """
    rows = [_row(request, context, decode) for request in requests]
    uniforms = uniform_numbers([r.request.seed for r in rows], max(r.budget for r in rows)).to(model.device)
    state = _State.after_prompts(model, [r.request.prompt_ids for r in rows])
    for step in range(uniforms.shape[1]):
        draw = draw_processed(state.logits, [r.request for r in rows], [r.drawn for r in rows], uniforms[:, step])
        tokens = draw.tokens
        for row, token, log_probability in zip(rows, tokens.tolist(), draw.log_probabilities.tolist(), strict=True):
            if row.finish_reason is None and row.take(token, log_probability):
                yield row
        going = [place for place, row in enumerate(rows) if row.finish_reason is None]
        if not going:
            return
        if len(rows) - len(going) > len(rows) * IDLE_SHARE:
            kept = torch.tensor(going, device=model.device)
            rows, tokens, uniforms = [rows[place] for place in going], tokens[kept], uniforms[kept]
            state.keep(kept)
        state.advance(tokens)


def _row(request: GenerationRequest, context: int, decode: Callable[[Sequence[int], Sequence[int]], str]) -> Row:

    def text_from(token_ids: Sequence[int], start: int) -> str:
        return decode([*request.prompt_ids, *token_ids[:start]], token_ids[start:])

    room = context - len(request.prompt_ids)
    limit = AnswerLimit(request.decoding.max_new_tokens, room, request.reasoning, text_from)
    return Row(request, limit, StopTexts(request.stop_texts, text_from))


class _State:
    """The model's cache for a batch and the logits of its next tokens, `(rows, vocabulary)`."""

    logits: torch.Tensor

    def __init__(self, model: Any, mask: torch.Tensor) -> None:
        self._model = model
        self._cache = growing_cache(model)
        self._accepts = inspect.signature(model.forward).parameters.keys()
        self._mask = mask
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
        options = {"position_ids": positions, "logits_to_keep": 1}
        known = {name: value for name, value in options.items() if name in self._accepts}
        output = self._model(
            input_ids=ids, attention_mask=self._mask, past_key_values=self._cache, use_cache=True, **known
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
