"""Linear layers in 8-bit integers on a CPU: weights rounded once per output, inputs per token at each call.

The product of integers is exact, and a token's scale is its own, so a row's result does not depend on other rows, their
number included: that holds for `--deterministic` too. Embeddings and the output layer keep their numbers, as in
bitsandbytes. Rates on two cores with AVX512-VNNI, 64 rows x 1536 x 576: 786 GFLOP/s, bfloat16 416, float32 95;
torch's `_weight_int8pack_mm`, which multiplies bfloat16 inputs by 8-bit weights, 155. Where oneDNN's product of packed
weights is exact, it is used: 64 rows x 3072 x 576 take 214 us on a core with AMX, `_int_mm` 299 us, and the scales of
the outputs are applied within it.
"""

from functools import cache
from typing import Any

import torch

from coma_cli.engines.fused_linears import JoinedLinears, LinearPart

LARGEST = 127
SMALLEST_SCALE = 1e-12  # of a token or an output that is all zero


class Int8Weight:
    """A weight `(outputs, inputs)` in 8 bits with one scale per output, and the products with it."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        scales = weight.float().abs().amax(-1).clamp_(min=SMALLEST_SCALE) / LARGEST
        values = (weight.float() / scales[:, None]).round_().to(torch.int8)
        self._packed = packs_exactly() and weight.device.type == "cpu"
        self._values = torch.ops.onednn.qlinear_prepack(values, None) if self._packed else values.t()
        self._scales, self._zeros = scales, torch.zeros_like(scales, dtype=torch.long)
        self.bias = bias

    def product(self, states: torch.Tensor) -> torch.Tensor:
        """`states` `(..., inputs)` times the weight, plus the bias, in the dtype of `states`."""
        flat = states.reshape(-1, states.shape[-1])
        scales = flat.abs().amax(-1, keepdim=True).float().clamp_(min=SMALLEST_SCALE) / LARGEST
        whole = (flat / scales).round_().to(torch.int8)
        if self._packed:
            output = packed_product(whole, self._values, self._scales, self._zeros).mul_(scales)
        else:
            output = torch._int_mm(whole, self._values) * scales * self._scales
        if self.bias is not None:
            output += self.bias
        return output.to(states.dtype).reshape(*states.shape[:-1], -1)


def packed_product(
    whole: torch.Tensor, weight: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor
) -> torch.Tensor:
    """The product of integers with a packed weight, times the scale of each output, in float32."""
    return torch.ops.onednn.qlinear_pointwise(
        whole, 1.0, 0, weight, scales, zeros, None, 1.0, 0, torch.float32, "none", [], ""
    )


@cache
def packs_exactly() -> bool:
    """Whether oneDNN's product is exact here: without VNNI instructions the largest sums are cut off at 16 bits."""
    if not hasattr(torch.ops.onednn, "qlinear_pointwise"):
        return False
    try:
        most = torch.full((2, 64), LARGEST, dtype=torch.int8)
        packed = torch.ops.onednn.qlinear_prepack(most, None)
        found = packed_product(-most, packed, torch.ones(2), torch.zeros(2, dtype=torch.long))
    except (RuntimeError, NotImplementedError):  # a build without oneDNN
        return False
    return bool((found == -64 * LARGEST * LARGEST).all())


class Int8Linear(torch.nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    """A linear layer in 8 bits."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self._weight = Int8Weight(linear.weight.detach(), linear.bias)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """The layer's output for `(..., in_features)`."""
        return self._weight.product(states)


def to_int8(model: Any) -> int:
    """Replace the linear layers of a model's blocks; returns how many products there are.

    Joined layers stay joined. The layer that produces the logits is left as it is.
    """
    head, joined, count = model.get_output_embeddings(), set[JoinedLinears](), 0
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is torch.nn.Linear and child is not head:
                setattr(module, name, Int8Linear(child))
                count += 1
            elif isinstance(child, LinearPart):
                joined.add(child.joined)
                child.weight = child.bias = None
    for together in joined:
        together.product = Int8Weight(together.weight, together.bias).product
        del together.weight
    return count + len(joined)
