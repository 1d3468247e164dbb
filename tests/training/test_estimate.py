"""Estimates from a base's shape: exact where they can be, sane where they can't; and one formula for plan and run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.catalog.bases import BASES
from coma_cli.errors import UsageError
from coma_cli.models.resolution import ResolvedBase, resolve_base
from coma_cli.training import estimate as estimate_module
from coma_cli.training.devices import named_device
from coma_cli.training.estimate import Workplace, architecture_of, counted_layout, estimate
from coma_cli.training.memory import Arithmetic, StepShape
from coma_cli.training.modes import FULL, LORA, MODES, QLORA
from coma_cli.training.settings import FinetuneSettings, LoraBlock
from tests.requirements import SHARED, package, skip_unless
from tests.tiny_model import make_tiny_model

SEVEN = BASES["llama-7b"].architecture
STEP = StepShape(positions=4 * 512, labels=1024)
CPU = Workplace("a CPU", Arithmetic(on_cpu=True, width=4))


def on(name: str) -> Workplace:
    return Workplace(name, Arithmetic(on_cpu=False, width=2), named_device(name))


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
    assert estimate(settings, LORA, shape, 1, STEP, CPU).trainable == trained


@pytest.mark.parametrize("base", ["qwen-7b", str(SHARED / "bases" / "qwen-7b")], ids=["catalogue", "configuration"])
def test_the_trainable_parameters_of_qwen_7b_are_counted_in_a_layout_that_is_named(base):
    """../shared/reference/seed-recipes.md, section 1: 143,130,624 in the fused layout, 159,907,840 in that of Qwen2."""
    if base != "qwen-7b":
        skip_unless("shared", (SHARED / "bases" / "qwen-7b" / "config.json").is_file(), "no Qwen-7B in ../shared")
        resolved = resolve_base(base)
    else:
        resolved = ResolvedBase(base, "hub", "Qwen/Qwen-7B", None, "", BASES[base])
    settings = FinetuneSettings(lora={"r": 64})
    shape = architecture_of(resolved)
    assert estimate(settings, QLORA, shape, 1, STEP, on("a100-80g")).trainable == 159_907_840
    assert shape.fused_lora_parameters(64) == 143_130_624
    assert "143,130,624 in the original layout" in counted_layout(settings, QLORA, resolved)["counted_in"]
    some = settings.model_copy(update={"lora": LoraBlock(r=64, target_modules=["q_proj"])})
    assert "original" not in counted_layout(some, QLORA, resolved)["counted_in"]
    assert counted_layout(settings, FULL, resolved) == {}


def test_full_lora_and_qlora_need_less_memory_in_this_order():
    sizes = [
        estimate(FinetuneSettings(), mode, SEVEN, 1, STEP, on("a100-80g")).memory_gb for mode in (FULL, LORA, QLORA)
    ]
    assert sizes[0] > 100 > sizes[1] > sizes[2]


@pytest.mark.parametrize(
    ("mode", "low", "high"),
    # ../shared/reference/gpu.md, item 3: figures known for 7B at length 512.
    [("qlora", 6, 14), ("lora", 15, 22)],
)
def test_figures_of_seven_billion_parameters_at_length_512_are_those_that_are_known(mode, low, high):
    settings = FinetuneSettings(lora={"r": 64}, batch={"size": 4})
    assert low < estimate(settings, MODES[mode], SEVEN, 1, STEP, on("a100-80g")).memory_gb < high


def test_the_same_run_is_the_same_estimate_wherever_it_is_asked_from_but_for_the_device_that_is_named():
    """The published recipe on three devices: only what is stored in another width differs."""
    settings = FinetuneSettings(lora={"r": 64}, batch={"size": 6})
    one, other = (estimate(settings, QLORA, SEVEN, 1, STEP, on(name)) for name in ("a100-80g", "rtx4090"))
    assert one.memory == other.memory
    assert (one.shown()["device"], other.shown()["device"]) == ("a100-80g", "rtx4090")
    assert "2,048 tokens" in one.assumptions and "recomputed activations" in one.assumptions
    laptop = estimate(settings, QLORA, SEVEN, 1, STEP, CPU)
    assert laptop.shown()["device"] == "a CPU" and "kept activations" in laptop.assumptions


def test_full_tuning_is_sharded_over_devices_and_adapters_are_not():
    def gigabytes(mode, name):
        return estimate(FinetuneSettings(), mode, SEVEN, 1, STEP, on(name)).memory.optimizer / 1e9

    assert gigabytes(FULL, "8xa100-80g") == pytest.approx(gigabytes(FULL, "a100-80g") / 8)
    assert gigabytes(LORA, "8xa100-80g") == gigabytes(LORA, "a100-80g")


def test_an_unknown_device_is_named_with_the_known_ones():
    with pytest.raises(UsageError, match="a100-80g"):
        named_device("a100")
    assert named_device("8xa100-80g").count == 8


@given(
    st.sampled_from(sorted(MODES)), st.integers(1, 64), st.integers(1, 32), st.integers(8, 4096), st.integers(0, 10**9)
)
def test_more_of_anything_never_costs_less(mode, rank, size, length, tokens):
    def cost(r: int, batch: int, seq: int) -> float:
        step = StepShape(batch * seq, batch * seq // 2)
        return estimate(FinetuneSettings(lora={"r": r}), MODES[mode], SEVEN, tokens, step, on("t4")).memory_gb

    here = cost(rank, size, length)
    assert here > 0
    assert cost(rank + 1, size, length) >= here
    assert cost(rank, size + 1, length) >= here
    assert cost(rank, size, length + 1) >= here


def test_the_optimizer_in_eight_bits_saves_three_quarters_of_its_moments():
    def moments(name):
        settings = FinetuneSettings(optimizer={"name": name})
        return estimate(settings, FULL, SEVEN, 1, STEP, on("a100-80g")).memory.optimizer

    assert moments("adamw_8bit") == pytest.approx(moments("adamw") / 4, rel=0.02)
    assert moments("paged_adamw_32bit") == moments("adamw")


def test_time_is_known_for_the_cpu_of_this_machine_and_for_named_devices(monkeypatch):
    assert 1e8 < estimate_module.cpu_flops() < 1e14
    monkeypatch.setattr(estimate_module, "cpu_flops", lambda: 5e10)
    unnamed = Workplace("the GPU of this machine", Arithmetic(on_cpu=False, width=2))
    assert estimate(FinetuneSettings(), LORA, SEVEN, 1000, STEP, unnamed).minutes is None
    for workplace in (CPU, on("h100-80g")):
        one = estimate(FinetuneSettings(), LORA, SEVEN, 10_000, STEP, workplace).minutes
        hundred = estimate(FinetuneSettings(), LORA, SEVEN, 1_000_000, STEP, workplace).minutes
        assert one == pytest.approx(hundred / 100, rel=0.01)
