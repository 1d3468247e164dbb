"""What is said of a base that the catalogue does not know."""

import json

import pytest

from coma_cli.models.description import configuration, described
from coma_cli.models.resolution import ResolvedBase, resolve_base
from tests.requirements import shared_data

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "vocab_size": 49152,
    "max_position_embeddings": 2048,
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "model.safetensors").write_bytes(b"")
    return tmp_path


def test_shape_tokens_template_and_licence_are_named(folder):
    tokens = {"eos_token": {"content": "<|end|>"}, "pad_token": None, "chat_template": "x"}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokens))
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\n")
    assert described(resolve_base(str(folder))) == (
        f"Read from the files of {folder}: LlamaForCausalLM, 2 layers, 64 wide, 49,152 tokens of vocabulary, "
        "2,048 of context, eos token '<|end|>', pad token none, a chat template, licence apache-2.0 (its model card)."
    )


def test_what_is_missing_is_said(folder):
    (folder / "config.json").write_text('{"model_type": "other"}')
    said = described(resolve_base(str(folder)))
    assert said.endswith(": other, eos token none, pad token none, no chat template, licence not stated.")


def test_a_template_may_be_a_file_of_its_own(folder):
    (folder / "chat_template.jinja").write_text("x")
    assert ", a chat template, " in described(resolve_base(str(folder)))


def test_a_base_of_the_catalogue_and_one_that_is_not_here_are_not_described():
    assert described(resolve_base("smollm2-135m")) is None
    away = ResolvedBase("a/b", "hub", "a/b", None, "", blocker=ValueError("away"))  # type: ignore[arg-type]
    assert described(away) is None and configuration(away) == {}


def test_real_bases_are_described():
    said = described(resolve_base(str(shared_data().parent / "bases" / "qwen-7b-tiny")))
    assert "QWenLMHeadModel, " in said and "of context" in said
