"""The repetition penalty and the minimum length against transformers' own processors, row by row."""

import pytest

from tests.requirements import package

package("torch", "train")
import torch  # noqa: E402

from coma_cli.engines.interface import Decoding, GenerationRequest  # noqa: E402
from coma_cli.engines.logits_processing import draw_processed  # noqa: E402
from coma_cli.engines.seeded_sampling import draw_tokens  # noqa: E402

ROWS, VOCABULARY = 4, 30


@pytest.fixture
def logits():
    return torch.randn(ROWS, VOCABULARY, generator=torch.Generator().manual_seed(3))


def request(decoding: Decoding, prompt=(1, 2, 3)) -> GenerationRequest:
    return GenerationRequest("r", decoding, 0, prompt_ids=prompt, stop_ids=(7, 8))


def test_without_either_nothing_changes(logits):
    uniforms = torch.full((ROWS,), 0.4, dtype=torch.float64)
    decoding = Decoding(0.8, 0.9, 0, 10)
    plain = draw_tokens(logits, [decoding] * ROWS, uniforms)
    drawn = draw_processed(logits, [request(decoding)] * ROWS, [[]] * ROWS, uniforms)
    assert torch.equal(plain.tokens, drawn.tokens)
    assert torch.equal(plain.log_probabilities, drawn.log_probabilities)


def test_the_penalty_and_the_minimum_are_those_of_transformers(logits):
    from transformers import MinNewTokensLengthLogitsProcessor, RepetitionPenaltyLogitsProcessor

    prompt, drawn = (1, 2, 3, 3), [4, 5, 1]
    ids = torch.tensor([[*prompt, *drawn]] * ROWS)
    expected = RepetitionPenaltyLogitsProcessor(3.0)(ids, logits.clone())
    expected = MinNewTokensLengthLogitsProcessor(len(prompt), 5, [7, 8])(ids, expected)
    decoding = Decoding(0.0, repetition_penalty=3.0, min_new_tokens=5)
    requests = [request(decoding, prompt)] * ROWS
    result = draw_processed(logits, requests, [drawn] * ROWS, torch.zeros(ROWS, dtype=torch.float64))
    assert torch.equal(result.tokens, expected.argmax(-1))
    of_model = logits.log_softmax(-1).gather(-1, result.tokens[:, None])[:, 0]
    assert torch.allclose(result.log_probabilities.float(), of_model, atol=1e-6)


def test_no_row_ends_before_the_minimum():
    logits = torch.zeros(2, VOCABULARY)
    logits[:, 7] = 50.0
    requests = [request(Decoding(0.0, min_new_tokens=2))] * 2
    result = draw_processed(logits, requests, [[5], [5, 5]], torch.zeros(2, dtype=torch.float64))
    assert result.tokens[0] not in (7, 8) and result.tokens[1] == 7


def test_a_row_is_the_same_whatever_its_neighbours_request(logits):
    uniforms = torch.tensor([0.1, 0.5, 0.7, 0.9], dtype=torch.float64)
    decodings = [Decoding(0.8, repetition_penalty=p) for p in (1.0, 1.5, 1.0, 2.0)]
    together = draw_processed(logits, [request(d) for d in decodings], [[1, 4]] * ROWS, uniforms).tokens
    for row, decoding in enumerate(decodings):
        alone = draw_processed(logits[row : row + 1], [request(decoding)], [[1, 4]], uniforms[row : row + 1])
        assert alone.tokens[0] == together[row]
