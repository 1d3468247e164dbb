"""Checks 1 and 7 to 10: what is trained and merged on a GPU. See `checking`."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coma_cli.jsonl import read_json, read_rows, write_rows
from tests.gpu.checking import freed, left_out, show
from tests.requirements import ROOT, package
from tests.support.command import run_coma

package("peft", "train")
torch = pytest.importorskip("torch")

from coma_cli.models.loading import choose_placement  # noqa: E402  # after the skip
from coma_cli.training import estimate, requirements  # noqa: E402
from coma_cli.training.memory import Arithmetic  # noqa: E402
from tests.gpu.tuning import ROWS, Lesson, Watch, adapter_of, digest_of, largest_gap  # noqa: E402


@pytest.fixture
def lesson(base, device, extent, tmp_path):
    """Makes training runs of this check."""

    def made(**options: Any) -> Lesson:
        options = {"steps": extent.steps, "batch": extent.batch, **options}
        return Lesson(base, device, tmp_path / "checkpoints", **options)

    return made


def test_1_two_visible_gpus_do_not_split_batches(lesson, device, monkeypatch):
    one = lesson(dtype="float32", steps=3)
    alone = one.train(one.model(), Watch()).losses
    made = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.nn.DataParallel, "__init__", lambda self, *_, **__: made.append(self))
    other = lesson(dtype="float32", steps=3)
    beside = other.train(other.model(), Watch()).losses
    gap = largest_gap(alone, beside)
    show(1, data_parallel=len(made), largest_difference_of_losses=gap)
    assert not made
    assert gap <= 1e-5
    if device == "cpu":
        left_out(1, "the dtype by the GPU's capability")
        return
    monkeypatch.undo()
    capability, chosen = torch.cuda.get_device_capability(), choose_placement("cuda:0", training=True).dtype_name
    show(1, capability=capability, dtype=chosen)
    assert (chosen == "bfloat16") == (capability >= (8, 0))


def test_7_lora_in_bfloat16_trains_float32_matrices_within_the_estimated_memory(lesson, device, extent):
    half, wide = lesson(), lesson(dtype="float32")
    first, beside = adapter_of(half.model()), wide.model()  # random numbers of another dtype are others
    with torch.no_grad():
        for name, value in beside.named_parameters():
            if value.requires_grad:
                value.copy_(first[name])
    expected = wide.train(beside, Watch()).losses
    del beside
    if device != "cpu":
        freed()
        torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated() if device != "cpu" else 0
    model = half.model()
    digest = digest_of(model)
    losses = half.train(model, Watch()).losses
    dtypes = {str(value.dtype) for value in adapter_of(model).values()}
    last = max(1, extent.steps // 3)
    ratio = sum(losses[-last:]) / sum(expected[-last:])
    begun = losses[0] / expected[0]
    show(7, steps=len(losses), matrices=dtypes, loss_to_float32=ratio, of_the_first_step=begun,
         bfloat16=[round(loss, 3) for loss in losses], float32=[round(loss, 3) for loss in expected])  # fmt: skip
    assert dtypes == {"torch.float32"}
    assert digest_of(model) == digest
    assert abs(begun - 1) < 0.02
    assert sum(losses[-last:]) < sum(losses[:last])
    if device == "cpu":
        left_out(7, "the loss after 30 steps: 4 steps of 2 rows are too few")
        left_out(7, "the peak of memory, which tests/training/test_memory.py measures in processes of its own")
        return
    assert abs(ratio - 1) < 0.02
    measured = torch.cuda.max_memory_allocated() - before
    where = estimate.Workplace("the GPU", Arithmetic(on_cpu=False, width=2))
    shape = estimate.architecture_of(half.base)
    found = estimate.estimate(half.settings, half.job.mode, shape, 1, requirements.largest_step(half.job), where).memory
    expected_bytes = found.total - found.process  # the context is not among torch's allocations
    free, total = torch.cuda.mem_get_info()
    show(7, peak_gb=measured / 1e9, estimated_gb=expected_bytes / 1e9, ratio=expected_bytes / measured,
         reserved_gb=torch.cuda.max_memory_reserved() / 1e9,
         context_gb=(total - free - torch.cuda.memory_reserved()) / 1e9)  # fmt: skip
    assert expected_bytes == pytest.approx(measured, rel=0.15)


def scaler_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss scaler where accelerate makes none, with what it does for one elsewhere."""
    from accelerate import Accelerator

    from coma_cli.training.trainer import AnswerTrainer

    create = AnswerTrainer.create_accelerator_and_postprocess

    def with_scaler(trainer: Any) -> None:
        create(trainer)
        trainer.accelerator.native_amp = True
        trainer.accelerator.scaler = torch.amp.GradScaler("cpu")

    monkeypatch.setattr(AnswerTrainer, "create_accelerator_and_postprocess", with_scaler)
    monkeypatch.setattr(Accelerator, "mixed_precision", property(lambda accelerator: "fp16"))
    monkeypatch.setattr(Accelerator, "prepare_model", lambda accelerator, model, **named: model)


