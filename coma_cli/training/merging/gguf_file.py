"""Writes a model as a GGUF file for llama.cpp, one tensor at a time: float16, or blocks of 32 weights in 8 bits.

Names, shapes and metadata are those of llama.cpp's own conversion. Source: llama.cpp, `gguf-py` and the conversion of
Hugging Face models; its rotary embedding of `llama` pairs neighbouring elements, so the rows of query and key are
reordered there.
"""

import contextlib
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coma_cli.errors import UsageError
from coma_cli.jsonl import read_json, sync_path
from coma_cli.models.safetensors_header import tensor_shapes
from coma_cli.training.merging.gguf_vocabulary import read_vocabulary, vocabulary_of

ARCHITECTURES = ("llama", "qwen2", "qwen3")
_BLOCK = 32


def check_exportable(config: Mapping[str, Any], tokenizer: Any) -> None:
    """Refuse a model that this export does not cover, by what it is.

    Raises:
        UsageError: another architecture, scaled positions of another kind, or a tokenizer that llama.cpp can't follow.
    """
    kind = config.get("model_type")
    if kind not in ARCHITECTURES:
        raise UsageError(
            f"--gguf writes {', '.join(ARCHITECTURES)}, and this model is {kind}.",
            "Omit --gguf, and convert the merged model with llama.cpp's own script.",
        )
    scaling = _rope(config).get("rope_type", "default")
    if scaling not in ("default", "linear"):
        raise UsageError(f"--gguf does not write positions scaled by {scaling}.", "Omit --gguf.")
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise UsageError("--gguf needs a fast tokenizer, and this model has none.", "Omit --gguf.")
    vocabulary_of(json.loads(backend.to_str()), config["vocab_size"])


def export(folder: Path, kind: str, target: Path, name: str) -> None:
    """Write the model in a folder to `target`, called `name` there; `kind` is f16 or q8_0.

    Vectors stay in float32, and matrices whose rows can't be divided into blocks of 32 in float16, as llama.cpp has
    them.
    """
    import gguf

    config = read_json(folder / "config.json")
    target.unlink(missing_ok=True)
    writer = gguf.GGUFWriter(target, config["model_type"])
    writer.add_name(name)
    _add_shape(writer, config)
    types = {"f16": gguf.LlamaFileType.MOSTLY_F16, "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}
    writer.add_file_type(types[kind])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _add_tokenizer(writer, folder, config)
    places = gguf.get_tensor_name_map(gguf.MODEL_ARCH[config["model_type"].upper()], config["num_hidden_layers"])
    stored = [(name, file, shape) for file in _shards(folder) for name, shape in tensor_shapes(file).items()]
    for name, _, shape in stored:
        _add_info(writer, places.get_name(name, try_suffixes=(".weight", ".bias")), shape, _type(shape, kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for name, file, shape in stored:
        values = _as_llama(_read(file, name), name, config)
        writer.write_tensor_data(gguf.quantize(values, _type(shape, kind)))
    writer.close()
    sync_path(target)


def _add_info(writer: Any, name: str, shape: tuple[int, ...], raw: Any) -> None:
    """Announce a tensor: its shape in elements, or in bytes for blocks."""
    import gguf
    import numpy

    if raw == gguf.GGMLQuantizationType.Q8_0:
        stored = gguf.quant_shape_to_byte_shape(shape, raw)
        writer.add_tensor_info(name, stored, numpy.dtype("uint8"), math.prod(stored), raw_dtype=raw)
        return
    dtype = numpy.dtype("float32" if raw == gguf.GGMLQuantizationType.F32 else "float16")
    writer.add_tensor_info(name, shape, dtype, math.prod(shape) * dtype.itemsize, raw_dtype=raw)


def _rope(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Base and scaling of the rotary embedding, of configurations old and new."""
    found = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = found.get("rope_type") or found.get("type") or "default"
    return {"rope_theta": config.get("rope_theta", 10000.0), **found, "rope_type": kind}


def _add_shape(writer: Any, config: Mapping[str, Any]) -> None:
    import gguf

    heads = config["num_attention_heads"]
    head = config.get("head_dim") or config["hidden_size"] // heads
    rope = _rope(config)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_rope_freq_base(float(rope["rope_theta"]))
    writer.add_rope_dimension_count(head)
    if head * heads != config["hidden_size"] or config["model_type"] == "qwen3":
        writer.add_key_length(head)
        writer.add_value_length(head)
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(rope["factor"]))


def _add_tokenizer(writer: Any, folder: Path, config: Mapping[str, Any]) -> None:
    """Tokens, merges, special tokens, whether text begins with one, chat template, and the token that ends a turn."""
    import gguf
    from transformers import AutoTokenizer

    rows = config["vocab_size"]
    vocabulary = read_vocabulary(folder, rows)
    vocabulary.add_to(writer)
    special = gguf.SpecialVocab(folder, load_merges=vocabulary.scores is None, n_vocab=rows)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("a")["input_ids"]
    special.add_special_token["bos"] = tokenizer.bos_token_id is not None and ids[0] == tokenizer.bos_token_id
    special.add_special_token["eos"] = tokenizer.eos_token_id is not None and ids[-1] == tokenizer.eos_token_id
    for name in ("bos", "eos", "pad", "unk"):
        number = getattr(tokenizer, f"{name}_token_id")
        if number is not None:
            special.special_token_ids[name] = number
    generation = folder / "generation_config.json"
    ends = read_json(generation).get("eos_token_id") if generation.is_file() else None
    others = [end for end in (ends if isinstance(ends, list) else [ends]) if end not in (None, tokenizer.eos_token_id)]
    if others:
        special.special_token_ids["eot"] = others[0]
    with contextlib.redirect_stderr(io.StringIO()):
        special.add_to_gguf(writer, quiet=True)


def _shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _read(file: Path, name: str) -> Any:
    """A tensor of the model as a float32 array."""
    from safetensors import safe_open

    with safe_open(file, "pt") as content:
        return content.get_tensor(name).float().numpy()


def _as_llama(values: Any, name: str, config: Mapping[str, Any]) -> Any:
    """Rows of query and key in llama.cpp's order for `llama`: element i of a head's half is followed by that of the
    other.

    Shape (heads * size, inputs) or (heads * size,) in and out.
    """
    part = name.rpartition(".self_attn.")[2].partition(".")[0]
    if config["model_type"] != "llama" or part not in ("q_proj", "k_proj"):
        return values
    heads = config["num_attention_heads"]
    count = heads if part == "q_proj" else config.get("num_key_value_heads") or heads
    halves = values.reshape(count, 2, values.shape[0] // count // 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)


def _type(shape: tuple[int, ...], kind: str) -> Any:
    import gguf

    types = gguf.GGMLQuantizationType
    if len(shape) < 2:
        return types.F32
    return types.Q8_0 if kind == "q8_0" and shape[-1] % _BLOCK == 0 else types.F16
