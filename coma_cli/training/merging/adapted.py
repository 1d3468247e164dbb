"""Base and adapter side by side, and merged models, for comparing what they compute in a wider dtype than they have.

Import inside functions: it needs the train extra. Weights stay in memory as they are stored; each layer is converted
for its own computation and back, so that a model of 7B parameters in 16 bits needs 14 GB, and differences are those of
the weights, not noise of the arithmetic. Weights in 16 bits are computed with in float32. For those in float32 that is
not enough: the order of sums moves SmolLM2's logits by up to 0.0003, so they are computed with in float64.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from coma_cli.models.adapters import Adapter, check_shapes, layer_shapes
from coma_cli.models.embeddings import resize
from coma_cli.models.loading import DTYPES, load_model
from coma_cli.models.resolution import ResolvedBase, Trust
from coma_cli.training.merging.rounding import BaseRounding


def load_adapted(
    adapter: Adapter,
    resolved: ResolvedBase,
    device: str,
    trust: Trust,
    *,
    stored: str,
    wide: torch.dtype,
    rounding: BaseRounding | None,
) -> Any:
    """Base and adapter in evaluation mode; the base in the dtype `stored`, the adapter in `wide`.

    With `rounding`, the linear layers of the base have the values that training on fewer bits saw.
    """
    import peft

    base = load_model(resolved, DTYPES[stored], device, trust=trust)
    if rounding is not None:
        _round(base, rounding)
    resize(base, adapter)
    check_shapes(adapter, layer_shapes(base))
    model = peft.PeftModel.from_pretrained(base, str(adapter.folder)).eval()
    for name, value in model.named_parameters():
        if ".lora_" in name:  # peft converts the input to their dtype before it calls them
            value.data = value.data.to(wide)
    return model


def _round(base: Any, rounding: BaseRounding) -> None:
    for name in rounding.layers(base):
        module = base.get_submodule(name)
        transposed = type(module).__name__ == "Conv1D"
        module.weight.data = rounding.of(module.weight.data, transposed=transposed).to(module.weight.dtype)


@contextmanager
def widened(model: Any, wide: torch.dtype) -> Iterator[None]:
    """Compute in `wide`: each module's own parameters are converted while it runs, and are as before afterwards."""
    handles = []
    for module in model.modules():
        own = [v for v in module.parameters(recurse=False) if v.is_floating_point() and v.dtype != wide]
        if own:
            handles.append(module.register_forward_pre_hook(_Widened(own, wide).widen))
            handles.append(module.register_forward_hook(_Widened(own, wide).restore, always_call=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Widened:
    """The parameters of one module and their stored values."""

    def __init__(self, own: list[Any], wide: torch.dtype) -> None:
        self._stored = [(value, value.data) for value in own]
        self._wide = wide

    def widen(self, module: Any, *_: Any) -> None:
        for value, stored in self._stored:
            value.data = stored.to(self._wide)

    def restore(self, module: Any, *_: Any) -> None:
        for value, stored in self._stored:
            value.data = stored
