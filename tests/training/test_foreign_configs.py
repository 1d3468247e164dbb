"""Files of CoMA, CodeCapybara and peft as settings; those here are written for the tests, in the published layouts."""

import json

import pytest

from coma_cli.errors import UsageError
from coma_cli.settings import load_settings
from coma_cli.training import foreign_configs as foreign
from coma_cli.training.settings import FinetuneSettings
from tests.requirements import ROOT
from tests.training.foreign_files import CAPYBARA, COMA


def settings_of(file: foreign.TranslatedFile) -> FinetuneSettings:
    return load_settings(FinetuneSettings, assignments=file.assignments())


def shipped(name: str) -> FinetuneSettings:
    return load_settings(FinetuneSettings, config=ROOT / "configs" / "finetune" / f"{name}.yaml")


def same(one: FinetuneSettings, other: FinetuneSettings, *but: str) -> bool:
    left, right = ({**s.model_dump(), "departures": [], "data": None} for s in (one, other))
    return {k: v for k, v in left.items() if k not in but} == {k: v for k, v in right.items() if k not in but}


def written(folder, content, name: str = "QWen-7b-sft-lora.json"):
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder / name


def test_comas_file_is_the_recipe_of_its_name_and_unknown_keys_are_named(tmp_path):
    found = foreign.foreign_file(str(written(tmp_path, COMA)))
    assert same(settings_of(found), shipped("coma-qwen-7b"))
    assert [str(path) for path in settings_of(found).data] == ["rows.jsonl"]
    assert "does not know, not used: report_to" in found.notes[-1]


def test_codecapybaras_file_is_either_of_its_recipes(tmp_path):
    found = foreign.foreign_file(str(written(tmp_path, CAPYBARA, "config.yml")))
    for model_type, name in (("lora", "codecapybara-lora"), ("fine-tuning", "codecapybara-full")):
        settings = settings_of(foreign.of_model_type(found, model_type))
        # Batches are an option of its program, and the base of its table of results is another for the adapter.
        assert same(settings, shipped(name), "base", "batch", "runtime")
        assert (settings.base, settings.runtime.saves_per_epoch) == ("huggyllama/llama-7b", 1)
    assert "wandb.project" in found.notes[-1]
    with pytest.raises(UsageError, match="fine-tuning or lora, not qlora"):
        foreign.of_model_type(found, "qlora")
    with pytest.raises(UsageError, match="exclude each other"):
        foreign.of_model_type(found, "lora", "full")


def test_pefts_file_is_the_shape_of_an_adapter(tmp_path):
    shape = {"peft_type": "LORA", "r": 16, "lora_alpha": 32, "target_modules": ["q_proj"], "init_lora_weights": True,
             "use_rslora": True, "rank_pattern": {}, "modules_to_save": ["lm_head"]}  # fmt: skip
    found = foreign.with_lora_config(foreign.TranslatedFile(), written(tmp_path, shape, "lora.json"))
    lora = settings_of(found).lora
    assert (lora.r, lora.alpha, lora.target_modules, lora.rslora, lora.init) == (16, 32, ["q_proj"], True, "default")
    assert "modules_to_save" in found.notes[-1] and "rank_pattern" not in found.notes[-1]
    named = foreign.foreign_file(str(written(tmp_path, COMA)))
    with pytest.raises(UsageError, match=r"says lora.r 16, and the configuration 64"):
        foreign.with_lora_config(named, tmp_path / "lora.json")
    del shape["r"], shape["lora_alpha"]  # what the file assumes is no contradiction
    narrow = foreign.with_lora_config(named, written(tmp_path, shape, "lora.json"))
    assert settings_of(narrow).lora.target_modules == ["q_proj"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bf16": True}, "fp16 and bf16 contradict each other: both say dtype"),
        ({"model_max_length": 1024}, "max_seq_length and model_max_length contradict"),
        ({"optim": "lion_32bit"}, "optim can't be read: lion_32bit is not one of adamw"),
        ({"lr_scheduler_type": "polynomial"}, "lr_scheduler_type can't be read"),
    ],
)
def test_contradictions_and_values_without_a_counterpart_are_errors(tmp_path, changes, message):
    with pytest.raises(UsageError, match=message):
        foreign.foreign_file(str(written(tmp_path, {**COMA, **changes})))


def test_comas_other_files_and_names_are_not_foreign(tmp_path):
    assert foreign.foreign_file("coma-qwen-7b") is None
    for path in (ROOT / "configs" / "finetune").glob("*.yaml"):
        assert foreign.foreign_file(str(path)) is None
    assert foreign.foreign_file(str(written(tmp_path, "a: [1", "bad.yaml"))) is None
