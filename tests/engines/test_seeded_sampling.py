"""Draws follow the distribution that the settings leave, and a row's draw is its own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.requirements import package

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.engines import seeded_sampling  # noqa: E402  # after the skip
from coma_cli.engines.interface import Decoding  # noqa: E402
from coma_cli.engines.seeded_sampling import draw_tokens, most_likely, summary_of  # noqa: E402

LOGITS = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0, -3.0])


def frequencies(decoding: Decoding, draws: int = 40_000) -> torch.Tensor:
    uniforms = (torch.arange(draws, dtype=torch.float64) + 0.5) / draws  # every part of [0, 1) once
    tokens = draw_tokens(LOGITS.repeat(draws, 1), [decoding] * draws, uniforms).tokens
    return torch.bincount(tokens, minlength=len(LOGITS)).double() / draws


def expected(decoding: Decoding, logits: torch.Tensor = LOGITS[None]) -> torch.Tensor:
    """The cuts by transformers' own processors."""
    from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    cuts = LogitsProcessorList([TemperatureLogitsWarper(decoding.temperature)])
    if decoding.top_k:
        cuts.append(TopKLogitsWarper(decoding.top_k))
    if decoding.top_p < 1:
        cuts.append(TopPLogitsWarper(decoding.top_p))
    return cuts(None, logits).softmax(-1)[0].double()


@pytest.mark.parametrize("temperature", [0.2, 0.8, 1.5])
@pytest.mark.parametrize("top_p", [1.0, 0.95, 0.7, 0.3, 1e-6])
@pytest.mark.parametrize("top_k", [0, 1, 3, 100])
def test_draws_have_the_distribution_that_transformers_cuts_give(temperature, top_p, top_k):
    decoding = Decoding(temperature, top_p, top_k)
    assert frequencies(decoding) == pytest.approx(expected(decoding).numpy(), abs=1e-4)


def test_temperature_zero_takes_the_most_likely():
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


def test_tokens_that_tie_with_the_kth_are_kept_as_transformers_keeps_them():
    tied = torch.full((1, 5000), -4.0)
    tied[0, [4000, 17, 33, 2500]] = torch.tensor([3.0, 1.0, 1.0, 1.0])
    count = 4000
    uniforms = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    drawn = draw_tokens(tied.expand(count, -1), [Decoding(1.0, 1.0, 2)] * count, uniforms).tokens
    assert sorted(set(drawn.tolist())) == [17, 33, 2500, 4000], "the second and everything equal to it"
    assert drawn[-1] == 2500, "by value, then by id"


def test_more_ties_than_candidates_are_all_kept():
    flat = torch.zeros(1, 3000)
    flat[0, 7] = 1.0
    last = torch.tensor([1 - 1e-9], dtype=torch.float64)
    for decoding in (Decoding(1.0, 1.0, 2), Decoding(1.0, 0.9999, 2)):
        assert int(draw_tokens(flat, [decoding], last).tokens[0]) >= 2998
    assert int(draw_tokens(torch.zeros(1, 3000), [Decoding(0.0)], last).tokens[0]) == 0
    assert int(draw_tokens(torch.zeros(1, 3000), [Decoding(1.0, 0.5)], last).tokens[0]) in (1499, 1500)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 20, 21, 128])
def test_ties_give_the_same_tokens_every_time(rows):
    torch.manual_seed(3)
    logits = (torch.randn(rows, 2000) * 4).round()  # integers: nearly everything ties
    uniforms = torch.rand(rows, dtype=torch.float64)
    for decoding in (Decoding(0.0), Decoding(0.8, 0.95, 40), Decoding(0.8, 0.95)):
        first = draw_tokens(logits, [decoding] * rows, uniforms).tokens
        ordered = [sorted(range(2000), key=lambda i, row=row: (-float(logits[row, i]), i)) for row in range(rows)]
        assert torch.equal(first, draw_tokens(logits, [decoding] * rows, uniforms).tokens)
        if decoding.temperature == 0:
            assert first.tolist() == [order[0] for order in ordered]


@pytest.mark.parametrize("vocabulary", [1, 5, 300, 5000, 50257])
@pytest.mark.parametrize("count", [1, 17, 272])
def test_the_most_likely_are_those_of_a_whole_sort(vocabulary, count):
    torch.manual_seed(4)
    logits = torch.randn(3, vocabulary)
    values, ids = most_likely(logits, min(count, vocabulary), summary_of(logits).maxima)
    expected = logits.sort(dim=-1, descending=True, stable=True)
    assert torch.equal(values, expected.values[:, :count])
    assert torch.equal(ids, expected.indices[:, :count])


@pytest.mark.parametrize("vocabulary", [1, 31, 33, 50257, 300_000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_totals_and_maxima_are_those_of_whole_rows_in_float32(vocabulary, dtype):
    torch.manual_seed(6)
    logits = (torch.randn(7, vocabulary) * 5).to(dtype)
    for temperature in (1.0, 0.3):
        whole = logits.float() / temperature
        summary = summary_of(logits, temperature)
        torch.testing.assert_close(summary.total, whole.logsumexp(-1))
        groups = summary.maxima.shape[-1]
        assert torch.equal(summary.maxima, torch.stack([whole[:, g::groups].amax(-1) for g in range(groups)], -1))


@pytest.mark.parametrize("decoding", [Decoding(0.1, 0.75, 40), Decoding(0.8, 0.95), Decoding(1.3, 1.0, 50)])
def test_random_numbers_draw_the_distribution_of_transformers_processors(decoding):
    """Chi-square against what `generate` would sample from, on logits as peaked as a language model's."""
    from scipy.stats import chisquare

    torch.manual_seed(5)
    logits, count = torch.randn(1, 400) * 3, 20_000
    uniforms = torch.rand(count, dtype=torch.float64)
    drawn = draw_tokens(logits.expand(count, -1), [decoding] * count, uniforms).tokens
    observed = torch.bincount(drawn, minlength=400).double()
    probabilities = expected(decoding, logits)
    often = probabilities * count >= 5
    assert observed[probabilities == 0].sum() == 0
    rest = (observed[~often].sum(), probabilities[~often].sum() * count)
    seen, due = [*observed[often].tolist()], [*(probabilities[often] * count).tolist()]
    if rest[1] > 0:
        seen, due = [*seen, float(rest[0])], [*due, float(rest[1])]
    scale = sum(seen) / sum(due)
    assert len(seen) == 1 or chisquare(seen, [value * scale for value in due]).pvalue > 1e-4


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
