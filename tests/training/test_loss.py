"""Logits only where labels are: the same losses and gradients as from all logits, whatever the model does to them."""

import os
import subprocess
import sys

import pytest

from tests.requirements import ROOT, package

package("torch", "train")
import torch  # noqa: E402
import transformers  # noqa: E402

from coma_cli.errors import UsageError  # noqa: E402
from coma_cli.training.batching import Packing, collate  # noqa: E402
from coma_cli.training.encoding import NO_LABEL, EncodedRow  # noqa: E402
from coma_cli.training.loss import (  # noqa: E402
    LabelledLogits,
    require_apart,
    summed_cross_entropy,
    targets_of,
)

SIZES = {"vocab_size": 97, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
SIZES |= {"num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
ROWS = [
    EncodedRow("a", (5, 6, 7, 0, 8, 9), 2),
    EncodedRow("b", (5, 9, 11, 12, 13, 14, 15, 16), 6, ((1, 3),)),
    EncodedRow("c", (5, 9), 1),
    EncodedRow("d", (40, 41, 42), 1),
]


def model_of(kind: str, **more):
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**SIZES, **more)
    return getattr(transformers, f"{kind}ForCausalLM")(config)


def all_logits_loss(model, batch):
    """The loss in the plain way: all logits, shifted."""
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    logits = model(**inputs, use_cache=False).logits[:, :-1].float()
    targets = batch["labels"][:, 1:]
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), reduction="sum", ignore_index=NO_LABEL
    )


def gathered_loss(model, batch, logits_of):
    index, targets = targets_of(batch["labels"])
    logits, _ = logits_of(model, index, **{name: value for name, value in batch.items() if name != "labels"})
    assert logits.shape == (len(targets), SIZES["vocab_size"])
    return summed_cross_entropy(logits, targets)


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def require_same(model, batch):
    logits_of = LabelledLogits(model)
    assert logits_of.verify(model, batch["input_ids"][:1]) is None and logits_of.gathers
    own, gathered = all_logits_loss(model, batch), gathered_loss(model, batch, logits_of)
    assert gathered.item() == pytest.approx(own.item(), rel=1e-5)
    first, second = gradients(model, own), gradients(model, gathered)
    assert first.keys() == second.keys() and first
    for name, gradient in first.items():
        assert torch.allclose(gradient, second[name], atol=1e-5, rtol=1e-4), name


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("Llama", {"tie_word_embeddings": True}),
        ("Gemma2", {"head_dim": 8, "final_logit_softcapping": 0.5}),
        ("Granite", {"logits_scaling": 8.0}),
        ("Cohere", {"logit_scale": 0.25}),
    ],
)
def test_losses_and_gradients_are_those_of_all_logits(kind, more):
    require_same(model_of(kind, **more), collate(ROWS))


def test_with_lora_matrices_on_the_head_too_and_with_recomputed_activations():
    peft = pytest.importorskip("peft")
    model = peft.get_peft_model(
        model_of("Llama"),
        peft.LoraConfig(r=4, target_modules=["q_proj", "down_proj", "lm_head"], init_lora_weights=False),
    )
    require_same(model, collate(ROWS))
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    require_same(model.train(), collate(ROWS))


UNDER_DDP = """
import torch
from coma_cli.training.batching import collate
from coma_cli.training.loss import LabelledLogits
from tests.training.test_loss import ROWS, gathered_loss, gradients, model_of

torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()
wrapped = torch.nn.parallel.DistributedDataParallel(model_of("Llama"))
logits_of = LabelledLogits(wrapped)
assert logits_of.gathers
found = gradients(wrapped, gathered_loss(wrapped, collate(ROWS[2 * rank : 2 * rank + 2]), logits_of))
alone = []
for rows in (ROWS[:2], ROWS[2:]):
    model = model_of("Llama")
    alone.append(gradients(model, gathered_loss(model, collate(rows), LabelledLogits(model))))
assert len(found) == len(alone[0])
for name, gradient in found.items():
    plain = name.removeprefix("module.")
    torch.testing.assert_close(gradient, (alone[0][plain] + alone[1][plain]) / 2)
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_under_ddp_gradients_are_the_mean_over_the_processes(tmp_path):
    (tmp_path / "ranks.py").write_text(UNDER_DDP)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(tmp_path / "ranks.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_batch_without_labels_has_a_loss_of_zero_and_gradients_of_zero():
    model = model_of("Llama")
    loss = gathered_loss(model, collate([]), LabelledLogits(model))
    found = gradients(model, loss)
    assert loss.item() == 0 and found and not any(gradient.any() for gradient in found.values())


def test_a_head_that_depends_on_other_positions_is_found_and_not_gathered():
    class Centred(transformers.LlamaForCausalLM):
        def forward(self, *arguments, **options):
            outputs = super().forward(*arguments, **options)
            mean = outputs.logits.mean(dim=tuple(range(outputs.logits.dim() - 1)), keepdim=True)
            outputs.logits = outputs.logits - mean
            return outputs

    torch.manual_seed(0)
    model = Centred(transformers.LlamaConfig(**SIZES))
    logits_of = LabelledLogits(model)
    assert "depend on other positions" in logits_of.verify(model, torch.tensor([[5, 6, 7, 8, 9, 10]]))
    assert not logits_of.gathers
    batch = collate(ROWS)
    assert float(gathered_loss(model, batch, logits_of)) == pytest.approx(
        float(all_logits_loss(model, batch)), rel=1e-5
    )


def test_a_model_without_a_head_of_its_own_computes_all_logits():
    class Headless(transformers.LlamaForCausalLM):
        def get_output_embeddings(self):
            return None

    model = Headless(transformers.LlamaConfig(**SIZES))
    logits_of = LabelledLogits(model)
    assert "no separate head" in logits_of.verify(model, torch.tensor([[5, 6, 7]]))
    batch = collate(ROWS)
    assert float(gathered_loss(model, batch, logits_of)) == pytest.approx(
        float(all_logits_loss(model, batch)), rel=1e-5
    )


@pytest.mark.parametrize(
    ("kind", "attention"), [("Llama", "sdpa"), ("Llama", "eager"), ("Qwen3", "sdpa"), ("Gemma2", "eager")]
)
def test_packed_rows_have_the_loss_and_the_gradients_of_padded_ones(kind, attention):
    more = {"head_dim": 8} if kind != "Llama" else {}
    model = model_of(kind, attn_implementation=attention, **more)
    require_apart(model, [row.ids for row in ROWS[:2]], "cpu")
    padded, packed = collate(ROWS), Packing(64)(ROWS)
    assert packed["input_ids"].numel() < padded["input_ids"].numel()
    first, second = (gathered_loss(model, batch, LabelledLogits(model)) for batch in (padded, packed))
    assert second.item() == pytest.approx(first.item(), rel=1e-5)
    one, other = gradients(model, first), gradients(model, second)
    assert all(torch.allclose(one[name], other[name], atol=1e-5) for name in one)


def test_a_model_whose_state_crosses_rows_can_not_be_packed():
    class Forgetful(transformers.LlamaForCausalLM):
        def forward(self, *arguments, position_ids=None, **options):
            return super().forward(*arguments, **options)

    model = Forgetful(transformers.LlamaConfig(**SIZES))
    with pytest.raises(UsageError, match="would see each other") as caught:
        require_apart(model, [row.ids for row in ROWS[:2]], "cpu")
    assert caught.value.hint == "--batching length"


def test_the_head_is_as_it_was_outside_of_training():
    model = model_of("Llama").eval()
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        before = model(ids).logits
        LabelledLogits(model)
        assert torch.equal(model(ids).logits, before)
