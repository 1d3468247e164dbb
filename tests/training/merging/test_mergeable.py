"""Adapters that change their base are refused with what to do about it, and doing that helps."""

import pytest

from coma_cli.errors import UsageError
from coma_cli.models.adapters import read_adapter
from coma_cli.training.merging.mergeable import check_mergeable
from tests.requirements import package
from tests.training.merging.adapters import logits_of_both, make_adapter, merged_by_coma, shake

pytestmark = pytest.mark.filterwarnings("ignore")
ATTENTION = ["q_proj", "v_proj"]


@pytest.mark.parametrize("way", ["pissa", "olora"])
def test_what_peft_converts_is_refused_before_and_merged_after(tiny_model, tmp_path, way):
    package("peft", "train")
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    config = peft.LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=ATTENTION, init_lora_weights=way)
    model = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32), config)
    model.peft_config["default"].init_lora_weights = True  # as peft's documentation has it, before the first save
    model.save_pretrained(tmp_path / "first")
    model.peft_config["default"].init_lora_weights = way
    shake(model, 0.1)
    model.save_pretrained(tmp_path / "trained")
    with pytest.raises(UsageError, match=f"initialized with {way}") as refused:
        check_mergeable(read_adapter(tmp_path / "trained"))
    assert "path_initial_model_for_weight_conversion" in refused.value.hint
    with torch.inference_mode():
        expected = model(torch.arange(3, 80)[None]).logits
    model.save_pretrained(tmp_path / "plain", path_initial_model_for_weight_conversion=str(tmp_path / "first"))
    merged = merged_by_coma(tiny_model, tmp_path / "plain", tmp_path / "merged")
    read = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32)
    with torch.inference_mode():
        assert torch.allclose(read(torch.arange(3, 80)[None]).logits, expected, atol=1e-3)


def test_what_peft_can_not_convert_is_not_said_to_be_convertible(tiny_model, tmp_path):
    package("peft", "train")
    adapter = read_adapter(make_adapter(tiny_model, tmp_path / "adapter", target_modules=ATTENTION))
    changed = {**adapter.config, "init_lora_weights": "loftq"}
    with pytest.raises(UsageError, match="initialized with loftq") as refused:
        check_mergeable(type(adapter)(adapter.folder, changed, adapter.shapes, adapter.record))
    assert "merge_and_unload" in refused.value.hint


def test_an_initialization_that_leaves_the_base_alone_is_merged(tiny_model, tmp_path):
    package("peft", "train")
    folder = make_adapter(tiny_model, tmp_path / "adapter", target_modules=ATTENTION, init_lora_weights="mica")
    merged = merged_by_coma(tiny_model, folder, tmp_path / "merged")
    expected, found = logits_of_both(tiny_model, folder, merged)
    assert abs(expected - found).max() < 1e-4
