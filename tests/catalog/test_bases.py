"""Bases: what the catalogue says of a model is so."""

from coma_cli.catalog.bases import BASES
from coma_cli.jsonl import read_json
from tests.requirements import SHARED, skip_unless

# Parameters as the models' cards and safetensors headers have them.
PUBLISHED = {
    "smollm2-135m": 134_515_008,
    "qwen-7b": 7_721_324_544,
    "llama-7b": 6_738_415_616,
    "codellama-7b-python": 6_738_415_616,
    "wizardcoder-python-7b": 6_738_423_808,
    "qwen2.5-coder-0.5b": 494_032_768,
    "qwen2.5-coder-1.5b": 1_543_714_304,
    "qwen2.5-coder-7b": 7_615_616_512,
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
