"""What is said before anything is loaded: memory, disk, packages, and a learning rate that is too low."""

import shutil
from collections import namedtuple

import pytest

from coma_cli.errors import MissingPackageError, UsageError
from coma_cli.jsonl import write_rows
from coma_cli.settings import load_settings
from coma_cli.training import finetune, requirements
from coma_cli.training.settings import FinetuneSettings
from coma_cli.workspace import Workspace
from tests.requirements import ROOT

ROWS = [{"instruction": f"Return {n} times x.", "output": f"def f(x):\n    return {n} * x\n"} for n in range(8)]


@pytest.fixture
def data(tmp_path):
    write_rows(tmp_path / "rows.jsonl", ROWS)
    return tmp_path / "rows.jsonl"


def previewed(data, **flags):
    settings = load_settings(FinetuneSettings, flags={"data": [str(data)], "max_steps": 5, **flags})
    return finetune.preview(settings, Workspace(data.parent / "ws"))


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "finetune").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_configuration_can_be_estimated_for_a_large_gpu(data, path):
    device = "8xa100-80g" if "full" in path.stem else "a100-80g"
    settings = load_settings(FinetuneSettings, config=path, flags={"data": [str(data)], "runtime.for_device": device})
    plan = finetune.preview(settings, Workspace(data.parent / "ws"))
    assert not plan.blockers
    assert plan.estimate["device"].startswith(device) and plan.estimate["minutes_about"] >= 0


def test_seven_billion_parameters_do_not_fit_into_a_small_machine_and_the_reason_is_memory(data, monkeypatch):
    monkeypatch.setattr(requirements, "memory_mb", lambda: 16_000)
    monkeypatch.setattr("coma_cli.models.visible_device.GPU_DRIVERS", ())
    blockers = previewed(data, base="llama-7b", mode="full").blockers
    assert "GB of memory, and the CPU of this machine" in blockers[0].message
    assert "--for-device" in blockers[0].hint


@pytest.mark.parametrize("name", ["coma-qwen-7b", "codecapybara-full"])
def test_a_recipe_of_seven_billion_parameters_fails_here_for_lack_of_memory_and_names_its_departures(
    data, monkeypatch, name
):
    monkeypatch.setattr(requirements, "memory_mb", lambda: 4_000)
    monkeypatch.setattr("coma_cli.models.visible_device.GPU_DRIVERS", ())
    path = ROOT / "configs" / "finetune" / f"{name}.yaml"
    settings = load_settings(FinetuneSettings, config=path, flags={"data": [str(data)]})
    plan = finetune.preview(settings, Workspace(data.parent / "ws"))
    assert any("GB of memory, and the CPU of this machine" in blocker.message for blocker in plan.blockers)
    assert any(note.startswith("Departs from the published recipe: rows of more than") for note in plan.notes)


def test_a_device_that_is_too_small_is_named(data):
    (blocker,) = previewed(data, base="llama-7b", mode="full", **{"runtime.for_device": "rtx4090"}).blockers
    assert "rtx4090 (25.3 GB each) has 25.3 GB" in blocker.message


def test_a_disk_that_is_too_small_is_said(data, monkeypatch, tiny_model):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1))
    (blocker,) = previewed(data, base=str(tiny_model)).blockers
    assert "GB free" in blocker.message and "--workspace" in blocker.hint


def test_a_package_that_an_optimizer_needs_is_named_with_the_option(data, monkeypatch, tiny_model):
    found = requirements.importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "bitsandbytes" else found(name))
    (blocker,) = previewed(data, base=str(tiny_model), **{"optimizer.name": "adamw_8bit"}).blockers
    assert isinstance(blocker, MissingPackageError) and "--optimizer adamw_8bit" in blocker.message
    (blocker,) = previewed(data, base=str(tiny_model), mode="int8-lora").blockers
    assert "--int8-lora" in blocker.message


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"lora.target_modules": ["all-linear", "q_proj"]}, "not both"),
        ({"lora.dora": True, "lora.init": "pissa"}, "initialisation of its own"),
        ({"lora.init": "eva"}, "lora.init"),
        ({"lora.init": "pissa", "mode": "qlora"}, "needs mode lora"),
        ({"optimizer.warmup_steps": 5, "optimizer.warmup_ratio": 0.1}, "exclude each other"),
        ({"from_adapter": "x", "mode": "full"}, "merge it first"),
        ({"validation.data": "none", "validation.keep_best": True}, "need validation rows"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(flags, said):
    with pytest.raises(UsageError, match=said):
        load_settings(FinetuneSettings, flags=flags)
