"""Which settings decide the weights, and which only say how much or where."""

import pytest

from coma_cli.errors import UsageError
from coma_cli.settings import load_settings
from coma_cli.training.settings import FinetuneSettings
from tests.requirements import ROOT


def test_under_a_constant_schedule_the_length_is_an_amount():
    short, long = (FinetuneSettings(max_steps=n) for n in (10, 20))
    assert short.identity() == long.identity()
    assert short.extent() != long.extent()


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_under_a_falling_schedule_the_length_decides_every_step(schedule):
    short, long = (FinetuneSettings(max_steps=n, optimizer={"schedule": schedule}) for n in (10, 20))
    assert short.identity() != long.identity()
    assert short.extent() == long.extent() == {}


def test_the_machine_and_the_path_of_the_data_decide_nothing(tmp_path):
    one = FinetuneSettings(runtime={"device": "cpu", "save_steps": 3}, data=[tmp_path / "a"])
    other = FinetuneSettings(runtime={"device": "cuda"}, data=[tmp_path / "b"])
    assert one.identity() == other.identity()


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"lora": {"r": 8}},
        {"batch": {"size": 2}},
        {"max_seq_len": 64},
        {"dtype": "float32"},
        {"mode": "full"},
    ],
)
def test_everything_else_decides(change):
    assert FinetuneSettings(**change).identity() != FinetuneSettings().identity()


def test_two_lengths_exclude_each_other():
    with pytest.raises(UsageError, match="give one of them"):
        load_settings(FinetuneSettings, flags={"epochs": 1, "max_steps": 5})


def test_all_bad_settings_are_named_at_once_with_the_nearest_key():
    with pytest.raises(UsageError) as caught:
        load_settings(
            FinetuneSettings, assignments=["lora.rank=3", "optimizer.learning_rat=1", "batch.size=0", "max_seq_len=x"]
        )
    for part in ("lora.rank: unknown key", "did you mean optimizer.learning_rate?", "batch.size", "max_seq_len"):
        assert part in caught.value.message


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "finetune").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_configuration_is_one(path):
    load_settings(FinetuneSettings, config=path)
    assert path.read_text().startswith("# coma finetune ")


def test_there_are_shipped_configurations():
    assert len(list((ROOT / "configs" / "finetune").glob("*.yaml"))) >= 3


def test_a_settings_file_drops_rows_of_benchmarks_too(tmp_path):
    (tmp_path / "tune.yaml").write_text("decontaminate: true\n")
    settings, without = load_settings(FinetuneSettings, config=tmp_path / "tune.yaml"), load_settings(FinetuneSettings)
    assert (settings.decontaminate, without.decontaminate) == (True, False)
    assert settings.identity() != without.identity()


