"""From the last checkpoint to finetune's output: the adapter or the model, with tokenizer, template and base.

The same training gives the same bytes: no paths of this machine, no times, lists in a fixed order.
"""

import shutil
from pathlib import Path
from typing import Any

from coma_cli.jsonl import read_json, write_json
from coma_cli.models.base_record import BaseRecord
from coma_cli.models.resolution import ResolvedBase
from coma_cli.prompting import PromptTemplate
from coma_cli.training.modes import Mode
from coma_cli.training.stops import save_for_others

_COPIED_OF_MODEL = ("config.json",)


def assemble(
    checkpoint: Path,
    folder: Path,
    mode: Mode,
    resolved: ResolvedBase,
    base: BaseRecord,
    tokenizer: Any,
    template: PromptTemplate,
    generation: Any,
) -> Path:
    """Make the output folder from a complete checkpoint, replacing an earlier one.

    `generation` is the base's generation configuration.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if mode.adapter:
        _copy_adapter(checkpoint, folder, resolved)
    else:
        _copy_model(checkpoint, folder, stored_dtype(resolved))
    save_for_others(folder, template, tokenizer, generation)
    template.save(folder)
    base.save(folder)
    return folder


def _copy_adapter(checkpoint: Path, folder: Path, resolved: ResolvedBase) -> None:
    shutil.copyfile(checkpoint / "adapter_model.safetensors", folder / "adapter_model.safetensors")
    config = read_json(checkpoint / "adapter_config.json")
    config["base_model_name_or_path"] = resolved.published_name
    config["revision"] = resolved.revision
    config["inference_mode"] = True
    for name, value in config.items():
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            config[name] = sorted(value)  # peft has sets, whose order differs between processes
    write_json(folder / "adapter_config.json", dict(sorted(config.items())))


def _copy_model(checkpoint: Path, folder: Path, dtype: str) -> None:
    """Copy a model's files, its weights rounded from float32 to `dtype`."""
    import torch
    from safetensors.torch import load_file, save_file

    for source in sorted(checkpoint.glob("*.safetensors")):
        weights = {name: tensor.to(getattr(torch, dtype)) for name, tensor in load_file(source).items()}
        save_file(weights, folder / source.name, metadata={"format": "pt"})
    for name in _COPIED_OF_MODEL:
        if (checkpoint / name).is_file():
            shutil.copyfile(checkpoint / name, folder / name)
    _copy_index(checkpoint / "model.safetensors.index.json", folder)
    config = read_json(folder / "config.json")
    write_json(folder / "config.json", {**config, "dtype": dtype, "use_cache": True})


def _copy_index(index: Path, folder: Path) -> None:
    """Copy the list of shards with their present size."""
    if not index.is_file():
        return
    content = read_json(index)
    size = sum(shard.stat().st_size for shard in folder.glob("*.safetensors"))
    write_json(folder / index.name, {**content, "metadata": {**content.get("metadata", {}), "total_size": size}})


def stored_dtype(resolved: ResolvedBase) -> str:
    """The dtype of the base's published weights, float32 if unknown."""
    if resolved.entry is not None:
        return resolved.entry.dtype
    if resolved.kind == "folder":
        config = read_json(Path(resolved.path_or_id) / "config.json")
        named = str(config.get("dtype") or config.get("torch_dtype") or "float32")
        return named if named in ("float32", "float16", "bfloat16") else "float32"
    return "bfloat16"
