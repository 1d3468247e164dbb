"""Samples rows of many prompts together, one token each per step; a waiting row enters as soon as another ends.

A prompt is computed alone, without padding, and once for all its rows that follow one another. Without `exact` all rows
are one batch, and the last bits of a row's logits depend on how many others there are. With `exact` they are computed
in blocks of `EXACT_ROWS`, filled up with idle rows, so that every operation has the same shape whatever else is
sampled, and no operation mixes rows: a row then has the same bits in any batch.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache

from coma_cli.engines.innermost import accepted
from coma_cli.engines.interface import GenerationRequest
from coma_cli.engines.logits_processing import draw_processed
from coma_cli.engines.row import DecodeAnswer, Row
from coma_cli.engines.row_cache import RowCache
from coma_cli.engines.waiting import WaitingRequests

# With --deterministic: larger blocks waste more work on idle rows, smaller ones read the weights more often.
EXACT_ROWS = 32

Step = Callable[[RowCache, Sequence[int]], torch.Tensor]


@dataclass(frozen=True)
class ComputedPrompt:
    """A prompt's keys and values of each layer, `(1, heads, tokens, head size)`, and last logits, `(vocabulary,)`."""

    ids: tuple[int, ...]
    states: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    logits: torch.Tensor


class ContinuousBatch:
    """Up to `capacity` rows of a model whose attention is `row_attention`; if `exact`, rounded up to whole blocks.

    `step` computes the logits `(rows, vocabulary)` after one more token of each row of a cache.
    """

    def __init__(
        self, model: Any, step: Step, context: int, decode: DecodeAnswer, capacity: int, *, exact: bool = False
    ) -> None:
        self._model = model
        self._context = context
        self._decode = decode
        size = EXACT_ROWS if exact else capacity
        self._blocks = [RowBlock(step, size, model.device, exact=exact) for _ in range(-(-capacity // size))]
        self._entering: list[GenerationRequest] = []
        self._prompt: ComputedPrompt | None = None

    @property
    def unfinished(self) -> list[GenerationRequest]:
        """The requests that were taken and have no finished row."""
        rows = (row for block in self._blocks for row in block.rows if row is not None)
        return [*(row.request for row in rows if row.finish_reason is None), *self._entering]

    @torch.inference_mode()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
    def run(self, waiting: WaitingRequests) -> Iterator[Row]:
        """Yield each request's row when it ends. All prompts must be shorter than the context."""
        while True:
            for block in self._blocks:
                yield from self._fill(block, waiting)
            busy = [block for block in self._blocks if any(block.rows)]
            if not busy:
                return
            for block in busy:
                ended = block.step()
                yield from (row for _, row in ended)
                block.remove(ended)

    def _fill(self, block: "RowBlock", waiting: WaitingRequests) -> Iterator[Row]:
        """Begin rows while there are free slots; those that end with their first token are yielded."""
        while (free := block.free_slots()) and self._take(waiting, len(free)):
            prompt = self._computed(self._entering[0].prompt_ids)
            rows = [Row.of(request, self._context, self._decode) for request in self._entering]
            block.draw_first(rows, prompt)
            going = [row for row in rows if row.finish_reason is None]
            for slot, row in zip(free, going, strict=False):
                block.enter(slot, row, prompt)
            self._entering = []
            yield from (row for row in rows if row.finish_reason is not None)

    def _take(self, waiting: WaitingRequests, most: int) -> bool:
        """Take up to `most` requests with the same prompt; returns whether there was any."""
        for request in waiting:
            if self._entering and request.prompt_ids != self._entering[0].prompt_ids:
                waiting.put_back([request])
                break
            self._entering.append(request)
            if len(self._entering) == most:
                break
        return bool(self._entering)

    def _computed(self, ids: tuple[int, ...]) -> ComputedPrompt:
        if self._prompt is None or self._prompt.ids != ids:
            self._prompt = None  # its memory is free for the next one
            self._prompt = compute_prompt(self._model, ids)
        return self._prompt


def compute_prompt(model: Any, ids: tuple[int, ...]) -> ComputedPrompt:
    """Run a prompt through a model, alone and so without a mask."""
    cache = DynamicCache()
    device = model.device
    options = accepted(
        model, {"position_ids": torch.arange(len(ids), device=device)[None], "logits_to_keep": 1, "use_cache": True}
    )
    output = model(input_ids=torch.tensor([ids], device=device), past_key_values=cache, **options)
    states = tuple((layer.keys, layer.values) for layer in cache.layers)
    return ComputedPrompt(ids, states, output.logits[0, -1])


class RowBlock:
    """Rows that are computed together, and their cache. If exact, there are `capacity` of them, some perhaps idle."""

    def __init__(self, step: Step, capacity: int, device: Any, *, exact: bool) -> None:
        self.rows: list[Row | None] = [None] * capacity if exact else []
        self._step = step
        self._capacity = capacity
        self._exact = exact
        self._cache = RowCache(capacity, device, exact=exact)

    def free_slots(self) -> list[int]:
        """The slots that rows can enter, in the order of use."""
        if self._exact:
            return [slot for slot, row in enumerate(self.rows) if row is None]
        return list(range(len(self.rows), self._capacity))

    def draw_first(self, rows: Sequence[Row], prompt: ComputedPrompt) -> None:
        """Give rows of a prompt their first token."""
        self._draw(prompt.logits.expand(self._capacity if self._exact else len(rows), -1), rows)

    def enter(self, slot: int, row: Row, prompt: ComputedPrompt) -> None:
        """Put a row that has begun into a free slot."""
        self._cache.add(prompt.ids, prompt.states, row.budget, slot)
        if slot == len(self.rows):
            self.rows.append(row)
        else:
            self.rows[slot] = row

    def step(self) -> list[tuple[int, Row]]:
        """Compute and draw one token of each row; returns the rows that end with it and their slots."""
        tokens = [row.drawn[-1] if row else 0 for row in self.rows]
        self._draw(self._step(self._cache, tokens), self.rows)
        return [(slot, row) for slot, row in enumerate(self.rows) if row and row.finish_reason is not None]

    def remove(self, ended: Sequence[tuple[int, Row]]) -> None:
        """Free the slots of ended rows."""
        for slot, row in reversed(ended):
            if row.finish_reason == "error":
                self._cache.erase(slot)
            self._cache.remove(slot)
            if self._exact:
                self.rows[slot] = None
            else:
                self.rows[slot] = self.rows[-1]
                self.rows.pop()

    def _draw(self, logits: torch.Tensor, rows: Sequence[Row | None]) -> None:
        """Add a token to each row; `logits` may have more rows, which are idle."""
        present = [row for row in rows if row is not None]
        idle, count = present[0], logits.shape[0]
        padded = [*rows, *[None] * (count - len(rows))]
        drawn = draw_processed(
            logits,
            [(row or idle).request for row in padded],
            [(row or idle).drawn for row in padded],
            torch.tensor([row.next_uniform if row else 0.0 for row in padded], dtype=torch.float64),
        )
        pairs = zip(padded, drawn.tokens.tolist(), drawn.log_probabilities.tolist(), strict=True)
        for row, token, log_probability in pairs:
            if row is not None:
                row.take(token, log_probability)
