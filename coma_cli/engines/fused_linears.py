"""Joins linear layers that read the same input into one matrix product: queries, keys and values; gate and up.

Small products use a CPU badly: with 64 rows of SmolLM2 the key and value projections have 192 columns each. The parts
keep their names and places in the model, so its own code is unchanged: the first part that is called computes all of
them, the others return what was computed for the very same input.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

FAMILIES = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))


class JoinedLinears:
    """One product for several linear layers with the same input."""

    def __init__(self, linears: Sequence[torch.nn.Linear]) -> None:
        self.weight = torch.cat([linear.weight.detach() for linear in linears])
        biased = linears[0].bias is not None
        self.bias = torch.cat([linear.bias.detach() for linear in linears]) if biased else None
        self.sizes = [linear.out_features for linear in linears]
        self.product: Callable[[torch.Tensor], torch.Tensor] = self._product
        self._input: torch.Tensor | None = None
        self._outputs: tuple[torch.Tensor, ...] = ()
        self._unread: set[int] = set()

    def _product(self, states: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(states, self.weight, self.bias)

    def output(self, part: int, states: torch.Tensor) -> torch.Tensor:
        """One layer's output; the outputs are forgotten when all of them were read."""
        if self._input is not states or part not in self._unread:
            self._outputs = self.product(states).split(self.sizes, dim=-1)
            self._input, self._unread = states, set(range(len(self.sizes)))
        found = self._outputs[part]
        self._unread.discard(part)
        if not self._unread:
            self._input, self._outputs = None, ()
        return found


class LinearPart(torch.nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    """One of joined linear layers, in its place. Its weight is a view of the joined one."""

    def __init__(self, joined: JoinedLinears, part: int, linear: torch.nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.joined = joined
        self._part = part
        rows = slice(sum(joined.sizes[:part]), sum(joined.sizes[: part + 1]))
        self.weight = torch.nn.Parameter(joined.weight[rows], requires_grad=False)
        self.bias = None if joined.bias is None else torch.nn.Parameter(joined.bias[rows], requires_grad=False)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """The layer's output for `(..., in_features)`."""
        return self.joined.output(self._part, states)


def join_linears(model: Any) -> int:
    """Join what can be joined in a model, layer by layer, for inference; returns how many groups there were.

    Only plain linear layers are: quantized ones and those with an adapter keep their own code.
    """
    joined = 0
    for module in list(model.modules()):
        for names in FAMILIES:
            linears = [getattr(module, name, None) for name in names]
            if not _alike(linears):
                continue
            together = JoinedLinears(linears)
            for part, (name, linear) in enumerate(zip(names, linears, strict=True)):
                setattr(module, name, LinearPart(together, part, linear))
            joined += 1
    return joined


def _alike(linears: Sequence[Any]) -> bool:
    return (
        all(type(linear) is torch.nn.Linear for linear in linears)
        and len({linear.in_features for linear in linears}) == 1
        and len({linear.bias is None for linear in linears}) == 1
        and len({(linear.weight.dtype, linear.weight.device) for linear in linears}) == 1
        and not any(linear._forward_hooks or linear._forward_pre_hooks for linear in linears)
    )
