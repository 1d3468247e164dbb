"""Which adapter is merged onto which base, and what does not belong together."""

import struct

import pytest

from coma_cli.errors import MissingInputError, UsageError
from coma_cli.jsonl import read_json, write_json
from coma_cli.training import merge_lora
from coma_cli.training.merging.settings import MergeSettings
from coma_cli.workspace import Workspace
from tests.tiny_model import make_tiny_model
from tests.training.merging.runs import logits_of, merge, tune

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_an_adapter_is_found_by_the_name_of_its_run(root):
    plans = [
        merge_lora.STAGE.plan(MergeSettings(adapter=adapter), Workspace(root))
        for adapter in (None, "lora", root / "finetune" / "lora")
    ]
    assert plans[0].inputs == plans[1].inputs == plans[2].inputs


def test_an_adapter_for_another_base_is_refused(root, tmp_path):
    other = make_tiny_model(tmp_path / "other", seed=5)
    with pytest.raises(UsageError, match=r"was trained on .*tiny, not on"):
        merge(root, adapter=str(root / "finetune" / "lora" / "adapter"), base=str(other))


def test_an_adapter_that_was_changed_in_place_is_refused(root):
    weights = root / "finetune" / "lora" / "adapter" / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-4:] = bytes(4)
    weights.write_bytes(content)
    with pytest.raises(MissingInputError, match="not what coma finetune wrote"):
        merge(root)


def test_a_base_that_changed_since_training_is_refused(root, tmp_path):
    mine = tmp_path / "mine"
    make_tiny_model(mine)
    tune(root, mine, "on-mine")
    make_tiny_model(mine, seed=9)
    with pytest.raises(UsageError, match="has changed since"):
        merge(root, adapter=str(root / "finetune" / "on-mine"))


def test_an_adapter_from_elsewhere_is_merged_into_the_base_it_names(root, foreign, tiny_model):
    import torch

    merge(root, name="ours")
    manifest = merge(root, name="theirs", adapter=str(foreign))
    assert [i["name"] for i in manifest["inputs"]] == ["base", "adapter"]
    ours, theirs = (logits_of(root / "merge-lora" / name / "model") for name in ("ours", "theirs"))
    assert torch.equal(ours, theirs)
    assert not (root / "merge-lora" / "theirs" / "model" / "coma_template.json").exists()


def test_sizes_that_do_not_fit_are_named(root, foreign, tmp_path):
    wider = make_tiny_model(tmp_path / "tiny", hidden=96)
    with pytest.raises(UsageError, match=r"has \d+ where model\.layers\.0\..* of this base has (96|192)"):
        merge(root, adapter=str(foreign), base=str(wider))
    shallow = make_tiny_model(tmp_path / "shallow" / "tiny", layers=1)
    with pytest.raises(UsageError, match="which this base does not have"):
        merge(root, name="shallow", adapter=str(foreign), base=str(shallow))


def test_broken_adapters_are_refused_before_anything_is_loaded(root, foreign, tiny_model, tmp_path):
    with pytest.raises(MissingInputError, match="no folder or finetune run"):
        merge(root, adapter=str(tmp_path / "gone"))
    with pytest.raises(UsageError, match="whole model"):
        merge(root, adapter=str(tiny_model))
    with pytest.raises(MissingInputError, match="is not an adapter"):
        merge(root, adapter=str(tmp_path))
    config = read_json(foreign / "adapter_config.json")
    write_json(foreign / "adapter_config.json", {**config, "base_model_name_or_path": None})
    with pytest.raises(UsageError, match="does not name the base"):
        merge(root, adapter=str(foreign))
    write_json(foreign / "adapter_config.json", {**config, "peft_type": "IA3"})
    with pytest.raises(UsageError, match="of type IA3"):
        merge(root, adapter=str(foreign))
    write_json(foreign / "adapter_config.json", config)
    weights = foreign / "adapter_model.safetensors"
    whole = weights.read_bytes()
    for broken in (whole[:-1], whole[:4], b"", struct.pack("<Q", 1 << 60) + b"{", b"\x02" + b"\0" * 7 + b"[]"):
        weights.write_bytes(broken)
        with pytest.raises(MissingInputError, match="not a complete safetensors file"):
            merge(root, adapter=str(foreign))
    weights.unlink()
    with pytest.raises(MissingInputError, match="lacks adapter_model"):
        merge(root, adapter=str(foreign))


def test_a_run_that_tuned_all_weights_has_nothing_to_merge(root, tiny_model):
    folder = tune(root, tiny_model, "full", mode="full", **{"optimizer.learning_rate": 1e-3})
    with pytest.raises(UsageError, match="complete already") as caught:
        merge(root, adapter=str(folder))
    assert caught.value.hint == f"coma sample --model {folder / 'model'}"
    with pytest.raises(UsageError, match="complete already"):
        merge(root)


def test_nothing_to_merge_names_the_command_to_run(tmp_path):
    with pytest.raises(MissingInputError) as caught:
        merge(tmp_path)
    assert caught.value.hint == "coma finetune"
