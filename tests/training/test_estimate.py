"""Estimates from a base's shape: exact where they can be, sane where they can't."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.catalog.bases import BASES
from coma_cli.models.resolution import resolve_base
from coma_cli.training import estimate as estimate_module
from coma_cli.training.estimate import architecture_of, estimate
from coma_cli.training.modes import FULL, LORA, MODES, QLORA
from coma_cli.training.settings import FinetuneSettings
from tests.requirements import package
from tests.tiny_model import make_tiny_model

SEVEN = BASES["llama-7b"].architecture


def test_a_folder_tells_its_shape_and_the_counts_are_exact(tmp_path):
    package("peft", "train")
    import peft
    from transformers import AutoModelForCausalLM

    folder = make_tiny_model(tmp_path / "tiny")
    shape = architecture_of(resolve_base(str(folder)))
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert shape.parameters == sum(p.numel() for p in model.parameters())
    config = peft.LoraConfig(r=5, target_modules="all-linear", task_type="CAUSAL_LM")
    adapted = peft.get_peft_model(model, config)
    settings = FinetuneSettings(lora={"r": 5})
    trained = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    assert estimate(settings, LORA, shape, 1, on_cpu=True).trainable == trained


def test_full_lora_and_qlora_need_less_memory_in_this_order():
    sizes = [estimate(FinetuneSettings(), mode, SEVEN, 1, on_cpu=False) for mode in (FULL, LORA, QLORA)]
    assert sizes[0].memory_gb > 100 > sizes[1].memory_gb > sizes[2].memory_gb
    assert 13 < sizes[1].weights_gb < 14
    assert 3.5 < sizes[2].weights_gb < 4.5


@given(
    st.sampled_from(sorted(MODES)), st.integers(1, 64), st.integers(1, 32), st.integers(8, 4096), st.integers(0, 10**9)
)
def test_more_of_anything_never_costs_less(mode, rank, size, length, tokens):
    def cost(r: int, batch: int, seq: int) -> float:
        settings = FinetuneSettings(lora={"r": r}, batch={"size": batch}, max_seq_len=seq)
        return estimate(settings, MODES[mode], SEVEN, tokens, on_cpu=False).memory_gb

    here = cost(rank, size, length)
    assert here > 0
    assert cost(rank + 1, size, length) >= here
    assert cost(rank, size + 1, length) > here
    assert cost(rank, size, length + 1) > here


def test_time_is_only_promised_for_the_cpu_of_this_machine(monkeypatch):
    assert 1e8 < estimate_module.cpu_flops() < 1e14
    monkeypatch.setattr(estimate_module, "cpu_flops", lambda: 5e10)
    assert estimate(FinetuneSettings(), LORA, SEVEN, 1000, on_cpu=False).cpu_minutes is None
    one = estimate(FinetuneSettings(), LORA, SEVEN, 10_000, on_cpu=True).cpu_minutes
    hundred = estimate(FinetuneSettings(), LORA, SEVEN, 1_000_000, on_cpu=True).cpu_minutes
    assert one == pytest.approx(hundred / 100, rel=0.01)
