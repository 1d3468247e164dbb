"""Adapters whose initialisation changed the base (PiSSA, OLoRA), written for the base as it is published.

Such an initialisation takes B0 A0 out of a weight W, and training starts from there: the result is W - s B0 A0 + s B A.
With A and A0, and B and -B0, side by side it is an ordinary adapter of twice the rank on W.

Import it inside functions: it needs the train extra.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coma_cli.jsonl import read_json, write_json
from coma_cli.models.adapters import CONFIG, WEIGHTS


def state_of(model: Any) -> dict[str, Any]:
    """A copy of the adapter's matrices, by the names that they are stored under."""
    import peft

    return {name: tensor.detach().cpu().clone() for name, tensor in peft.get_peft_model_state_dict(model).items()}


def write_for_published_base(folder: Path, initial: Mapping[str, Any]) -> None:
    """Rewrite the adapter in a folder, which was trained from `initial`, as one of twice the rank."""
    import torch
    from safetensors.torch import load_file, save_file

    trained = load_file(folder / WEIGHTS)
    joined = {}
    for name, tensor in trained.items():
        before = initial[name].to(tensor.dtype)
        is_a = ".lora_A." in name
        joined[name] = torch.cat([tensor, before], dim=0) if is_a else torch.cat([tensor, -before], dim=1)
    save_file(joined, folder / WEIGHTS, metadata={"format": "pt"})
    config = read_json(folder / CONFIG)
    growth = 2**0.5 if config.get("use_rslora") else 2.0  # keeps the scale: alpha / r, or alpha / sqrt(r)
    config |= {"r": 2 * config["r"], "lora_alpha": growth * config["lora_alpha"], "init_lora_weights": True}
    write_json(folder / CONFIG, config)
