"""A row has the same bits in any company with --deterministic, and nearly always the same tokens without it."""

import random
import sys

import pytest

from tests.requirements import package
from tests.tiny_model import make_tiny_model

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.engines import continuous  # noqa: E402  # after the skip
from coma_cli.engines.interface import Decoding, GenerationRequest  # noqa: E402
from coma_cli.engines.transformers_engine import TransformersEngine  # noqa: E402

SETTINGS = [Decoding(0.8, 0.95, 0, 14), Decoding(0.1, 0.75, 40, 9), Decoding(0.0, max_new_tokens=11)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("tiny"), context=400)


@pytest.fixture(scope="module")
def tokenizer(folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def model(folder, request):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, request.param))


def many_requests(count: int = 40) -> list[GenerationRequest]:
    """Prompts of 3 to 200 tokens, four rows of each, in three settings."""
    chance = random.Random(5)
    prompts = [
        tuple(chance.randrange(5, 300) for _ in range(length)) for length in (3, 200, 64, 65, 17, 130, 2, 99, 63)
    ]
    return [
        GenerationRequest(str(i), SETTINGS[i % 3], 1000 + i, prompt_ids=prompts[i // 4 % len(prompts)])
        for i in range(count)
    ]


def sampled(model, tokenizer, requests, rows, *, deterministic):
    engine = TransformersEngine(model, tokenizer, rows=rows, deterministic=deterministic)
    assert engine.unsupported is None
    return {r.key: (r.text, r.log_probability, r.completion_tokens) for r in engine.generate(requests)}


def test_deterministic_rows_have_the_same_bits_in_any_company(model, tokenizer):
    requests = many_requests()
    whole = sampled(model, tokenizer, requests, 64, deterministic=True)
    shuffled = random.Random(1).sample(requests, len(requests))
    assert sampled(model, tokenizer, shuffled, 7, deterministic=True) == whole
    for few in (requests[:1], requests[29:31], shuffled[:11]):
        alone = sampled(model, tokenizer, few, 1, deterministic=True)
        assert alone == {key: whole[key] for key in alone}


def test_the_share_of_equal_rows_without_it(model, tokenizer, capsys):
    requests = many_requests()
    one, other = (sampled(model, tokenizer, requests, rows, deterministic=False) for rows in (64, 7))
    equal = sum(one[key][0] == other[key][0] for key in one)
    with capsys.disabled():
        what = f"{equal} of {len(one)} completions equal at 64 and 7 rows without --deterministic"
        sys.stdout.write(f"\n{model.dtype}: {what}\n")
    assert equal >= 0.5 * len(one)


def test_rows_do_not_differ_from_those_of_padded_batches(folder, tokenizer):
    """The prefix shared by rows, moved rows and reused slots change nothing but last bits."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    requests = many_requests()
    shared = sampled(model, tokenizer, requests, 6, deterministic=False)
    exact = sampled(model, tokenizer, requests, 6, deterministic=True)
    plain = TransformersEngine(model, tokenizer, rows=6)
    plain.unsupported = "to compare with"
    for response in plain.generate(requests):
        for way in (shared, exact):
            assert way[response.key][0] == response.text
            assert way[response.key][1] == pytest.approx(response.log_probability, abs=1e-3)


def test_a_row_of_nan_does_not_spoil_the_next_row_in_its_slot(folder, tokenizer, monkeypatch):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    bad = 299
    requests = many_requests(12)
    good = sampled(model, tokenizer, requests, 2, deterministic=False)
    with torch.no_grad():
        model.get_input_embeddings().weight[bad] = float("nan")
    real = continuous.draw_processed
    forced = GenerationRequest("bad", Decoding(0.0, max_new_tokens=5), 1, prompt_ids=(7, 8, 9))

    def draw(logits, requests, drawn_so_far, uniforms):
        drawn = real(logits.nan_to_num(-1e4) if len(steps) < 1 else logits, requests, drawn_so_far, uniforms)
        if not steps:
            steps.append(1)
            drawn.tokens[0] = bad
        return drawn

    steps: list[int] = []
    monkeypatch.setattr(continuous, "draw_processed", draw)
    with torch.no_grad():
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.nan_to_num(0.0))
    engine = TransformersEngine(model, tokenizer, rows=2)
    engine.unsupported = None
    responses = {r.key: r for r in engine.generate([forced, *requests])}
    assert responses["bad"].finish_reason == "error"
    assert all(responses[key].finish_reason != "error" for key in good)
