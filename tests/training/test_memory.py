"""The formula of memory against the tensors that PyTorch saves for the backward pass of real models, and against the
peaks of real processes."""

import json
import subprocess
import sys

import pytest

from coma_cli.catalog.bases.entry import Architecture
from coma_cli.models.resolution import resolve_base
from coma_cli.training.memory import AdapterShape, Arithmetic, StepShape, memory_of
from coma_cli.training.modes import MODES
from coma_cli.training.optimizers import OPTIMIZERS
from tests.requirements import ROOT, package, smollm2

pytestmark = pytest.mark.filterwarnings("ignore")
SMALL = Architecture(hidden=192, layers=3, heads=6, kv_heads=2, intermediate=512, vocabulary=1000, tied=True)
RANK = 64


def model_of(shape: Architecture, mode: str, half: bool, dropout: float):
    """A Llama of that shape with random weights, ready for training as finetune makes it ready."""
    import peft
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_default_dtype(torch.bfloat16 if half and mode != "full" else torch.float32)
    try:
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=shape.vocabulary,
                hidden_size=shape.hidden,
                intermediate_size=shape.intermediate,
                num_hidden_layers=shape.layers,
                num_attention_heads=shape.heads,
                num_key_value_heads=shape.kv_heads,
                tie_word_embeddings=shape.tied,
            )
        )
    finally:
        torch.set_default_dtype(torch.float32)
    if mode == "full":
        return model.train()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    lora = peft.LoraConfig(task_type="CAUSAL_LM", r=RANK, lora_dropout=dropout, target_modules="all-linear")
    model = peft.get_peft_model(model, lora)
    for module in model.modules():
        if isinstance(module, peft.tuners.tuners_utils.BaseTunerLayer):
            module.cast_input_dtype_enabled = not half
    return model.train()


def loss_of(model, size: int, length: int, half: bool):
    """The loss of the second half of random rows, computed as finetune does."""
    import torch

    ids = torch.randint(0, 100, (size, length))
    kept = torch.arange(length // 2 - 1, length - 1)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        logits = model(input_ids=ids, use_cache=False, logits_to_keep=kept).logits
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), ids[:, length // 2 :].flatten())


def expected(shape, mode, half, dropout, size, length):
    return memory_of(
        shape,
        MODES[mode],
        AdapterShape(RANK, dropout > 0),
        OPTIMIZERS["adamw"],
        StepShape(size * length, size * (length // 2)),
        Arithmetic(on_cpu=True, width=2 if half else 4),
        recomputed=False,
    )


CASES = [("lora", False, 0.0), ("lora", False, 0.05), ("lora", True, 0.0), ("lora", True, 0.05), ("full", False, 0.0),
         ("full", True, 0.0)]  # fmt: skip


@pytest.mark.parametrize("length", [64, 256])
@pytest.mark.parametrize(("mode", "half", "dropout"), CASES)
def test_what_a_model_saves_for_its_backward_pass_grows_by_what_the_formula_says(mode, half, dropout, length):
    """By the difference of two lengths: weights, their bfloat16 copies and constants cancel."""
    package("peft", "train")
    import torch

    def saved(size: int) -> int:
        torch.manual_seed(0)
        model, seen = model_of(SMALL, mode, half, dropout), {}

        def note(tensor):
            seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            loss = loss_of(model, size, length, half)
        assert loss.requires_grad
        return sum(seen.values())

    def formula(size: int) -> float:
        from coma_cli.training import memory

        found = expected(SMALL, mode, half, dropout, size, length).activations
        inner = (2 if half else 4) * SMALL.intermediate * size * length
        not_saved = (4 + memory.HOLES * SMALL.layers) * inner  # gradients, and what the allocator can't use again
        beside_softmax = size * (length // 2) * SMALL.vocabulary * 8  # of 12 bytes per logit, 4 are saved
        return found - not_saved - beside_softmax

    assert formula(3) - formula(1) == pytest.approx(saved(3) - saved(1), rel=0.08)


def test_gradients_of_other_batches_are_there_beside_the_activations():
    def total(accumulated: bool, on_cpu: bool) -> float:
        step, where = StepShape(64, 32, accumulated), Arithmetic(on_cpu, width=4)
        return memory_of(
            SMALL, MODES["full"], AdapterShape(0, False), OPTIMIZERS["adamw"], step, where, recomputed=False
        ).total

    assert total(True, on_cpu=False) > total(False, on_cpu=False)
    assert total(True, on_cpu=True) == total(False, on_cpu=True)


def test_tensors_that_the_allocator_returns_at_once_leave_no_holes():
    def activations(positions: int) -> float:
        step, where = StepShape(positions, 1), Arithmetic(on_cpu=True, width=4)
        shape = Architecture(4096, 32, 32, 32, 11008, 32000)
        return memory_of(
            shape, MODES["lora"], AdapterShape(8, False), OPTIMIZERS["adamw"], step, where, recomputed=False
        ).activations

    assert activations(32 * 2**20 // (4 * 11008) + 1) < activations(32 * 2**20 // (4 * 11008))


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("lora", "128", "4", "kept"), marks=pytest.mark.soak),
        ("lora", "128", "4", "recomputed"),
        pytest.param(("qlora", "128", "2", "kept"), marks=pytest.mark.soak),
        pytest.param(("full", "128", "2", "kept"), marks=pytest.mark.soak),
    ],
    ids="-".join,
)
def test_the_peak_of_a_real_process_is_within_15_percent_of_the_estimate(arguments):
    """Two steps of SmolLM2 in float32, each in a process of its own: memory that others left would count."""
    smollm2()
    if arguments[0] == "qlora":
        package("bitsandbytes", "bnb")
    from coma_cli.models.loading import model_folder

    model_folder(
        resolve_base("smollm2-135m")
    )  # unpacked here, if it is not yet, and not in the process that is measured
    command = [sys.executable, "-m", "tests.training.measured_step", *arguments]
    made = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=500, check=False)
    assert made.returncode == 0, made.stderr
    found = json.loads(made.stdout.splitlines()[-1])
    figures = f"measured {found['measured']:.2f} GB, estimated {found['estimated']:.2f} GB"
    sys.stdout.write(f"{' '.join(arguments)}: {figures}\n")
    assert found["estimated"] == pytest.approx(found["measured"], rel=0.15)
