"""Log-probabilities of given texts on a tiny random model, held against one forward pass per token."""

import math

import pytest

from tests.requirements import package
from tests.tiny_model import make_tiny_model

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.engines.interface import Decoding, GenerationRequest  # noqa: E402  # after the skip
from coma_cli.engines.log_probabilities import log_probability  # noqa: E402
from coma_cli.engines.transformers_engine import TransformersEngine  # noqa: E402

PROMPT, CONTINUATION = (40, 41, 42, 43), (50, 60, 2)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from transformers import AutoModelForCausalLM

    folder = make_tiny_model(tmp_path_factory.mktemp("tiny"))
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def one_by_one(model) -> float:
    total, ids = 0.0, list(PROMPT)
    for token in CONTINUATION:
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1]
        total += float(logits.log_softmax(-1)[token])
        ids.append(token)
    return total


def test_it_is_the_sum_over_tokens(model):
    assert log_probability(model, PROMPT, CONTINUATION) == pytest.approx(one_by_one(model), abs=1e-4)


def test_nothing_is_certain_and_a_prompt_is_needed(model):
    assert log_probability(model, PROMPT, ()) == 0
    with pytest.raises(ValueError, match="prompt"):
        log_probability(model, (), CONTINUATION)


def test_probabilities_of_all_next_tokens_sum_to_1(model):
    size = model.config.vocab_size
    total = sum(math.exp(log_probability(model, PROMPT, (token,))) for token in range(size))
    assert total == pytest.approx(1, abs=1e-4)


def test_a_models_own_greedy_answer_has_the_log_probability_that_it_was_drawn_with(model, tmp_path):
    from transformers import AutoTokenizer

    folder = make_tiny_model(tmp_path / "model")
    engine = TransformersEngine(model, AutoTokenizer.from_pretrained(folder))
    request = GenerationRequest("a", Decoding(temperature=1.0, max_new_tokens=1), seed=3, prompt_ids=PROMPT)
    (response,) = engine.generate([request])
    found = {engine.log_probability(PROMPT, (token,)) for token in range(model.config.vocab_size)}
    assert min(abs(value - response.log_probability) for value in found) < 1e-4