def test_8_steps_that_overflow_in_float16_are_skipped_and_the_scale_is_restored(lesson, device, extent, monkeypatch):
    if device == "cpu":
        left_out(8, "float16; gradients of float32 overflow at a scale of 2^127 instead of 2^24")
        scaler_of_the_cpu(monkeypatch)
    steps, dtype, scale = (extent.steps, "float16", 2.0**24) if extent.gpu else (8, "float32", 2.0**127)
    half, moved = lesson(dtype=dtype, steps=steps), []
    model = half.model()
    weights = {"before": adapter_of(model)}

    def after(watch: Watch, step: int) -> None:
        now = adapter_of(watch.trainer.model)
        moved.append(any(not torch.equal(now[name], value) for name, value in weights["before"].items()))
        weights["before"] = now

    begun = steps // 2
    whole = half.train(model, Watch(after, scale), save_every=begun)
    skips = sum(whole.skipped)
    again = half.train(half.model(), Watch(), begun=begun)
    gap = largest_gap(whole.losses[begun:], again.losses)
    show(8, steps=len(whole.losses), skipped=skips, scale_first=scale, scale_last=whole.scales[-1],
         scale_of_the_checkpoint=whole.scales[begun - 1], scale_after_resume=again.begun_with,
         largest_difference_after_resume=gap)  # fmt: skip
    assert 1 <= skips < steps
    assert moved == [not skipped for skipped in whole.skipped]
    assert again.begun_with == whole.scales[begun - 1]
    assert gap < 1e-2


def test_9_qlora_is_stored_in_four_bits_and_resumes(lesson, device, extent):
    package("bitsandbytes", "bnb")
    import bitsandbytes

    steps, begun = (20, 10) if extent.gpu else (4, 2)
    four = lesson(mode="qlora", steps=steps)
    model = four.model()
    layers = [module for module in model.modules() if isinstance(module, bitsandbytes.nn.Linear4bit)]
    computed = {str(layer.compute_dtype) for layer in layers}
    size = sum(map(stored_bytes, layers)) / sum(layer.in_features * layer.out_features for layer in layers)
    torch.use_deterministic_algorithms(True)
    try:
        whole = four.train(model, Watch(), save_every=begun).losses
        again = four.train(four.model(), Watch(), begun=begun).losses
    finally:
        torch.use_deterministic_algorithms(False)
    gap = largest_gap(whole[begun:], again)
    usual = four.train(four.model(), Watch(), begun=begun).losses
    loose = largest_gap(whole[begun:], usual)
    show(9, layers=len(layers), computed_in=computed, bytes_per_weight=size, resumed_at=begun,
         difference_deterministic=gap, difference_else=loose)  # fmt: skip
    assert len(layers) == 210 and computed == {"torch.bfloat16"}
    assert size <= 0.53
    assert gap == 0.0
    assert loose <= 1e-3
    if device == "cpu":
        left_out(9, "the codes of the CPU beside those of the GPU")
        return
    equal = same_codes(four.base, device)
    show(9, equal_codes=equal)
    assert equal >= 0.9999


