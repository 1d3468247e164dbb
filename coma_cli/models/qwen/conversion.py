"""Converts a Qwen of 2023 to a Qwen2 model with a fast tokenizer, once, into coma's cache; no code of its own is run.

    prepared(...)    a folder with configuration, generation configuration and tokenizer, in about 15 seconds
    converted(...)   a folder with the weights too, written shard by shard

Each shard is read, converted and written before the next one is fetched, so memory is that of one shard. A conversion
that was killed continues with the first shard that is missing. Folders are named after the identity of the original,
which is its commit or the hash of its files, and the version of this conversion.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coma_cli import console
from coma_cli.cache import cache_folder
from coma_cli.errors import CliError, MissingInputError, is_disk_full
from coma_cli.jsonl import read_json, write_json
from coma_cli.models.made_once import made_once
from coma_cli.models.model_files import ModelFiles, opened
from coma_cli.models.qwen import layout, vocabulary
from coma_cli.models.resolution import QWEN_CONVERSION_VERSION, QWEN_OF_2023

_INDEX = "model.safetensors.index.json"


def prepared(original: ModelFiles, identity: str, subject: str) -> Path:
    """The folder with all but the weights.

    Raises:
        MissingInputError: files are missing, damaged, or of another architecture. CliError: the cache is not writable.
    """
    folder = _place(subject, identity, "-tokenizer")
    note = f"Making a fast tokenizer for {original.name} in {folder} (once, about 15 seconds)"
    with _cache_errors(original.name, folder):
        return made_once(folder, lambda making: _prepare(original, making), note)


def converted(original: ModelFiles, identity: str, subject: str) -> Path:
    """The folder with the whole model.

    Raises:
        MissingInputError: files are missing, damaged, or of another architecture.
        CliError: the cache is not writable, or has no space.
    """
    folder = _place(subject, identity, "")
    if folder.is_dir():
        return folder
    others = prepared(original, identity, subject)
    note = f"Converting {original.name} to the Qwen2 layout in {folder} (once)"
    with _cache_errors(original.name, folder):
        return made_once(folder, lambda making: _convert(original, others, making), note, resumable=True)


def is_original(config: object) -> bool:
    """Whether a configuration is that of a Qwen of 2023."""
    return isinstance(config, dict) and config.get("model_type") == QWEN_OF_2023


def _place(subject: str, identity: str, suffix: str) -> Path:
    return cache_folder() / "bases" / f"{subject}-{identity[:16]}-qwen2-v{QWEN_CONVERSION_VERSION}{suffix}"


@contextmanager
def _cache_errors(name: str, folder: Path) -> Iterator[None]:
    """Name the cache when it can't be written to."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        if isinstance(error, SafetensorError) and not is_disk_full(error):
            raise
        raise CliError(
            f"{name} can't be converted into {folder.parent}: {error}.",
            "export COMA_CACHE=FOLDER, a writable folder with room for the model; what is done is kept.",
        ) from error


def _prepare(original: ModelFiles, into: Path) -> None:
    config, generation = original.json("config.json"), original.json("generation_config.json")
    if not is_original(config):
        raise MissingInputError(f"{original.name} is not a Qwen of 2023.", "Give a folder of the original layout.")
    ranks = vocabulary.read_ranks(original.get(vocabulary.FILE))
    turns = generation.get("chat_format") == "chatml"
    end_of_text = len(ranks)
    ends = [end_of_text + vocabulary.SPECIAL_TOKENS.index(vocabulary.TURN_END), end_of_text] if turns else end_of_text
    made = layout.converted_config(config, dtype="bfloat16", end_token=end_of_text)
    _check_vocabulary(original.name, config["vocab_size"], generation.get("eos_token_id"), end_of_text)
    tokenizer = vocabulary.fast_tokenizer(ranks, context=made["max_position_embeddings"], turns=turns)
    tokenizer.save_pretrained(into)
    write_json(into / "config.json", made)
    kept = {name: generation[name] for name in ("max_new_tokens", "do_sample", "top_k", "top_p") if name in generation}
    write_json(into / "generation_config.json", {**kept, "eos_token_id": ends, "pad_token_id": end_of_text})


