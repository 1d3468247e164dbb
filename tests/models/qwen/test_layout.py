import pytest

from coma_cli.errors import MissingInputError
from coma_cli.jsonl import read_json
from coma_cli.models.qwen.layout import converted_config, converted_tensors, expected_tensors, renamed
from tests.qwen_of_2023 import converted_model, original_config, original_logits, random_weights
from tests.requirements import SHARED, package, skip_unless


def test_the_converted_model_answers_as_the_published_forward_pass():
    package("torch", "train")
    import torch

    config = original_config(300)
    weights = random_weights(config)
    ids = torch.randint(0, 300, (2, 90), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = original_logits(weights, config, ids)
        found = converted_model(weights, config)(ids).logits
    assert expected.std() > 0.5
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


def test_the_original_implementations_logits():
    folder = SHARED / "bases" / "qwen-7b-tiny"
    skip_unless("shared", folder.is_dir(), "no tiny Qwen in ../shared")
    package("torch", "train")
    import torch
    from safetensors.torch import load_file

    reference = load_file(folder / "reference.safetensors")
    model = converted_model(load_file(folder / "model.safetensors"), read_json(folder / "config.json"))
    with torch.inference_mode():
        found = model(reference["ids"]).logits
    assert (found - reference["logits"]).abs().max() < 1e-5


def test_every_tensor_of_the_published_index_has_its_place():
    path = SHARED / "bases" / "qwen-7b" / "model.safetensors.index.json"
    skip_unless("shared", path.is_file(), "no index of Qwen-7B in ../shared")
    names = read_json(path)["weight_map"]
    found = {f"{new}.{name.rpartition('.')[2]}" for name in names for new in renamed(name.rpartition(".")[0])}
    config = read_json(path.parent / "config.json")
    assert found == expected_tensors(config)
    made = converted_config(config, dtype="bfloat16", end_token=151643)
    assert (made["max_position_embeddings"], made["intermediate_size"]) == (8192, 11008)
    assert made["num_key_value_heads"] == made["num_attention_heads"] == 32


def test_computed_buffers_are_left_out_and_unknown_tensors_named():
    package("torch", "train")
    import torch

    one = torch.ones(3)
    assert list(converted_tensors("transformer.rotary_emb.inv_freq", one)) == []
    assert list(converted_tensors("transformer.h.1.attn.masked_bias", one)) == []
    with pytest.raises(MissingInputError, match=r"contain transformer\.visual\.weight"):
        list(converted_tensors("transformer.visual.weight", one))


@pytest.mark.parametrize(
    "other", [{"no_bias": False}, {"rotary_pct": 0.5}, {"kv_channels": 8}, {"scale_attn_weights": False}]
)
def test_a_variant_that_qwen2_lacks_is_refused(other):
    with pytest.raises(MissingInputError, match=next(iter(other))):
        converted_config({**original_config(300), **other}, dtype="bfloat16", end_token=0)


def test_an_incomplete_configuration_says_what_is_missing():
    config = original_config(300)
    del config["seq_length"]
    with pytest.raises(MissingInputError, match="seq_length"):
        converted_config(config, dtype="bfloat16", end_token=0)
