"""The trainable matrices of an adapter: new ones in a base, or those of an adapter that is trained further.

Import it inside functions: it needs the train extra.
"""

from typing import Any

import torch

from coma_cli.errors import UsageError
from coma_cli.models.adapters import Adapter, check_shapes, fitting, layer_shapes
from coma_cli.models.resolution import ResolvedBase
from coma_cli.training.settings import ALL_LINEAR, LoraBlock

NAME = "default"  # of the adapter within peft


def with_adapter(model: Any, lora: LoraBlock, resolved: ResolvedBase, start: Adapter | None, dtype: torch.dtype) -> Any:
    """The base with trainable matrices in float32; `dtype` is that of the computation.

    Raises:
        UsageError: the base lacks a layer to adapt, or the adapter to start from is for another base.
    """
    import peft

    model = _with_new(model, lora, resolved) if start is None else _with_those_of(model, start)
    for module in model.modules():
        if isinstance(module, peft.tuners.tuners_utils.BaseTunerLayer):
            # Under autocast a layer's input in float32 would be a copy that is saved for each adapted layer.
            module.cast_input_dtype_enabled = dtype is not torch.bfloat16
    return model


def _with_new(model: Any, lora: LoraBlock, resolved: ResolvedBase) -> Any:
    import peft

    config = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.r,
        lora_alpha=lora.scaling_alpha,
        lora_dropout=lora.dropout,
        target_modules=target_modules(lora, resolved),
        use_rslora=lora.rslora,
        use_dora=lora.dora,
        init_lora_weights=True if lora.init == "default" else lora.init,
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
            f"--lora-targets {','.join(layers)}",
        ) from None


def _with_those_of(model: Any, start: Adapter) -> Any:
    import peft

    with fitting(start) as fits:
        check_shapes(fits, layer_shapes(model))
        return peft.PeftModel.from_pretrained(model, str(fits.folder), adapter_name=NAME, is_trainable=True)


def target_modules(lora: LoraBlock, resolved: ResolvedBase) -> list[str] | str:
    """The layers to adapt: as set, else the catalogue's list for this base, else every linear layer of a block."""
    if lora.target_modules == [ALL_LINEAR]:
        return ALL_LINEAR
    if lora.target_modules:
        return sorted(lora.target_modules)
    return sorted(resolved.entry.lora_targets) if resolved.entry else ALL_LINEAR
