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
