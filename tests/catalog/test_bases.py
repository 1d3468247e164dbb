"""Bases: what the catalogue says of a model is so."""

import re
from dataclasses import replace

import pytest

from coma_cli.catalog.bases import BASES
from coma_cli.catalog.bases.published import PUBLISHED_RESULTS
from coma_cli.jsonl import read_json
from tests.requirements import SHARED, package, skip_unless

# Parameters as the models' cards and safetensors headers have them.
PUBLISHED = {
    "smollm2-135m": 134_515_008,
    "smollm2-360m": 361_821_120,
    "smollm2-1.7b": 1_711_376_384,
    "qwen-7b": 7_721_324_544,
    "llama-7b": 6_738_415_616,
    "codellama-7b-python": 6_738_415_616,
    "wizardcoder-python-7b": 6_738_423_808,
    "qwen2.5-coder-0.5b": 494_032_768,
    "qwen2.5-coder-1.5b": 1_543_714_304,
    "qwen2.5-coder-7b": 7_615_616_512,
    "qwen2.5-coder-3b": 3_085_938_688,
    "qwen2.5-coder-14b": 14_770_033_664,
    "qwen3-0.6b": 596_049_920,
    "qwen3-1.7b": 1_720_574_976,
    "qwen3-4b": 4_022_468_096,
    "starcoder2-3b": 3_030_371_328,
    "starcoder2-7b": 7_173_923_840,
    "deepseek-coder-1.3b": 1_346_471_936,
    "deepseek-coder-6.7b": 6_740_512_768,
}


def test_the_catalogue_has_the_parameter_counts_of_the_models():
    assert {name: BASES[name].architecture.parameters for name in PUBLISHED} == PUBLISHED


def test_qwen_7b_is_shaped_as_its_published_configuration():
    path = SHARED / "bases" / "qwen-7b" / "config.json"
    skip_unless("shared", path.is_file(), "no configuration of Qwen-7B in ../shared")
    config, shape = read_json(path), BASES["qwen-7b"].architecture
    assert (shape.hidden, shape.layers, shape.heads) == (
        config["hidden_size"],
        config["num_hidden_layers"],
        config["num_attention_heads"],
    )
    assert (shape.intermediate, shape.vocabulary) == (config["intermediate_size"] // 2, config["vocab_size"])


def test_every_base_has_all_that_the_others_rely_on():
    for base in BASES.values():
        assert "/" in base.hub_id and base.licence and base.paper and base.lora_targets
        assert base.dtype in ("bfloat16", "float16")
        assert base.context and base.special_tokens and base.special_tokens.end
        assert set(base.lora_targets) == set(base.architecture.linear_shapes())
        assert not base.remote_code


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "kind"),
    [
        ("llama-7b", "Llama"),
        ("qwen-7b", "Qwen2"),
        ("qwen2.5-coder-3b", "Qwen2"),
        ("qwen3-0.6b", "Qwen3"),
        ("qwen3-4b", "Qwen3"),
        ("starcoder2-3b", "Starcoder2"),
        ("deepseek-coder-1.3b", "Llama"),
    ],
)
def test_the_layers_are_those_that_transformers_makes(base, kind):
    """Two layers of the real width, without memory for them."""
    package("torch", "train")
    import torch
    import transformers

    shape = replace(BASES[base].architecture, layers=2)
    sizes = {"head_dim": shape.head_width} if shape.head_width else {}
    config = getattr(transformers, f"{kind}Config")(
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        intermediate_size=shape.intermediate,
        vocab_size=shape.vocabulary,
        tie_word_embeddings=shape.tied,
        **sizes,
    )
    with torch.device("meta"):
        model = getattr(transformers, f"{kind}ForCausalLM")(config)
    assert sum(p.numel() for p in model.parameters()) == shape.parameters
    found = {
        name.rpartition(".")[2]: (module.in_features, module.out_features)
        for name, module in model.named_modules()
        if ".layers.1." in name and isinstance(module, torch.nn.Linear)
    }
    assert found == shape.linear_shapes()


def test_revisions_are_whole_commits_or_references():
    """The Hub does not take an abbreviated commit."""
    for base in BASES.values():
        assert base.revision is None or re.fullmatch(r"[0-9a-f]{40}|refs/pr/\d+", base.revision)


def test_lora_on_qwen_7b_counts_the_layers_that_it_is_converted_to():
    base = BASES["qwen-7b"]
    assert base.architecture.lora_parameters(64, base.lora_targets) == 159_907_840


def test_published_results_name_bases_of_the_catalogue():
    assert {result.base for result in PUBLISHED_RESULTS} <= {None, *BASES}
