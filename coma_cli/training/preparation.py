"""The model to train: the base, loaded as the mode requires, with fresh LoRA matrices if the mode has them.

Import it inside functions: it needs the train extra.
"""

from dataclasses import dataclass
from typing import Any

import torch
import transformers

from coma_cli.errors import memory_named
from coma_cli.models.adapters import Adapter
from coma_cli.models.loading import Placement, load_model
from coma_cli.models.quantization import eight_bit_config, four_bit_config
from coma_cli.models.resolution import ResolvedBase, Trust
from coma_cli.training.adapting import with_adapter
from coma_cli.training.cpu_attention import use_cpu_attention
from coma_cli.training.estimate import recomputes
from coma_cli.training.modes import Mode
from coma_cli.training.settings import FinetuneSettings


@dataclass(frozen=True)
class TrainableModel:
    """A model ready for training, and the counts of its trainable and of all parameters."""

    model: Any
    trainable: int
    total: int


def load_base(
    resolved: ResolvedBase, mode: Mode, placement: Placement, trust: Trust, *, float_storage: bool = False
) -> Any:
    """The base as the mode requires: frozen in the placement's dtype or in fewer bits, or trainable in float32.

    With `float_storage` the bits of four-bit weights are kept in tensors of the placement's dtype.
    """
    if mode.quantized:
        config = four_bit_config(placement, float_storage=float_storage) if mode.four_bit else eight_bit_config()
        return load_model(resolved, placement.dtype, placement.device, trust=trust, quantization_config=config)
    dtype = placement.dtype if mode.adapter else torch.float32
    return load_model(resolved, dtype, placement.device, trust=trust)


def prepare(
    settings: FinetuneSettings,
    mode: Mode,
    resolved: ResolvedBase,
    placement: Placement,
    trust: Trust,
    start: Adapter | None = None,
    *,
    float_storage: bool = False,
) -> TrainableModel:
    """Load the base, add the trainable parameters (those of `start`, if given), freeze the rest.

    The same seed gives the same matrices. `float_storage` as in `load_base`.

    Raises:
        UsageError: none of `lora.target_modules` is a layer of this base. CliError: it does not fit into memory.
    """
    model = load_base(resolved, mode, placement, trust, float_storage=float_storage)
    if placement.device == "cpu" and placement.dtype is torch.bfloat16:
        use_cpu_attention(model)
    transformers.set_seed(settings.seed)
    total = _count(model)
    if mode.adapter:
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        with memory_named(f"{resolved.name} with its LoRA matrices", "Lower --lora-r, adapt fewer layers, or --qlora."):
            model = with_adapter(model, settings.lora, resolved, start, placement.dtype)
    if _recompute(settings, placement, total):
        _recompute_activations(model)
    model.train()
    return TrainableModel(model, sum(p.numel() for p in model.parameters() if p.requires_grad), total)


def _count(model: Any) -> int:
    """Parameters of a model; four-bit weights are stored two to a byte."""
    return sum(
        p.numel() * (2 * p.element_size() if p.__class__.__name__ == "Params4bit" else 1) for p in model.parameters()
    )


def _recompute(settings: FinetuneSettings, placement: Placement, parameters: int) -> bool:
    return recomputes(settings, parameters, on_cpu=placement.device == "cpu")


def _recompute_activations(model: Any) -> None:
    options = {"use_reentrant": False}  # the reentrant variant finds no gradient behind a frozen embedding
    if hasattr(model, "activation_checkpointing_enable"):
        model.activation_checkpointing_enable(activation_checkpointing_kwargs=options)
    else:  # transformers before 5.20 or so
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=options)