ALL_SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
QWEN = {
    "mode": "qlora", "template": "firefly", "epochs": 1, "max_seq_len": 512, "dtype": "float16", "seed": 42,
    "lora.r": 64, "lora.alpha": 16, "lora.dropout": 0.05, "lora.target_modules": ["all-linear"],
    "optimizer.name": "paged_adamw_32bit", "optimizer.learning_rate": 1e-5, "optimizer.schedule": "constant",
    "optimizer.warmup_steps": 500, "optimizer.weight_decay": 0, "optimizer.max_grad_norm": 0.3, "batch.size": 6,
    "batch.accumulation": 2, "runtime.save_steps": 500, "runtime.save_total_limit": 1,
    "runtime.gradient_checkpointing": True,
}  # fmt: skip
CAPYBARA = {
    "template": "capybara", "epochs": 5, "max_seq_len": 1000, "dtype": "float32", "seed": 0, "optimizer.name": "adamw",
    "optimizer.learning_rate": 2e-5, "optimizer.schedule": "linear", "optimizer.warmup_steps": 1000,
    "optimizer.weight_decay": 0.01, "optimizer.max_grad_norm": 0, "batch.size": 2, "batch.accumulation": 1,
    "validation.fraction": 0.2, "validation.taken": "last", "validation.patience": 20, "runtime.saves_per_epoch": 1,
}  # fmt: skip
# The published values: ../shared/reference/seed-recipes.md, sections 1 and 4.
PUBLISHED = {
    "coma-qwen-7b": {**QWEN, "base": "qwen-7b-original"},
    "coma-codellama-7b-python": {**QWEN, "base": "codellama-7b-python"},
    "coma-wizardcoder-7b-python": {
        "base": "wizardcoder-python-7b", "mode": "int8-lora", "epochs": 2, "max_seq_len": 2048, "dtype": "bfloat16",
        "seed": 1234, "lora.r": 16, "lora.alpha": 32, "lora.dropout": 0.05, "lora.target_modules": ALL_SEVEN,
        "optimizer.name": "adamw", "optimizer.learning_rate": 1e-5, "optimizer.schedule": "cosine",
        "optimizer.warmup_ratio": 0.05, "optimizer.weight_decay": 1e-5, "optimizer.max_grad_norm": 1, "batch.size": 4,
        "batch.accumulation": 2, "validation.per_epoch": 4, "runtime.saves_per_epoch": 4,
        "runtime.save_total_limit": 3, "runtime.gradient_checkpointing": True,
    },
    "coma-llama-7b-full": {
        "base": "llama-7b-decapoda", "mode": "full", "epochs": 3, "max_seq_len": 512, "dtype": "float16",
        "optimizer.learning_rate": 2e-5, "optimizer.schedule": "cosine", "optimizer.warmup_ratio": 0.03,
        "optimizer.weight_decay": 0, "batch.size": 8, "batch.accumulation": 8 * 4, "runtime.save_steps": 500,
        "runtime.save_total_limit": 1, "runtime.sharding": "fsdp2",
    },
    "codecapybara-lora": {
        **CAPYBARA, "base": "llama-7b-decapoda", "mode": "lora", "lora.r": 8, "lora.alpha": 16, "lora.dropout": 0.5,
        "lora.target_modules": ["q_proj", "v_proj"],
    },
    "codecapybara-full": {
        **CAPYBARA, "base": "llama-7b", "mode": "full", "batch.accumulation": 8, "runtime.sharding": "fsdp2",
    },
}  # fmt: skip


def value_of(settings, dotted: str):
    for name in dotted.split("."):
        settings = getattr(settings, name)
    return settings


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_recipe_has_the_published_values_and_says_where_it_departs(name):
    settings = load_settings(FinetuneSettings, config=ROOT / "configs" / "finetune" / f"{name}.yaml")
    assert {key: value_of(settings, key) for key in PUBLISHED[name]} == PUBLISHED[name]
    assert settings.departures
    without = settings.model_copy(update={"departures": []})
    assert settings.identity() == without.identity() and "departures" in settings.model_dump()


def test_an_assumed_recipe_and_the_modern_one_are_what_they_say():
    folder = ROOT / "configs" / "finetune"
    assert "An assumption" in (folder / "coma-codellama-7b-python.yaml").read_text()
    modern = load_settings(FinetuneSettings, config=folder / "modern.yaml")
    assert 32 <= modern.lora.r <= 64 and modern.lora.scaling_alpha == 2 * modern.lora.r and modern.lora.dropout == 0
    assert modern.optimizer.max_grad_norm == 1 and modern.optimizer.schedule in ("cosine", "constant")


def test_the_modern_recipe_is_the_default():
    modern = load_settings(FinetuneSettings, config=ROOT / "configs" / "finetune" / "modern.yaml")
    assert modern == FinetuneSettings()


@pytest.mark.parametrize(
    ("flags", "alpha"),
    [({}, 64), ({"lora.r": 8}, 16), ({"lora.r": 8, "lora.rslora": True}, 8), ({"lora.r": 8, "lora.alpha": 5}, 5)],
)
def test_alpha_follows_the_rank_unless_it_is_set(flags, alpha):
    assert load_settings(FinetuneSettings, flags=flags).lora.scaling_alpha == alpha
