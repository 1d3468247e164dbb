"""Keys and values of a continuous batch: each prompt's once for all its rows, and each row's own.

Every row has a slot for the tokens it draws, and belongs to a prompt slot. Storage is allocated for the longest
completion at once and written in place, so nothing is concatenated or copied as rows grow. It consists of pieces of
`PIECE` tokens: of a piece, the part of the first rows is contiguous. That matters: torch copies keys with gaps between
them at every product, which took four times as long as the product. Rows in use are the first ones: when a row ends
without a successor, the last row moves into its slot. Masks are kept and changed where a token is added or a slot
changes hands.

All prompts are one piece, as long as the longest of them. With `exact`, a row has its prompt to itself, in the slot of
its own number, so that its place among other rows of the prompt can't matter, and prompts are stored in pieces too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

MASKED = -1e30  # added to a score: its weight is exactly 0, and a row of nothing else still has numbers
PIECE = 64  # tokens
STEP = 16  # the length of prompts is rounded up to this many tokens


@dataclass
class LayerStates:
    """Keys and values of one layer, of prompts and of drawn tokens.

    Each is `(pieces, slots, key/value heads, tokens, head size)`.
    """

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
        self.mask = torch.full((capacity, 0), MASKED, device=device)
        self.prompt_mask = torch.full((capacity if exact else 0, 0), MASKED, device=device)
        self.bias = self.mask  # what is added to the scores of a step, `(rows, 1, 1, prompt and own tokens)`
        self.places: tuple[torch.Tensor, torch.Tensor] | None = None  # each row's prompt, and its number there
        self.prompts = capacity if exact else 0
        self.most_rows = 1  # of a prompt; if `places` is None, all have as many, in order
        self.pieces = self.prompt_pieces = 0  # in use
        self.no_mask = torch.zeros(1, 1, 1, 1, device=device)
        self._device = device
        self._numbers = torch.arange(capacity, device=device)
        self._at = torch.zeros(0, dtype=torch.long, device=device)  # where each row's next token is stored
        self._stores: dict[int, torch.Tensor] = {}
        self._prompt_ids: list[tuple[int, ...] | None] = [None] * self.prompts
        self._prompt_of: list[int] = list(range(capacity)) if exact else []
        self._prompt_numbers = self._numbers
        self._drawn = [0] * capacity
        self._lengths = [0] * capacity  # of prompts, by prompt slot
        self._changed = True

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
            used = -(-self._drawn[last] // PIECE)
            for layer in self.layers:
                layer.keys[:used, slot], layer.values[:used, slot] = layer.keys[:used, last], layer.values[:used, last]
            self.mask[slot] = self.mask[last]
            self._drawn[slot], self._prompt_of[slot] = self._drawn[last], self._prompt_of[last]
        self.rows = last
        self._prompt_of.pop()
        self._changed = True

    def erase(self, slot: int) -> None:
        """Overwrite a row's states: what is not a number would spoil the slot's next row even where masked."""
        for layer in self.layers:
            layer.keys[:, slot], layer.values[:, slot] = 0, 0

    # Steps.

    def begin_step(self) -> torch.Tensor:
        """Prepare for one more token of each row in use; returns its position, `(rows, 1)`."""
        if self._changed:
            self._arrange()
        drawn = self._drawn[: self.rows]
        lengths = [self._lengths[place] for place in self._prompt_of]
        stored = torch.tensor([drawn, lengths]).to(self._device, non_blocking=True)
        self._at = stored[0]
        self._stores.clear()
        self.mask[self._numbers[: self.rows], self._at] = 0.0
        self._drawn[: self.rows] = [count + (length > 0) for count, length in zip(drawn, lengths, strict=True)]
        self.pieces = -(-(max(drawn) + 1) // PIECE)
        if self.exact:
            self.prompt_pieces = -(-max(lengths) // PIECE)
        else:
            self.prompt_pieces = 1
            own = self.mask[: self.rows, : self.pieces * PIECE]
            both = torch.cat([self.prompt_mask[self._prompt_numbers], own], -1)
            self.bias = both[:, None, None].to(self.layers[0].keys.dtype)
        return stored.sum(0)[:, None]

    def store(self, number: int, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Write each row's new token into a layer; keys and values are `(rows, heads, head size)`."""
        layer = self.layers[number]
        for stored, new in ((layer.keys, keys), (layer.values, values)):
            size = stored.shape[-1]
            stored.view(-1, size).index_copy_(0, self._token_places(stored.shape[2]), new.reshape(-1, size))

    def _token_places(self, heads: int) -> torch.Tensor:
        """Where the new tokens are in a store of so many heads, `(rows * heads,)`."""
        if heads not in self._stores:
            slots = self._at // PIECE * self.capacity + self._numbers[: self.rows]
            by_head = slots[:, None] * heads + torch.arange(heads, device=self._device)
            self._stores[heads] = (by_head * PIECE + (self._at % PIECE)[:, None]).flatten()
        return self._stores[heads]

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
            for stored, new in ((layer.prompt_keys, keys), (layer.prompt_values, values)):
                for piece, part in enumerate(new[0].split(stored.shape[3], dim=1)):
                    stored[piece, place, :, : part.shape[1]] = part
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
        even = self._prompt_of == [place for place in range(self.prompts) for _ in range(self.most_rows)]
        self._prompt_numbers = torch.tensor(self._prompt_of, device=self._device)
        self.places = None if even else (self._prompt_numbers, torch.tensor(ranks, device=self._device))
        self._shorten_prompts(max(self._lengths[: self.prompts], default=0))

    # Storage.

    def _make_room(self, states: Sequence[tuple[torch.Tensor, torch.Tensor]], room: int) -> None:
        pieces = -(-room // PIECE)
        if not self.layers:
            for keys, values in states:
                sizes = [(pieces, self.capacity, t.shape[1], PIECE, t.shape[3]) for t in (keys, values)]
                own = [t.new_zeros(size) for t, size in zip((keys, values), sizes, strict=True)]
                lead = (0, self.prompts) if self.exact else (1, 0)
                length = PIECE if self.exact else 0
                none = [t.new_zeros((*lead, t.shape[2], length, t.shape[4])) for t in own]
                self.layers.append(LayerStates(*none, *own))
            self.mask = self.mask.new_full((self.capacity, pieces * PIECE), MASKED)
        elif self.mask.shape[1] < pieces * PIECE:
            for layer in self.layers:
                layer.keys, layer.values = _enlarged(layer.keys, 0, pieces), _enlarged(layer.values, 0, pieces)
            self.mask = _enlarged(self.mask, 1, pieces * PIECE, MASKED)

    def _make_prompt_room(self, length: int) -> None:
        """Room for one more prompt; prompts of different lengths are padded to the longest."""
        length = max(_rounded(length, PIECE if self.exact else STEP), self.prompt_mask.shape[1])
        slots = self.prompt_mask.shape[0]
        if slots < self.prompts:
            slots = min(max(4, 2 * slots, self.prompts), self.capacity)
        longer, size = (0, length // PIECE) if self.exact else (3, length)
        for layer in self.layers:
            for name in ("prompt_keys", "prompt_values"):
                setattr(layer, name, _enlarged(_enlarged(getattr(layer, name), longer, size), 1, slots))
        self.prompt_mask = _enlarged(_enlarged(self.prompt_mask, 1, length, MASKED), 0, slots, MASKED)

    def _shorten_prompts(self, longest: int) -> None:
        """Give up the room of long prompts that ended, as padding is read at each step; rarely, since it copies."""
        length = _rounded(longest, STEP)
        if length * 4 > self.prompt_mask.shape[1] * 3:
            return
        for layer in self.layers:
            layer.prompt_keys = layer.prompt_keys[:, :, :, :length].clone()
            layer.prompt_values = layer.prompt_values[:, :, :, :length].clone()
        self.prompt_mask = self.prompt_mask[:, :length].clone()


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
