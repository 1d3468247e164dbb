"""The arithmetic of a merge: the base as the adapter saw it, plus scale * B @ A, rounded once, shard by shard.

Import inside functions: it needs the train extra.

A file of the base is read tensor by tensor, and each tensor is merged and written before the next one is read, so
memory is that of one tensor and the adapter. A merge that was killed continues with the first file that is missing.

An adapter trained with QLoRA was trained on a base that was rounded to four bits, and compensates for part of that
rounding. It is therefore merged into those rounded weights (dequantized), which gives exactly the function that was
trained; merging into the published weights gives another one, which is measured as well. That is an option, not the
default.
"""

import json
from pathlib import Path
from typing import Any

import torch

from coma_cli.errors import UsageError
from coma_cli.jsonl import write_json
from coma_cli.models.loading import DTYPES, load_config, load_generation_config
from coma_cli.models.model_files import ModelFiles, opened
from coma_cli.models.resolution import ResolvedBase, Trust, weights_missing
from coma_cli.prompting import PromptTemplate
from coma_cli.training.merging.base_files import names_in
from coma_cli.training.merging.shard_file import ShardFile
from coma_cli.training.merging.skeleton import Skeleton, iterate, missing_weights
from coma_cli.training.stops import GENERATION_FILE, save_for_others

_INDEX = "model.safetensors.index.json"


def write_weights(skeleton: Skeleton, files: ModelFiles, dtype: str, folder: Path) -> None:
    """Merge the files of a base that are not in `folder` yet, and list them.

    Raises:
        MissingInputError: the base lacks weights, or a file is damaged.
        UsageError: the adapter has values that are not finite, or the base is of another shape.
    """
    shards = files.shards()
    places: dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        source, target = files.get(shard), folder / _named(number, len(shards))
        layout = _layout(skeleton, names_in(source), DTYPES[dtype], set(places))
        if layout and not target.is_file():
            with ShardFile(target, layout) as made, opened(source) as stored:
                for name, tensor in iterate(skeleton, stored, layout):
                    made.add(name, _rounded(name, tensor, DTYPES[dtype]))
        places |= dict.fromkeys(layout, target.name)
    if missing := missing_weights(skeleton, set(places)):
        raise weights_missing(files.name, missing)
    if len(shards) > 1:
        size = sum((folder / name).stat().st_size for name in set(places.values()))
        write_json(folder / _INDEX, {"metadata": {"total_size": size}, "weight_map": dict(sorted(places.items()))})


def _rounded(name: str, tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A tensor in `dtype`; float16 ends at 65,504, and weights beyond would be infinite."""
    rounded = tensor.to(dtype)
    if dtype is torch.float16 and not bool(rounded.isfinite().all()):
        raise UsageError(f"{name} has weights that float16 can't hold.", "Merge in --dtype bf16 or fp32.")
    return rounded


def _layout(
    skeleton: Skeleton, stored: list[str], dtype: torch.dtype, before: set[str]
) -> dict[str, tuple[torch.dtype, tuple[int, ...]]]:
    """Dtype and shape of the merged tensors of one file, in the order in which `iterate` gives them."""
    names = [name for key in stored if (name := skeleton.name_of(key)) is not None and name not in before]
    both = [each for name in names for each in (name, skeleton.holds(name)) if each is not None]
    return {name: (dtype, skeleton.shapes[name]) for name in both}


def _named(number: int, count: int) -> str:
    return "model.safetensors" if count == 1 else f"model-{number:05d}-of-{count:05d}.safetensors"


def write_description(
    skeleton: Skeleton,
    resolved: ResolvedBase,
    trust: Trust,
    dtype: str,
    tokenizer: Any,
    template: PromptTemplate | None,
    generation: Path | None,
    folder: Path,
) -> None:
    """Write all but the weights: configuration, generation configuration, tokenizer with chat template, template.

    `generation` is a folder with the generation configuration that training left, if any. The token that ends an answer
    in training is among the end tokens, so that any program stops there.
    """
    import transformers

    config = load_config(resolved, trust=trust)
    config.vocab_size = skeleton.shapes[skeleton.embedding][0]
    config.tie_word_embeddings = skeleton.tied is not None and skeleton.tied not in skeleton.shapes
    config.architectures = [type(skeleton.model).__name__]
    config.dtype = DTYPES[dtype]
    config.use_cache = True
    config.name_or_path = ""
    config.save_pretrained(folder)
    if generation is not None and (generation / GENERATION_FILE).is_file():
        ways = transformers.GenerationConfig.from_pretrained(generation)
    else:
        ways = load_generation_config(resolved, trust=trust)
    if template is not None:
        save_for_others(folder, template, tokenizer, ways)
        template.save(folder)
    else:
        write_json(folder / GENERATION_FILE, json.loads(ways.to_json_string(use_diff=True)))
        tokenizer.save_pretrained(folder)
