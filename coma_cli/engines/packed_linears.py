"""Linear layers in bfloat16 on a CPU, their weights stored in the order in which oneDNN multiplies.

torch keeps a weight row by row, and oneDNN reorders it at every call. With few rows that is a large part of the work:
all products of a step of SmolLM2 take 58 ms for 64 rows on a core with AMX, packed 38 ms; for 128 rows 78 and 61 ms. A
product of a given number of rows has the same bits every time, so `--deterministic` holds. The operations are those
that torch's own compiler emits for frozen weights (`torch/_inductor/fx_passes/mkldnn_fusion.py`).
"""

from typing import Any

import torch

from coma_cli.engines.fused_linears import JoinedLinears, LinearPart

TYPICAL_ROWS = 64  # oneDNN chooses the order of a weight for a number of rows; other numbers are nearly as fast


class PackedWeight:
    """A weight `(outputs, inputs)` in oneDNN's order, and the products with it."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous(), TYPICAL_ROWS)
        self._bias = None if bias is None else bias.detach()

    def product(self, states: torch.Tensor) -> torch.Tensor:
        """`states` `(..., inputs)` times the weight, plus the bias."""
        return torch.ops.mkldnn._linear_pointwise(states, self._weight, self._bias, "none", [], "")


class PackedLinear(torch.nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    """A linear layer with a packed weight."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self._weight = PackedWeight(linear.weight, linear.bias)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """The layer's output for `(..., in_features)`."""
        return self._weight.product(states)


def can_pack(weight: torch.Tensor) -> bool:
    """Whether this build of torch, on this processor, multiplies with such a weight when it is packed."""
    return (
        weight.device.type == "cpu"
        and weight.dtype is torch.bfloat16
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    )


@torch.inference_mode()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
def pack_linears(model: Any) -> int:
    """Replace the plain linear layers of a model, where they can be packed; returns how many products there are.

    Joined layers stay joined. The layer that produces the logits is packed too: if it shares its weight with the
    embeddings, they keep theirs. The matrices of adapters stay as they are:
    peft reads their dtype.
    """
    joined, count = set[JoinedLinears](), 0
    adapters = {
        part
        for layer in model.modules()
        if hasattr(layer, "base_layer")
        for part in layer.modules()
        if part is not layer
    }
    for module in [module for module in model.modules() if module not in adapters]:
        for name, child in list(module.named_children()):
            if type(child) is torch.nn.Linear and can_pack(child.weight):
                setattr(module, name, PackedLinear(child))
                count += 1
            elif isinstance(child, LinearPart) and child.weight is not None and can_pack(child.weight):
                joined.add(child.joined)
                child.weight = child.bias = None
    for together in joined:
        together.product = PackedWeight(together.weight, together.bias).product
        del together.weight
    return count + len(joined)
