"""Eight bits come close to the real layer, and a row's result is its own."""

import pytest

from tests.requirements import package
from tests.tiny_model import make_tiny_model

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.engines import int8_linears  # noqa: E402
from coma_cli.engines.fused_linears import join_linears  # noqa: E402  # after the skip
from coma_cli.engines.int8_linears import Int8Linear, packs_exactly, to_int8  # noqa: E402
from coma_cli.engines.interface import Decoding, GenerationRequest  # noqa: E402
from coma_cli.engines.transformers_engine import TransformersEngine  # noqa: E402


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bias", [True, False])
def test_the_error_is_that_of_rounding_to_8_bits(dtype, bias):
    torch.manual_seed(0)
    linear = torch.nn.Linear(96, 40, bias=bias).to(dtype)
    states = torch.randn(3, 7, 96).to(dtype)
    with torch.inference_mode():
        expected, found = linear(states).float(), Int8Linear(linear)(states).float()
    assert found.shape == expected.shape
    assert float((found - expected).norm() / expected.norm()) < 0.02


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 5, 64])
def test_packed_weights_give_the_products_of_plain_ones(dtype, rows, monkeypatch):
    if not packs_exactly():
        pytest.skip("oneDNN's products of 8-bit integers are not exact here")
    torch.manual_seed(2)
    linear, states = torch.nn.Linear(576, 192).to(dtype), torch.randn(rows, 576).to(dtype)
    with torch.inference_mode():
        packed = Int8Linear(linear)(states)
        monkeypatch.setattr(int8_linears, "packs_exactly", lambda: False)
        torch.testing.assert_close(packed, Int8Linear(linear)(states))


def test_rows_do_not_depend_on_one_another():
    torch.manual_seed(1)
    linear, states = torch.nn.Linear(96, 40), torch.randn(33, 96)
    layer = Int8Linear(linear)
    with torch.inference_mode():
        whole = layer(states)
        assert all(torch.equal(layer(states[i : i + 1])[0], whole[i]) for i in range(33))
        assert torch.equal(layer(torch.zeros(1, 96))[0], linear.bias)


@pytest.mark.parametrize("joined", [True, False])
def test_a_models_layers_but_not_its_embeddings(tmp_path, joined):
    from transformers import AutoModelForCausalLM

    folder = make_tiny_model(tmp_path / "tiny")
    model, before = (AutoModelForCausalLM.from_pretrained(folder) for _ in range(2))
    if joined:
        join_linears(model)
    assert to_int8(model) == (8 if joined else 14)
    ids = torch.arange(5, 45)[None]
    with torch.inference_mode():
        expected, found = before(ids).logits, model(ids).logits
    assert float((found - expected).norm() / expected.norm()) < 0.05
    assert torch.equal(model.lm_head.weight, before.lm_head.weight)


def test_deterministic_rows_in_8_bits(tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = make_tiny_model(tmp_path / "tiny")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    requests = [
        GenerationRequest(str(i), Decoding(0.8, 0.95, 0, 9), i, prompt_ids=(5, 6, 7 + i // 3)) for i in range(12)
    ]
    found = []
    for rows in (64, 3):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
        engine = TransformersEngine(model, tokenizer, rows=rows, deterministic=True, int8=True)
        found.append({r.key: r for r in engine.generate(requests)})
    assert found[0] == found[1]
