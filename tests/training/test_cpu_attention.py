"""The gradients of attention on a CPU are those of torch's own kernel, with and without a mask."""

import pytest

from tests.requirements import package

package("torch", "train")
import torch  # noqa: E402

from coma_cli.training import cpu_attention  # noqa: E402
from coma_cli.training.cpu_attention import CpuAttention, attend, use_cpu_attention  # noqa: E402


def parts(shape, dtype, seed=0):
    torch.manual_seed(seed)
    return [torch.randn(shape).to(dtype).requires_grad_() for _ in range(3)]


def gradients(function, shape, dtype):
    given = parts(shape, dtype)
    function(*given).backward(torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(dtype))
    return [part.grad.double() for part in given]


def segments(*lengths):
    """A mask, added to scores, of rows laid one behind the other: (1, 1, length, length)."""
    length = sum(lengths)
    mask, start = torch.full((length, length), -torch.inf), 0
    for size in lengths:
        mask[start : start + size, start : start + size] = torch.zeros(size, size).masked_fill(
            torch.ones(size, size).triu(1).bool(), -torch.inf
        )
        start += size
    return mask[None, None]


def plain(mask, scale):
    """Attention by torch's kernel."""
    return lambda q, k, v: torch.nn.functional.scaled_dot_product_attention(
        q, k, v, None if mask is None else mask.to(q.dtype), is_causal=mask is None, scale=scale
    )


def own(mask, scale):
    return lambda q, k, v: CpuAttention.apply(q, k, v, None if mask is None else mask.to(q.dtype), scale)


@pytest.mark.parametrize("queries", [256, 3])
@pytest.mark.parametrize("mask", [None, segments(4, 7), segments(1, 1, 9)], ids=["causal", "packed", "short rows"])
def test_in_float32_they_are_equal_but_for_rounding(monkeypatch, queries, mask):
    """Also where the scores of only a few queries exist at a time."""
    monkeypatch.setattr(cpu_attention, "QUERIES", queries)
    for found, expected in zip(
        gradients(own(mask, 0.3), (2, 3, 11, 8), torch.float32),
        gradients(plain(mask, 0.3), (2, 3, 11, 8), torch.float32),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


def test_a_mask_of_each_row_of_a_batch():
    masks = torch.cat([segments(4, 7), segments(9, 2)])
    for found, expected in zip(
        gradients(own(masks, 0.3), (2, 3, 11, 8), torch.float32),
        gradients(plain(masks, 0.3), (2, 3, 11, 8), torch.float32),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("length", [5, 300])
def test_in_bfloat16_they_are_near_those_of_float32(length):
    shape = (2, 3, length, 16)
    rounded = gradients(own(None, 0.25), shape, torch.bfloat16)
    exact = gradients(plain(None, 0.25), shape, torch.float32)
    for found, expected in zip(rounded, exact, strict=True):
        assert float((found - expected).norm() / expected.norm()) < 0.02


class Layer(torch.nn.Module):
    is_causal = True


@pytest.mark.parametrize("masked", [False, True])
def test_what_transformers_calls_gives_the_outputs_and_gradients_of_torch(masked):
    """With fewer heads of keys than of queries, and boolean masks as transformers makes them."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    mask = segments(5, 8).eq(0) if masked else None
    results = []
    for function in (attend, sdpa_attention_forward):
        torch.manual_seed(3)
        query = torch.randn(2, 6, 13, 8).bfloat16().requires_grad_()
        key, value = (torch.randn(2, 2, 13, 8).bfloat16().requires_grad_() for _ in range(2))
        layer = Layer()
        layer.num_key_value_groups = 3
        out, _ = function(layer, query, key, value, mask, scaling=0.4)
        out.float().square().sum().backward()
        results.append([out, query.grad, key.grad, value.grad])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, atol=0.1, rtol=0.05)
    torch.testing.assert_close(results[0][0], results[1][0], atol=0, rtol=0)


@pytest.mark.parametrize(
    ("change", "applies"),
    [
        ({}, True),
        ({"dropout": 0.1}, False),
        ({"is_causal": False}, False),
        ({"position_bias": torch.zeros(1)}, False),
        ({"dtype": torch.float32}, False),
        ({"keys": 14}, False),
        ({"grad": False}, False),
    ],
)
def test_it_is_used_where_it_computes_the_same_and_nowhere_else(monkeypatch, change, applies):
    used = []
    monkeypatch.setattr(cpu_attention, "sdpa_attention_forward", lambda *given, **_: (used.append("torch"), None))
    apply = CpuAttention.apply
    monkeypatch.setattr(CpuAttention, "apply", lambda *given: used.append("own") or apply(*given))
    options = dict(change)
    dtype, keys = options.pop("dtype", torch.bfloat16), options.pop("keys", 13)
    query = torch.randn(1, 2, 13, 8, dtype=dtype).requires_grad_(options.pop("grad", True))
    key = torch.randn(1, 2, keys, 8, dtype=dtype)
    attend(Layer(), query, key, key, None, **options)
    assert used == ["own" if applies else "torch"]


def test_what_is_in_float32_under_autocast_is_computed_in_bfloat16(monkeypatch):
    """As autocast itself does for torch's kernel; with full tuning, rotations give float32."""
    monkeypatch.setattr(cpu_attention, "sdpa_attention_forward", lambda *_, **__: pytest.fail("torch's was called"))
    query = torch.randn(1, 2, 5, 8).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        out, _ = attend(Layer(), query, query, query, None)
    assert out.dtype is torch.bfloat16


@pytest.mark.parametrize("recomputed", [False, True])
def test_a_model_learns_from_the_same_gradients(tiny_model, recomputed):
    """A whole model, with rows of its own and packed ones, against torch's attention."""
    import transformers

    found = []
    for ours in (True, False):
        model = transformers.AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.bfloat16).train()
        if recomputed:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        if ours:
            use_cpu_attention(model)
            assert model.config._attn_implementation == cpu_attention.NAME
        ids = torch.arange(24).reshape(2, 12) + 5
        positions = torch.cat([torch.arange(5), torch.arange(7)]).expand(2, -1)
        for more in ({}, {"position_ids": positions}):
            model(input_ids=ids, labels=ids, use_cache=False, **more).loss.backward()
        found.append({name: parameter.grad.float() for name, parameter in model.named_parameters()})
        assert "attn_implementation" not in model.config.to_json_string().replace("_internal", "")
    for name, gradient in found[0].items():
        expected = found[1][name]
        assert float((gradient - expected).norm()) <= 0.05 * float(expected.norm()) + 1e-4, name


def test_a_model_with_attention_of_another_kind_stays_as_it_is(tiny_model):
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(tiny_model, attn_implementation="eager")
    use_cpu_attention(model)
    assert model.config._attn_implementation == "eager"
