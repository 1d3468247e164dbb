"""Qwen of 2023 in small: random weights in the original layout, its files, and its forward pass as published."""

import base64
import json
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

TEXT = (
    "def add(a, b):\n    return a + b\n\n    for item in items:\n        total += item\n"
    "你好世界，你好！the other theory of lists and functions"
)


def make_original(
    folder: Path, *, vocabulary: Path | None = None, rows: int | None = None, shards: int = 2, pickled: bool = False
) -> Path:
    """Write the model: hidden size 64, two layers, bfloat16. Without a `vocabulary` file it gets a small one."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    content = vocabulary.read_bytes() if vocabulary else small_vocabulary()
    (folder / "qwen.tiktoken").write_bytes(content)
    config = original_config(rows or len(content.splitlines()) + 208)
    (folder / "config.json").write_text(json.dumps(config))
    end = len(content.splitlines())
    generation = {"chat_format": "raw", "eos_token_id": end, "stop_words_ids": [[end]], "top_p": 0.8, "top_k": 0}
    (folder / "generation_config.json").write_text(json.dumps({**generation, "do_sample": True}))
    tensors = sorted(random_weights(config).items())
    kind = ("pytorch_model", "bin") if pickled else ("model", "safetensors")
    places: dict[str, str] = {}
    for number in range(shards):
        name = f"{kind[0]}-{number + 1:05d}-of-{shards:05d}.{kind[1]}" if shards > 1 else ".".join(kind)
        part = dict(tensors[number::shards])
        places |= dict.fromkeys(part, name)
        if pickled:
            torch.save(part, folder / name)
        else:
            save_file(part, folder / name, metadata={"format": "pt"})
    if shards > 1:
        index = {"metadata": {"total_size": 1}, "weight_map": places}
        (folder / f"{kind[0]}.{kind[1]}.index.json").write_text(json.dumps(index))
    return folder


def original_config(rows: int) -> dict[str, Any]:
    """A configuration with the published keys."""
    return {
        "architectures": ["QWenLMHeadModel"],
        "auto_map": {"AutoModelForCausalLM": "modeling_qwen.QWenLMHeadModel"},
        "hidden_size": 64,
        "intermediate_size": 192,
        "kv_channels": 16,
        "layer_norm_epsilon": 1e-06,
        "max_position_embeddings": 32768,
        "model_type": "qwen",
        "no_bias": True,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "rotary_emb_base": 10000,
        "rotary_pct": 1.0,
        "scale_attn_weights": True,
        "seq_length": 512,
        "tie_word_embeddings": False,
        "vocab_size": rows,
    }


def random_weights(config: dict[str, Any]) -> dict[str, Any]:
    """The tensors of the original by name; all parts differ, biases and norms too."""
    import torch

    draw, hidden, inner = torch.Generator().manual_seed(3), config["hidden_size"], config["intermediate_size"] // 2
    shapes: dict[str, tuple[int, ...]] = {
        "transformer.wte.weight": (config["vocab_size"], hidden),
        "transformer.ln_f.weight": (hidden,),
        "lm_head.weight": (config["vocab_size"], hidden),
    }
    for layer in range(config["num_hidden_layers"]):
        block = {
            "ln_1.weight": (hidden,),
            "ln_2.weight": (hidden,),
            "attn.c_attn.weight": (3 * hidden, hidden),
            "attn.c_attn.bias": (3 * hidden,),
            "attn.c_proj.weight": (hidden, hidden),
            "mlp.w1.weight": (inner, hidden),
            "mlp.w2.weight": (inner, hidden),
            "mlp.c_proj.weight": (hidden, inner),
        }
        shapes |= {f"transformer.h.{layer}.{name}": shape for name, shape in block.items()}
    return {
        name: (torch.randn(shape, generator=draw) * 0.2 + (1 if ".ln_" in name else 0)).bfloat16()
        for name, shape in shapes.items()
    }


def original_logits(weights: dict[str, Any], config: dict[str, Any], ids: Any) -> Any:
    """The forward pass of modeling_qwen.py in float32, reimplemented: (rows, length) -> (rows, length, vocabulary).

    Nothing is scaled by the length: that begins beyond `seq_length`.
    """
    import torch

    w = {name.removeprefix("transformer."): tensor.float() for name, tensor in weights.items()}
    heads, size = config["num_attention_heads"], config["kv_channels"]
    length = ids.shape[1]
    frequencies = 1.0 / 10000 ** (torch.arange(0, size, 2).float() / size)
    angles = torch.outer(torch.arange(length).float(), frequencies)
    cos, sin = (torch.cat((f(angles), f(angles)), -1)[None, :, None] for f in (torch.cos, torch.sin))

    def norm(x: Any, weight: Any) -> Any:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + config["layer_norm_epsilon"]) * weight

    def turned(x: Any) -> Any:
        first, second = x.chunk(2, -1)
        return x * cos + torch.cat((-second, first), -1) * sin

    x = w["wte.weight"][ids]
    for layer in range(config["num_hidden_layers"]):
        b = {k.removeprefix(f"h.{layer}."): v for k, v in w.items() if k.startswith(f"h.{layer}.")}
        fused = norm(x, b["ln_1.weight"]) @ b["attn.c_attn.weight"].T + b["attn.c_attn.bias"]
        q, k, v = (part.view(*ids.shape, heads, size) for part in fused.split(heads * size, -1))
        scores = torch.einsum("bqhd,bkhd->bhqk", turned(q), turned(k)) / math.sqrt(size)
        scores = scores + torch.full((length, length), float("-inf")).triu(1)
        mixed = torch.einsum("bhqk,bkhd->bqhd", scores.softmax(-1), v).reshape(*ids.shape, -1)
        x = x + mixed @ b["attn.c_proj.weight"].T
        h = norm(x, b["ln_2.weight"])
        x = (
            x
            + ((h @ b["mlp.w1.weight"].T) * torch.nn.functional.silu(h @ b["mlp.w2.weight"].T))
            @ b["mlp.c_proj.weight"].T
        )
    return norm(x, w["ln_f.weight"]) @ w["lm_head.weight"].T


def converted_model(weights: dict[str, Any], config: dict[str, Any]) -> Any:
    """The Qwen2 model in float32 of these tensors of the original."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from coma_cli.models.qwen.layout import converted_config, converted_tensors, expected_tensors

    made = converted_config(config, dtype="bfloat16", end_token=0)
    model = Qwen2ForCausalLM(Qwen2Config.from_dict(made)).eval()
    state = {new: value.float() for name, old in weights.items() for new, value in converted_tensors(name, old)}
    assert state.keys() == expected_tensors(made)
    model.load_state_dict(state, strict=True)
    return model


def small_vocabulary(joined: int = 60) -> bytes:
    """A vocabulary file: all byte values, then the most frequent neighbours in a text, joined one after the other."""
    tokens = [bytes([value]) for value in range(256)]
    words = [[bytes([byte]) for byte in word.encode()] for word in TEXT.replace(" ", "\0 ").split("\0")]
    for _ in range(joined):
        pairs = Counter(pair for word in words for pair in pairwise(word))
        (left, right), _count = max(pairs.items(), key=lambda item: (item[1], item[0]))
        tokens.append(left + right)
        for word in words:
            for place in range(len(word) - 1, 0, -1):
                if word[place - 1 : place + 1] == [left, right]:
                    word[place - 1 : place + 1] = [left + right]
    assert len(set(tokens)) == len(tokens)
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens))


def place_in_hub_cache(original: Path, hub_home: Path, hub_id: str, commit: str) -> None:
    """Link a model's files to where huggingface_hub would keep them, as the head of main."""
    model = hub_home / "hub" / f"models--{hub_id.replace('/', '--')}"
    (model / "snapshots").mkdir(parents=True)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(commit)
    (model / "snapshots" / commit).symlink_to(original, target_is_directory=True)
