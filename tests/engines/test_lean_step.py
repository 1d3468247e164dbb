"""The leaner code for a step gives the logits of the model's own code, and is used where it does."""

from functools import partial

import pytest

from tests.requirements import package

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.engines.continuous import compute_prompt  # noqa: E402  # after the skip
from coma_cli.engines.fused_linears import join_linears  # noqa: E402
from coma_cli.engines.lean_step import LeanStep  # noqa: E402
from coma_cli.engines.row_attention import advance  # noqa: E402
from coma_cli.engines.row_cache import PIECE, RowCache  # noqa: E402
from coma_cli.engines.row_support import row_step, use_row_attention  # noqa: E402
from tests.engines.small_models import COMMON, FULL, made  # noqa: E402

KNOWN = ("llama", "mistral", "qwen2", "qwen3")


def logits_of(step, model, *, exact, tokens=3):
    """Steps of four rows of two prompts, one of which enters late."""
    cache = RowCache(4, model.device, exact=exact)
    prompts = [compute_prompt(model, tuple(range(5, end))) for end in (12, 80)]
    found = []
    with torch.inference_mode():
        for slot, prompt in enumerate((prompts[0], prompts[1], prompts[1])):
            cache.add(prompt.ids, prompt.states, tokens + 1, slot)
        for token in range(tokens):
            if token == 1:
                cache.add(prompts[0].ids, prompts[0].states, tokens + 1, 3)
            found.append(step(cache, [token + 7 * row for row in range(cache.rows)]))
    return torch.cat(found)


@pytest.mark.parametrize("kind", KNOWN)
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("joined", [True, False])
def test_logits_are_those_of_the_models_own_code(kind, exact, joined):
    model = made(kind, FULL[kind])
    for bias in (p for name, p in model.named_parameters() if name.endswith("bias") or "norm" in name):
        torch.nn.init.normal_(bias)
    assert use_row_attention(model) is None
    if joined:
        join_linears(model)
    lean = LeanStep.of(model)
    with torch.inference_mode():
        expected = logits_of(partial(advance, model), model, exact=exact)
    torch.testing.assert_close(logits_of(lean, model, exact=exact), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", FULL)
def test_it_is_used_for_the_models_that_it_knows(kind):
    model = made(kind, FULL[kind])
    assert use_row_attention(model) is None
    assert isinstance(row_step(model), LeanStep) == (kind in KNOWN)


@pytest.mark.parametrize("change", ["scaled", "raises", "hooked"])
def test_a_model_whose_parts_differ_keeps_its_own_code(change):
    model = made("llama", COMMON)
    assert use_row_attention(model) is None
    norm = model.model.norm
    if change == "scaled":
        norm.forward = lambda states, own=norm.forward: 2 * own(states)
    elif change == "raises":
        del norm.variance_epsilon
        norm.forward = lambda states: states
    else:
        norm.register_forward_hook(lambda module, inputs, output: None)
    assert not isinstance(row_step(model), LeanStep)


def test_a_completion_of_several_pieces_and_a_prompt_that_leaves():
    """Against the whole text in one pass: pieces, moved rows, and the shorter store after a long prompt."""
    model = made("llama", COMMON | {"max_position_embeddings": 512})
    assert use_row_attention(model) is None
    lean, cache = LeanStep.of(model), RowCache(3, model.device)
    tokens = [(11 * place + 2) % 100 for place in range(PIECE + 9)]
    with torch.inference_mode():
        long, short = (compute_prompt(model, tuple(place % 90 + 5 for place in range(end))) for end in (200, 20))
        for slot, prompt in enumerate((long, long, short)):
            cache.add(prompt.ids, prompt.states, len(tokens), slot)
        for step, token in enumerate(tokens):
            if step == PIECE + 2:
                cache.remove(0)  # the last row moves here
                cache.remove(1)
                assert cache.rows == 1
            logits = lean(cache, [token] * cache.rows)
        assert cache.prompt_mask.shape[1] < 64, "the long prompt's room was given up"
        expected = model(torch.tensor([[*short.ids, *tokens]])).logits[:, -1]
    torch.testing.assert_close(logits[0], expected[0], atol=1e-5, rtol=1e-4)
