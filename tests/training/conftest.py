"""Workspaces with an adapter to merge."""

import shutil
from pathlib import Path

import pytest

from tests.training.merging.runs import tune


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, tiny_model) -> Path:
    """A workspace with one finished LoRA run, copied for each test."""
    root = tmp_path_factory.mktemp("tuned")
    tune(root, tiny_model, "lora")
    return root


@pytest.fixture
def root(tmp_path, tuned) -> Path:
    shutil.copytree(tuned, tmp_path / "ws")
    return tmp_path / "ws"


@pytest.fixture
def foreign(root, tmp_path) -> Path:
    """The adapter as peft alone would have left it."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copy(root / "finetune" / "lora" / "adapter" / name, folder)
    return folder
