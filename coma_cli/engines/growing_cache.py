"""A key/value cache that is written in place, where transformers' own copies the whole cache for every token.

`DynamicLayer` appends with `torch.cat`: each step reads and writes the whole cache once more than attention needs. On
one core, with 32 rows of 150 to 400 tokens of SmolLM2-135M, that was 2 to 10 % of a step, and more with longer rows and
faster arithmetic. `GrowingLayer` reserves space after its content and returns views.
"""

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

ROOM = 128


class GrowingLayer(DynamicLayer):  # type: ignore[misc]  # transformers ships no types that mypy may follow
    """Keys and values of one attention layer, each `(rows, heads, length, head size)`, with space for `ROOM` more."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: torch.Tensor
        self.values: torch.Tensor
        self._key_store: torch.Tensor | None = None
        self._value_store: torch.Tensor | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append the states of new tokens; returns those of all tokens so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        held = self.get_seq_length()
        length = held + key_states.shape[-2]
        self._key_store = _with_room(self._key_store, self.keys, key_states, held, length)
        self._value_store = _with_room(self._value_store, self.values, value_states, held, length)
        self._key_store[:, :, held:length] = key_states
        self._value_store[:, :, held:length] = value_states
        self.keys = self._key_store[:, :, :length]
        self.values = self._value_store[:, :, :length]
        return self.keys, self.values

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        """Select rows by index, possibly repeated; the next update reserves new space."""
        self._key_store = self._value_store = None
        super().reorder_cache(beam_idx)


def _with_room(
    store: torch.Tensor | None, held_states: torch.Tensor, new_states: torch.Tensor, held: int, length: int
) -> torch.Tensor:
    """A store of at least `length` positions that begins with the current content."""
    if store is not None and store.shape[-2] >= length:
        return store
    rows, heads, _, size = new_states.shape
    grown = new_states.new_empty((rows, heads, length + ROOM, size))
    if held:
        grown[:, :, :held] = held_states
    return grown


def growing_cache(model: Any) -> DynamicCache:
    """An empty cache for a model; other kinds of layers (sliding window, recurrent) are left to transformers."""
    cache = DynamicCache(config=model.config)
    cache.layers = [GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    if cache.layer_class_to_replicate is DynamicLayer:
        cache.layer_class_to_replicate = GrowingLayer
    return cache
