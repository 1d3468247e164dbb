"""Keys and values of a continuous batch: each prompt's once for all its rows, and each row's own.

Every row has a slot for the tokens it draws, and belongs to a prompt slot. Storage is allocated for the longest prompt
and completion at once and written in place, so nothing is concatenated or copied as rows grow; a longer prompt or more
prompts than ever before enlarge it. Rows in use are the first ones: when a row ends without a successor, the last row
moves into its slot. Masks are kept and changed where a token is added or a slot changes hands.

With `exact`, a row has its prompt to itself, in the slot of its own number, so that its place among other rows of the
prompt can't matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

MASKED = -1e30  # added to a score: its weight is exactly 0, and a row of nothing else still has numbers
STEP = 16  # lengths are rounded up to this many tokens: the same shapes for a few steps
ROOM_STEP = 64


@dataclass
class LayerStates:
    """Keys and values of one layer, `(slots, key/value heads, tokens, head size)`, of prompts and of drawn tokens."""

    prompt_keys: torch.Tensor
    prompt_values: torch.Tensor
    keys: torch.Tensor
    values: torch.Tensor


class RowCache:
    """The keys and values of up to `capacity` rows."""

    def __init__(self, capacity: int, device: Any, *, exact: bool = False) -> None:
        self.exact = exact
        self.capacity = capacity
        self.layers: list[LayerStates] = []
        self.rows = capacity if exact else 0  # in use, counting idle ones if exact
        self.at = torch.zeros(capacity, dtype=torch.long, device=device)  # where each row's next token is stored
        self.mask = torch.full((capacity, 0), MASKED, device=device)
        self.prompt_mask = torch.full((capacity if exact else 0, 0), MASKED, device=device)
        self.places: torch.Tensor | None = None  # of each row among `prompts * most_rows`, None if they are equal
        self.prompts = capacity if exact else 0
        self.most_rows = 1
        self.span = self.prompt_span = 0  # tokens of the longest row and prompt in use, rounded up
        self.no_mask = torch.zeros(1, 1, 1, 1, device=device)
        self._device = device
        self._numbers = torch.arange(capacity, device=device)
        self._prompt_ids: list[tuple[int, ...] | None] = [None] * self.prompts
        self._prompt_of: list[int] = list(range(capacity)) if exact else []
        self._drawn = [0] * capacity
        self._lengths = [0] * capacity  # of prompts, by prompt slot
        self._changed = True

    @property
    def row_numbers(self) -> torch.Tensor:
        """0, 1, ... for the rows in use."""
        return self._numbers[: self.rows]

    # Rows come and go.

    def add(
        self, prompt_ids: tuple[int, ...], states: Sequence[tuple[torch.Tensor, torch.Tensor]], room: int, slot: int
    ) -> None:
        """Put a new row that will draw at most `room` tokens into a slot: an ended row's, or the next one.

        `states` holds the prompt's keys and values of every layer, `(1, heads, tokens, head size)`.
        """
        if slot == self.rows:
            self.rows += 1
            self._prompt_of.append(-1)
        self._make_room(states, room)
        if self.exact:
            place = slot
            self._store_prompt(place, prompt_ids, states)
        else:
            self._prompt_of[slot] = -1
            place = self._prompt_slot(prompt_ids, states)
        self._prompt_of[slot] = place
        self.mask[slot] = MASKED
        self._drawn[slot] = 0
        self._changed = True

    def remove(self, slot: int) -> None:
        """Free a slot by moving the last row into it; if exact, the slot just becomes idle."""
        if self.exact:
            self.mask[slot] = self.prompt_mask[slot] = MASKED
            self._drawn[slot] = self._lengths[slot] = 0
            return
        last = self.rows - 1
        if slot != last:
            for layer in self.layers:
                layer.keys[slot], layer.values[slot] = layer.keys[last], layer.values[last]
            self.mask[slot] = self.mask[last]
            self._drawn[slot], self._prompt_of[slot] = self._drawn[last], self._prompt_of[last]
        self.rows = last
        self._prompt_of.pop()
        self._changed = True

    def erase(self, slot: int) -> None:
        """Overwrite a row's states: what is not a number would spoil the slot's next row even where masked."""
        for layer in self.layers:
            layer.keys[slot], layer.values[slot] = 0, 0

    def begin_step(self) -> torch.Tensor:
        """Prepare for one more token of each row in use; returns its position, `(rows, 1)`."""
        if self._changed:
            self._arrange()
        drawn = self._drawn[: self.rows]
        lengths = [self._lengths[place] for place in self._prompt_of]
        stored = torch.tensor([drawn, lengths]).to(self._device, non_blocking=True)
        self.at[: self.rows] = stored[0]
        self.mask[self.row_numbers, stored[0]] = 0.0
        self._drawn[: self.rows] = [count + (length > 0) for count, length in zip(drawn, lengths, strict=True)]
        self.span = min(_rounded(max(drawn) + 1, STEP), self.mask.shape[1])
        self.prompt_span = min(_rounded(max(lengths), STEP), self.prompt_mask.shape[1])
        return stored.sum(0)[:, None]

    # Prompts.

    def _prompt_slot(self, prompt_ids: tuple[int, ...], states: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> int:
        """The slot of a prompt, stored in the first unused one if it has none."""
        used = set(self._prompt_of)
        for place in range(self.prompts):
            if place in used and self._prompt_ids[place] == prompt_ids:
                return place
        place = next((place for place in range(self.prompts) if place not in used), self.prompts)
        if place == self.prompts:
            self.prompts += 1
            if len(self._prompt_ids) < self.prompts:
                self._prompt_ids.append(None)
        self._store_prompt(place, prompt_ids, states)
        return place

    def _store_prompt(
        self, place: int, prompt_ids: tuple[int, ...], states: Sequence[tuple[torch.Tensor, torch.Tensor]]
    ) -> None:
        length = len(prompt_ids)
        self._make_prompt_room(length)
        for layer, (keys, values) in zip(self.layers, states, strict=True):
            layer.prompt_keys[place, :, :length] = keys[0]
            layer.prompt_values[place, :, :length] = values[0]
        self.prompt_mask[place] = MASKED
        self.prompt_mask[place, :length] = 0.0
        self._prompt_ids[place], self._lengths[place] = prompt_ids, length

    def _arrange(self) -> None:
        """Drop prompts without rows at the end, and give each row its place among the rows of its prompt."""
        self._changed = False
        if self.exact:
            return
        self.prompts = max(self._prompt_of, default=-1) + 1
        counts = [0] * self.prompts
        ranks = []
        for place in self._prompt_of:
            ranks.append(counts[place])
            counts[place] += 1
        self._lengths[: self.prompts] = [
            length if count else 0 for length, count in zip(self._lengths, counts, strict=False)
        ]
        self.most_rows = max(counts, default=1)
        places = [place * self.most_rows + rank for place, rank in zip(self._prompt_of, ranks, strict=True)]
        same = places == list(range(self.prompts * self.most_rows))
        self.places = None if same else torch.tensor(places, device=self._device)

    # Storage.

    def _make_room(self, states: Sequence[tuple[torch.Tensor, torch.Tensor]], room: int) -> None:
        room = _rounded(room, ROOM_STEP)
        if not self.layers:
            for keys, values in states:
                sizes = [(self.capacity, tensor.shape[1], room, tensor.shape[3]) for tensor in (keys, values)]
                own = [tensor.new_zeros(size) for tensor, size in zip((keys, values), sizes, strict=True)]
                none = [tensor.new_zeros((self.prompts, tensor.shape[1], 0, tensor.shape[3])) for tensor in own]
                self.layers.append(LayerStates(*none, *own))
            self.mask = self.mask.new_full((self.capacity, room), MASKED)
        elif self.mask.shape[1] < room:
            for layer in self.layers:
                layer.keys, layer.values = _enlarged(layer.keys, 2, room), _enlarged(layer.values, 2, room)
            self.mask = _enlarged(self.mask, 1, room, MASKED)

    def _make_prompt_room(self, length: int) -> None:
        length = max(_rounded(length, ROOM_STEP), self.prompt_mask.shape[1])
        slots = self.prompt_mask.shape[0]
        if slots < self.prompts:
            slots = min(max(4, 2 * slots, self.prompts), self.capacity)
        for layer in self.layers:
            for name in ("prompt_keys", "prompt_values"):
                wider = _enlarged(_enlarged(getattr(layer, name), 2, length), 0, slots)
                setattr(layer, name, wider)
        self.prompt_mask = _enlarged(_enlarged(self.prompt_mask, 1, length, MASKED), 0, slots, MASKED)


def _rounded(count: int, step: int) -> int:
    return -(-count // step) * step


def _enlarged(tensor: torch.Tensor, dimension: int, size: int, fill: float = 0.0) -> torch.Tensor:
    """A tensor with at least `size` entries in a dimension, the new ones filled."""
    held = tensor.shape[dimension]
    if held >= size:
        return tensor
    shape = list(tensor.shape)
    shape[dimension] = size
    wider = tensor.new_full(shape, fill) if fill else tensor.new_zeros(shape)
    wider.narrow(dimension, 0, held).copy_(tensor)
    return wider
