"""Draws follow the distribution that the settings leave, and a row's draw is its own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.requirements import package

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.engines import seeded_sampling  # noqa: E402  # after the skip
from coma_cli.engines.interface import Decoding  # noqa: E402
from coma_cli.engines.seeded_sampling import draw_tokens, uniform_numbers  # noqa: E402

LOGITS = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0, -3.0])


def frequencies(decoding: Decoding, draws: int = 40_000) -> torch.Tensor:
    uniforms = (torch.arange(draws, dtype=torch.float64) + 0.5) / draws  # every part of [0, 1) once
    tokens = draw_tokens(LOGITS.repeat(draws, 1), [decoding] * draws, uniforms).tokens
    return torch.bincount(tokens, minlength=len(LOGITS)).double() / draws


def expected(decoding: Decoding) -> torch.Tensor:
    """The cuts by transformers' own processors."""
    from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    cuts = LogitsProcessorList([TemperatureLogitsWarper(decoding.temperature)])
    if decoding.top_k:
        cuts.append(TopKLogitsWarper(decoding.top_k))
    if decoding.top_p < 1:
        cuts.append(TopPLogitsWarper(decoding.top_p))
    return cuts(None, LOGITS[None]).softmax(-1)[0].double()


@pytest.mark.parametrize("temperature", [0.2, 0.8, 1.5])
@pytest.mark.parametrize("top_p", [1.0, 0.95, 0.7, 0.3, 1e-6])
@pytest.mark.parametrize("top_k", [0, 1, 3, 100])
def test_draws_have_the_distribution_that_transformers_cuts_give(temperature, top_p, top_k):
    decoding = Decoding(temperature, top_p, top_k)
    assert frequencies(decoding) == pytest.approx(expected(decoding).numpy(), abs=1e-4)


def test_temperature_zero_takes_the_likeliest():
    drawn = draw_tokens(LOGITS[None], [Decoding(0.0)], torch.tensor([0.999], dtype=torch.float64))
    assert drawn.tokens.tolist() == [0]


def test_the_log_probability_is_the_models_own_before_any_cut():
    drawn = draw_tokens(LOGITS[None], [Decoding(0.3, 0.5, 2)], torch.tensor([0.0], dtype=torch.float64))
    assert drawn.log_probabilities[0] == pytest.approx(float(LOGITS.log_softmax(-1)[drawn.tokens[0]]))


def test_a_flat_nucleus_wider_than_the_candidates_is_drawn_from_whole():
    flat = torch.zeros(1, 4 * seeded_sampling.CANDIDATES)
    uniforms = torch.tensor([0.999], dtype=torch.float64)
    token = int(draw_tokens(flat, [Decoding(1.0, 0.99)], uniforms).tokens[0])
    assert token >= seeded_sampling.CANDIDATES
    assert token < 0.99 * flat.shape[-1] + 1


def test_wide_and_narrow_rows_in_one_batch_draw_what_they_draw_alone():
    torch.manual_seed(1)
    wide, narrow = torch.randn(600) * 0.01, torch.randn(600) * 8
    both, uniforms = torch.stack([wide, narrow, wide]), torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
    decoding = Decoding(1.0, 0.95)
    together = draw_tokens(both, [decoding] * 3, uniforms).tokens.tolist()
    alone = [int(draw_tokens(both[i : i + 1], [decoding], uniforms[i : i + 1]).tokens[0]) for i in range(3)]
    assert together == alone


def test_rows_of_several_settings_in_one_batch_draw_what_they_draw_alone():
    torch.manual_seed(2)
    logits, uniforms = torch.randn(4, 50), torch.rand(4, dtype=torch.float64)
    decodings = [Decoding(0.0), Decoding(0.8, 0.9), Decoding(0.0), Decoding(2.0, 1.0, 5)]
    together = draw_tokens(logits, decodings, uniforms)
    for row, decoding in enumerate(decodings):
        alone = draw_tokens(logits[row : row + 1], [decoding], uniforms[row : row + 1])
        assert (alone.tokens[0], alone.log_probabilities[0]) == (together.tokens[row], together.log_probabilities[row])


def test_seeds_give_each_row_its_own_numbers():
    numbers = uniform_numbers([1, 2, 1], 8)
    assert torch.equal(numbers[0], numbers[2])
    assert not torch.equal(numbers[0], numbers[1])
    assert torch.equal(uniform_numbers([1], 3)[0], numbers[0, :3]), "a longer completion begins like a shorter one"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-30, 30), min_size=1, max_size=40),
    st.floats(0, 1, exclude_max=True),
    st.floats(0.05, 3),
    st.floats(0.01, 1),
    st.integers(0, 50),
)
def test_any_draw_is_a_token_inside_the_nucleus(values, uniform, temperature, top_p, top_k):
    logits = torch.tensor([values])
    drawn = draw_tokens(logits, [Decoding(temperature, top_p, top_k)], torch.tensor([uniform], dtype=torch.float64))
    token = int(drawn.tokens[0])
    probabilities = (logits[0] / temperature).double().softmax(-1)
    likelier = probabilities[probabilities > probabilities[token] * (1 + 1e-4)]
    assert probabilities[token] > 0
    assert likelier.sum() < top_p + 1e-3
    assert not top_k or len(likelier) < top_k
    assert drawn.log_probabilities[0] <= 1e-6


def test_a_masked_token_is_never_drawn():
    logits = torch.tensor([[float("-inf"), 0.0, float("-inf"), 0.0, float("-inf")]])
    for uniform in (0.0, 0.25, 0.5, 0.75, 1 - 2**-53):
        for decoding in (Decoding(1.0), Decoding(1.0, 0.99), Decoding(1.0, 1.0, 4)):
            drawn = draw_tokens(logits, [decoding], torch.tensor([uniform], dtype=torch.float64))
            assert int(drawn.tokens[0]) in (1, 3)
