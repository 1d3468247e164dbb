"""Rewrites a LoRA adapter that was trained on the original layout for the converted model.

The fused projection has one matrix A and one B. Query, key and value get the same A and their third of B each, so the
sum of weight and scale * B @ A is the same, row by row.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from coma_cli.errors import UsageError
from coma_cli.jsonl import read_json, write_json
from coma_cli.models.qwen.layout import renamed

_PREFIX = "base_model.model."
_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_BY_LAYER = ("rank_pattern", "alpha_pattern", "modules_to_save", "layers_to_transform", "target_parameters")


def is_for_original(tensors: Iterable[str]) -> bool:
    """Whether an adapter's tensors belong to layers of the original layout."""
    return any(name.startswith((f"{_PREFIX}transformer.h.", f"{_PREFIX}transformer.wte")) for name in tensors)


def rewrite(folder: Path, into: Path) -> None:
    """Write the adapter of `folder` for the converted model to `into`.

    Raises:
        UsageError: it adapts layers that the original does not have, or has settings for single layers.
    """
    from safetensors.torch import load_file, save_file

    config = read_json(folder / _CONFIG)
    if named := [name for name in _BY_LAYER if config.get(name)]:
        raise UsageError(
            f"{folder} was trained on Qwen's original layout, with {', '.join(named)}.",
            "Such an adapter can't be rewritten for the converted model: train it again.",
        )
    weights: dict[str, Any] = {}
    for name, tensor in load_file(folder / _WEIGHTS).items():
        weights |= dict(_parts(folder, name, tensor))
    save_file(weights, into / _WEIGHTS, metadata={"format": "pt"})
    layers = sorted({name.removeprefix(_PREFIX).partition(".lora_")[0] for name in weights})
    write_json(into / _CONFIG, {**config, "target_modules": layers, "exclude_modules": None})


def _parts(folder: Path, name: str, tensor: Any) -> Iterator[tuple[str, Any]]:
    """What one tensor of the adapter becomes: A (rank, inputs) is shared, B (outputs, rank) is divided."""
    module, mark, rest = name.removeprefix(_PREFIX).partition(".lora_")
    try:
        targets = renamed(module)
    except KeyError:
        raise UsageError(
            f"{folder} adapts {module}, which Qwen of 2023 does not have.", "Name the base it was trained on."
        ) from None
    shared = rest.startswith("A")
    parts = [tensor] * len(targets) if shared else tensor.chunk(len(targets))
    for target, part in zip(targets, parts, strict=True):
        yield f"{_PREFIX}{target}{mark}{rest}", part.clone()
