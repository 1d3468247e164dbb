"""Linear layers in 8-bit integers on a CPU: weights rounded once per output, inputs per token at each call.

The product of integers is exact, and a token's scale is its own, so a row's result does not depend on other rows, their
number included: that holds for `--deterministic` too. Embeddings and the output layer keep their numbers, as in
bitsandbytes. Rates on two cores with AVX512-VNNI, 64 rows x 1536 x 576: 786 GFLOP/s, bfloat16 416, float32 95;
torch's `_weight_int8pack_mm`, which multiplies bfloat16 inputs by 8-bit weights, 155.
"""

from typing import Any

import torch

from coma_cli.engines.fused_linears import JoinedLinears, LinearPart

LARGEST = 127
SMALLEST_SCALE = 1e-12  # of a token or an output that is all zero


class Int8Weight:
    """A weight `(outputs, inputs)` in 8 bits with one scale per output, and the products with it."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        scales = weight.float().abs().amax(-1).clamp_(min=SMALLEST_SCALE) / LARGEST
        self.values = (weight.float() / scales[:, None]).round_().to(torch.int8).t()
        self.scales = scales
        self.bias = bias

    def product(self, states: torch.Tensor) -> torch.Tensor:
        """`states` `(..., inputs)` times the weight, plus the bias, in the dtype of `states`."""
        flat = states.reshape(-1, states.shape[-1])
        scales = flat.abs().amax(-1, keepdim=True).float().clamp_(min=SMALLEST_SCALE) / LARGEST
        whole = (flat / scales).round_().to(torch.int8)
        output = torch._int_mm(whole, self.values) * scales * self.scales
        if self.bias is not None:
            output += self.bias
        return output.to(states.dtype).reshape(*states.shape[:-1], -1)


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