def stored_bytes(layer: Any) -> int:
    """Bytes of a four-bit layer's weights and of their constants, without the two tables that all layers share."""
    weight, state = layer.weight, layer.weight.quant_state
    constants = (state.absmax, state.state2.absmax, state.offset)
    return sum(part.numel() * part.element_size() for part in (weight, *constants))


def same_codes(base: Any, device: str) -> float:
    """The share of four-bit codes that the CPU and the GPU choose alike, over all layers of the base."""
    from bitsandbytes.functional import quantize_4bit

    from coma_cli.models.loading import load_model

    equal = count = 0
    for name, module in load_model(base, "bfloat16", "cpu").named_modules():
        if isinstance(module, torch.nn.Linear) and "lm_head" not in name:
            weight = module.weight.data
            pair = [quantize_4bit(w, quant_type="nf4")[0].flatten().cpu() for w in (weight, weight.to(device))]
            for shift in (0, 4):
                codes = [(packed >> shift) & 15 for packed in pair]
                equal += int((codes[0] == codes[1]).sum())
                count += codes[0].numel()
    return equal / count


def test_10_full_tuning_by_torchrun_and_merges_are_those_of_one_process(base, device, extent, tmp_path):
    rows = tmp_path / "rows.jsonl"
    write_rows(rows, ROWS)
    name = base.name if base.kind == "embedded" else base.path_or_id
    steps = 10 if extent.gpu else 2
    usual = ["finetune", "--base", name, "--data", rows, "--max-steps", steps, "--batch-size", extent.batch,
             "--device", device, "--set", "runtime.save_steps=1000"]  # fmt: skip

    def workspace(kind: str) -> list[str]:
        return ["--workspace", str(tmp_path / kind), "--name", "run"]

    full = [*map(str, usual), "--full", "--dtype", "float32"]
    assert run_coma([*full, *workspace("plain")]) == 0
    launcher = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "1",
        "-m",
        "coma_cli",
    ]
    done = subprocess.run(
        [*launcher, *full, *workspace("torchrun")], cwd=ROOT, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    gap = largest_gap(losses(tmp_path / "plain"), losses(tmp_path / "torchrun"))
    show(10, full_tuning_steps=steps, largest_difference_of_losses_by_torchrun=gap)
    assert gap <= 1e-4
    assert run_coma([*usual, "--learning-rate", "2e-4", *workspace("lora")]) == 0
    for dtype in ("float32", "bfloat16"):
        asked = ["verification.probes=4"] if device == "cpu" else []
        asked += ["verification.min_greedy_agreement=0"] if dtype == "bfloat16" else []  # judged below, once printed
        merge = ["merge-lora", "--workspace", tmp_path / "lora", "--name", dtype, "--dtype", dtype, "--device", device]
        assert run_coma([*merge, *(word for value in asked for word in ("--set", value))]) == 0
        found = read_json(tmp_path / "lora" / "merge-lora" / dtype / "summary.json")
        show(10, merged_in=dtype, positions=found["positions"], largest_difference=found["max_logit_difference"],
             kl=found["kl_divergence"], kl_of_rounding=found["rounded_kl_divergence"] or 0.0,
             greedy_agreement=found["greedy_agreement"], adapter_effect=found["max_adapter_effect"])  # fmt: skip
        if dtype == "float32":
            assert found["max_logit_difference"] <= 1e-4
        else:
            assert found["kl_divergence"] <= max(1e-3, 2 * found["rounded_kl_divergence"])
            if device == "cpu":
                left_out(10, "greedy agreement over 2,000 positions: 4 of the 16 probes are compared")
            else:
                assert found["greedy_agreement"] >= 0.99


def losses(workspace: Path) -> list[float]:
    return [row["loss"] for row in read_rows(workspace / "finetune" / "run" / "metrics.jsonl")]
