"""GGUF files of three architectures compute what the model does, read by transformers; others are refused by name."""

from pathlib import Path

import pytest

from coma_cli.errors import UsageError
from coma_cli.jsonl import read_json
from tests.requirements import package
from tests.tiny_model import make_tiny_tokenizer

pytestmark = pytest.mark.filterwarnings("ignore")


def make(folder: Path, kind: str, **changes) -> Path:
    """A tiny random model of an architecture, with grouped keys and more rows of embeddings than tokens."""
    package("gguf", "train")
    import torch
    import transformers

    tokenizer = make_tiny_tokenizer()
    tokenizer.save_pretrained(folder)
    names = {"llama": "Llama", "qwen2": "Qwen2", "qwen3": "Qwen3"}
    config = getattr(transformers, f"{names[kind]}Config")(
        **{
            "vocab_size": len(tokenizer) + 5,
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 512,
            "rope_parameters": {"rope_type": "default", "rope_theta": 50000.0},
            "tie_word_embeddings": False,
            "eos_token_id": tokenizer.eos_token_id,
            "bos_token_id": None,
            "pad_token_id": tokenizer.pad_token_id,
            **({"head_dim": 128} if kind == "qwen3" else {}),  # as published; transformers' reader knows no other
            **changes,
        }
    )
    torch.manual_seed(1)
    model = getattr(transformers, f"{names[kind]}ForCausalLM")(config)
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.randn_like(value) * 0.1)
    model.save_pretrained(folder, max_shard_size="100KB")
    return folder


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_transformers_reads_the_same_model(kind, tied, tmp_path):
    folder = make(tmp_path / kind, kind, tie_word_embeddings=tied)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from coma_cli.training.merging.gguf_file import check_exportable, export

    check_exportable(read_json(folder / "config.json"), AutoTokenizer.from_pretrained(folder))
    ids = torch.arange(3, 90)[None]
    expected = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)(ids).logits
    for written, tolerance in (("f16", 0.02), ("q8_0", 0.3)):
        export(folder, written, tmp_path / f"{written}.gguf", "tiny")
        read = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=f"{written}.gguf", dtype=torch.float32)
        assert read.config.model_type == kind
        assert (read(ids).logits - expected).abs().max() < tolerance * expected.abs().max()
    small, large = ((tmp_path / f"{kind}.gguf").stat().st_size for kind in ("q8_0", "f16"))
    assert small < 0.75 * large


def test_what_the_file_says(tmp_path):
    folder = make(tmp_path / "m", "qwen2")
    from gguf import GGUFReader

    from coma_cli.jsonl import write_json
    from coma_cli.training.merging.gguf_file import export

    write_json(folder / "generation_config.json", {"eos_token_id": [0, 2]})
    export(folder, "q8_0", tmp_path / "m.gguf", "tuned")
    reader = GGUFReader(tmp_path / "m.gguf")
    fields = {name: field.contents() for name, field in reader.fields.items()}
    assert fields["general.name"] == "tuned"
    assert fields["qwen2.rope.freq_base"] == 50000.0
    assert fields["tokenizer.ggml.pre"] == "gpt-2"
    assert fields["tokenizer.ggml.eos_token_id"] == 2
    assert fields["tokenizer.ggml.eot_token_id"] == 0
    assert fields["tokenizer.ggml.add_bos_token"] is False
    assert "<|im_start|>" in fields["tokenizer.chat_template"]
    assert len(fields["tokenizer.ggml.tokens"]) == read_json(folder / "config.json")["vocab_size"]
    assert len(fields["tokenizer.ggml.merges"]) == len(read_json(folder / "tokenizer.json")["model"]["merges"])


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"model_type": "gpt2"}, "this model is gpt2"),
        ({"model_type": "llama", "rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, "scaled by yarn"),
    ],
)
def test_other_models_are_refused_by_name(config, named):
    from coma_cli.training.merging.gguf_file import check_exportable

    with pytest.raises(UsageError, match=named):
        check_exportable({"vocab_size": 500, **config}, make_tiny_tokenizer())