def _check_vocabulary(name: str, rows: int, named_end: object, tokens: int) -> None:
    """The first special token follows the vocabulary, so a cut or foreign file would move all of them."""
    needed = tokens + len(vocabulary.SPECIAL_TOKENS)
    if rows < needed or (isinstance(named_end, int) and named_end != tokens):
        raise MissingInputError(
            f"{vocabulary.FILE} of {name} has {tokens:,} tokens, which does not agree with its configuration "
            f"({rows:,} rows of embeddings, end token {named_end}).",
            "Download the model's files again.",
        )


def _convert(original: ModelFiles, others: Path, into: Path) -> None:
    """Write all shards that are missing, then what describes them."""
    shards = original.shards()
    places: dict[str, str] = {}
    size = 0
    dtypes: set[str] = set()
    with console.progress("Converting", len(shards)) as ticker:
        for number, shard in enumerate(shards, 1):
            target = into / _named(number, len(shards))
            if not target.is_file():
                _check_room(original, target)
                write_shard(original.get(shard), target)
            header = _header(target)
            places |= dict.fromkeys(header, target.name)
            dtypes |= {entry["dtype"] for entry in header.values()}
            size += target.stat().st_size
            ticker.advance()
    config = read_json(others / "config.json")
    if missing := sorted(layout.expected_tensors(config) - places.keys()):
        shown = ", ".join(missing[:4])
        raise MissingInputError(f"{original.name} lacks weights: {shown}.", "Download the whole model again.")
    for path in others.iterdir():
        shutil.copyfile(path, into / path.name)
    write_json(into / "config.json", {**config, "dtype": _dtype_name(dtypes)})
    if len(shards) > 1:
        write_json(into / _INDEX, {"metadata": {"total_size": size}, "weight_map": dict(sorted(places.items()))})


def _named(number: int, count: int) -> str:
    return "model.safetensors" if count == 1 else f"model-{number:05d}-of-{count:05d}.safetensors"


def write_shard(source: Path, target: Path) -> None:
    """Convert one file of weights; `target` is complete or absent."""
    from safetensors.torch import save_file

    tensors: dict[str, Any] = {}
    with opened(source) as content:
        for name, tensor in content:
            tensors |= dict(layout.converted_tensors(name, tensor))
    making = target.with_name(f".{target.name}.part")
    save_file(tensors, making, metadata={"format": "pt"})
    with making.open("rb") as handle:
        os.fsync(handle.fileno())
    making.chmod(0o666 & ~_umask())  # safetensors makes files that only their owner can read
    making.rename(target)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _check_room(original: ModelFiles, target: Path) -> None:
    """Stop before the weights are fetched if what is left to write can't fit, as far as the model says its size."""
    total = original.json(_INDEX).get("metadata", {}).get("total_size", 0)
    done = sum(path.stat().st_size for path in target.parent.glob("*.safetensors"))
    free = shutil.disk_usage(target.parent).free
    if (left := total - done) > free:
        raise CliError(
            f"Converting {original.name} needs {left / 1e9:.1f} GB in {target.parent.parent}, which has "
            f"{free / 1e9:.1f} GB free.",
            "export COMA_CACHE=FOLDER, a folder with more room",
        )


def _header(path: Path) -> dict[str, dict[str, Any]]:
    """Dtype and shape of each tensor in a file of safetensors, from its header."""
    with path.open("rb") as handle:
        header = json.loads(handle.read(int.from_bytes(handle.read(8), "little")))
    return {name: entry for name, entry in header.items() if name != "__metadata__"}


def _dtype_name(dtypes: set[str]) -> str:
    """The dtype of the weights; the widest of several."""
    names = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
    return next((name for short, name in names.items() if short in dtypes), "float32")
