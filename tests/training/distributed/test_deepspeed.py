"""A configuration of DeepSpeed is passed on; what coma's settings decide is not contradicted by it."""

import json

import pytest

from coma_cli.errors import MissingInputError, MissingPackageError, UsageError
from coma_cli.training.distributed.deepspeed import blockers, read_deepspeed

STAGE_3 = {"zero_optimization": {"stage": 3, "stage3_gather_16bit_weights_on_model_save": True}}


def written(tmp_path, content):
    path = tmp_path / "zero.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_what_the_settings_decide_is_filled_in(tmp_path):
    found = read_deepspeed(written(tmp_path, {**STAGE_3, "bf16": {"loss_scale": 0}, "steps_per_print": 10}))
    assert found["zero_optimization"] == STAGE_3["zero_optimization"] and found["steps_per_print"] == 10
    assert found["train_micro_batch_size_per_gpu"] == found["gradient_accumulation_steps"] == "auto"
    assert found["train_batch_size"] == found["gradient_clipping"] == "auto"
    assert found["bf16"] == {"enabled": "auto", "loss_scale": 0} and found["fp16"] == {"enabled": "auto"}


@pytest.mark.parametrize(
    ("content", "said", "hint"),
    [
        ({"train_batch_size": 8}, "sets train_batch_size to 8, which batch.size and batch.accumulation", '"auto"'),
        ({"fp16": {"enabled": True}}, "sets fp16.enabled to True, which dtype decides", "remove it"),
        ({"optimizer": {"type": "AdamW"}}, "has its own optimizer", "Remove optimizer"),
        ({"scheduler": {}}, "has its own scheduler", "Remove scheduler"),
        ({"zero_optimization": {"stage": 3}}, "does not gather them", "stage3_gather_16bit_weights_on_model_save"),
        ("{", "is not JSON", "configuration of DeepSpeed"),
        ("[]", "is not a JSON object", "configuration of DeepSpeed"),
    ],
    ids=["batch", "precision", "optimizer", "scheduler", "not-gathered", "broken", "list"],
)
def test_a_file_that_contradicts_the_settings_is_refused(tmp_path, content, said, hint):
    with pytest.raises(UsageError) as caught:
        read_deepspeed(written(tmp_path, content))
    assert said in caught.value.message and hint in caught.value.hint


def test_a_missing_file_and_a_missing_package_are_named(tmp_path, monkeypatch):
    with pytest.raises(MissingInputError, match=r"none.json can't be read"):
        read_deepspeed(tmp_path / "none.json")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    package, file = blockers(tmp_path / "none.json")
    assert isinstance(package, MissingPackageError) and package.hint == "pip install deepspeed"
    assert "none.json" in file.message
    (package,) = blockers(written(tmp_path, STAGE_3))
    assert "deepspeed" in package.message
