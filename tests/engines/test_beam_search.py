"""Beam search: the answers of transformers' `generate`, each request by itself, with seeds, stops and limits."""

import pytest

from tests.requirements import package

package("torch", "train")
import torch  # noqa: E402

from coma_cli.engines.beam_search import BeamEngine  # noqa: E402
from coma_cli.engines.interface import Decoding, GenerationRequest  # noqa: E402
from coma_cli.errors import UsageError  # noqa: E402
from tests.tiny_model import make_tiny_model  # noqa: E402


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = make_tiny_model(tmp_path_factory.mktemp("tiny") / "model", layers=1, context=64)
    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def ask(parts, decoding: Decoding, *, key="a", seed=1, prompt=(5, 6, 7, 8), **changes):
    model, tokenizer = parts
    request = GenerationRequest(key, decoding, seed, prompt_ids=prompt, stop_ids=(2,), **changes)
    return next(iter(BeamEngine(model, tokenizer).generate([request])))


def test_the_best_beam_is_that_of_generate(parts):
    model, tokenizer = parts
    expected = model.generate(
        input_ids=torch.tensor([[5, 6, 7, 8]]), num_beams=4, do_sample=False, max_new_tokens=12, eos_token_id=[2],
        pad_token_id=2,
    )[0, 4:].tolist()  # fmt: skip
    answer = ask(parts, Decoding(0.0, max_new_tokens=12, num_beams=4))
    ended = 2 in expected
    assert answer.finish_reason == ("eos" if ended else "length")
    assert answer.text == tokenizer.decode(expected[: expected.index(2)] if ended else expected)
    assert answer.completion_tokens == (expected.index(2) + 1 if ended else 12)


def test_sampling_within_beams_depends_on_the_seed_alone(parts):
    decoding = Decoding(2.0, max_new_tokens=12, num_beams=2)
    texts = [ask(parts, decoding, seed=seed).text for seed in (1, 2, 3, 1)]
    assert texts[0] == texts[3] and len(set(texts)) > 1


def test_stop_texts_cut_and_long_prompts_are_answered_with_the_reason(parts):
    decoding = Decoding(0.0, max_new_tokens=12, num_beams=2)
    whole = ask(parts, decoding).text
    stop = whole[3:5]
    cut = ask(parts, decoding, stop_texts=(stop,))
    assert (cut.text, cut.finish_reason) == (whole[: whole.find(stop)], "stop")
    long = ask(parts, decoding, prompt=tuple([5] * 64))
    assert long.finish_reason == "error" and "leave no room" in long.error
    with pytest.raises(UsageError, match="has no tokens"):
        ask(parts, decoding, prompt=())
