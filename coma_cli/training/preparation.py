"""The model to train: the base, loaded as the mode requires, with fresh LoRA matrices if the mode has them.

Import it inside functions: it needs the train extra.
"""

from dataclasses import dataclass
from typing import Any

import torch
import transformers

from coma_cli.errors import UsageError, memory_named
from coma_cli.models.loading import Placement, load_model
from coma_cli.models.quantization import four_bit_config
from coma_cli.models.resolution import ResolvedBase, Trust
from coma_cli.training.modes import Mode
from coma_cli.training.settings import FinetuneSettings, LoraBlock

CHECKPOINTING_FROM_PARAMETERS = 1_000_000_000


@dataclass(frozen=True)
class TrainableModel:
    """A model ready for training, and the counts of its trainable and of all parameters."""

    model: Any
    trainable: int
    total: int


def load_base(resolved: ResolvedBase, mode: Mode, placement: Placement, trust: Trust) -> Any:
    """The base as the mode requires: frozen in the placement's dtype or in four bits, or trainable in float32."""
    if mode.four_bit:
        config = four_bit_config(placement)
        return load_model(resolved, placement.dtype, placement.device, trust=trust, quantization_config=config)
    dtype = placement.dtype if mode.adapter else torch.float32
    return load_model(resolved, dtype, placement.device, trust=trust)


def prepare(
    settings: FinetuneSettings, mode: Mode, resolved: ResolvedBase, placement: Placement, trust: Trust
) -> TrainableModel:
    """Load the base, add the trainable parameters, freeze the rest. The same seed gives the same matrices.

    Raises:
        UsageError: none of `lora.target_modules` is a layer of this base. CliError: it does not fit into memory.
    """
    model = load_base(resolved, mode, placement, trust)
    transformers.set_seed(settings.seed)
    total = _count(model)
    if mode.adapter:
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        with memory_named(f"{resolved.name} with its LoRA matrices", "Lower --lora-r, adapt fewer layers, or --qlora."):
            model = _with_adapter(model, settings.lora, resolved)
    if _recompute(settings, placement, total):
        _recompute_activations(model)
    model.train()
    return TrainableModel(model, sum(p.numel() for p in model.parameters() if p.requires_grad), total)


def _with_adapter(model: Any, lora: LoraBlock, resolved: ResolvedBase) -> Any:
    import peft

    config = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=target_modules(lora, resolved),
    )
    try:
        return peft.get_peft_model(model, config)
    except ValueError as error:
        if "arget modules" not in str(error):
            raise
        layers = sorted(
            {name.rpartition(".")[2] for name, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
        )
        raise UsageError(
            f"{resolved.name} has none of the layers {', '.join(lora.target_modules or [])}.",
            f"--set lora.target_modules=[{', '.join(layers)}]",
        ) from None


def target_modules(lora: LoraBlock, resolved: ResolvedBase) -> list[str] | str:
    """The layers to adapt: as set, else the catalogue's list for this base, else every linear layer of a block."""
    if lora.target_modules:
        return sorted(lora.target_modules)
    return sorted(resolved.entry.lora_targets) if resolved.entry else "all-linear"


def _count(model: Any) -> int:
    """Parameters of a model; four-bit weights are stored two to a byte."""
    return sum(p.numel() * (2 if p.__class__.__name__ == "Params4bit" else 1) for p in model.parameters())


def _recompute(settings: FinetuneSettings, placement: Placement, parameters: int) -> bool:
    wanted = settings.runtime.gradient_checkpointing
    large = placement.device != "cpu" and parameters >= CHECKPOINTING_FROM_PARAMETERS
    return large if wanted is None else wanted


def _recompute_activations(model: Any) -> None:
    options = {"use_reentrant": False}  # the reentrant variant finds no gradient behind a frozen embedding
    if hasattr(model, "activation_checkpointing_enable"):
        model.activation_checkpointing_enable(activation_checkpointing_kwargs=options)
    else:  # transformers before 5.20 or so
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=options)
