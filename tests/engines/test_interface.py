"""The contract of engines that run a model themselves, the same tests for each: transformers in both ways, and vLLM.

vLLM's run where it is installed. Chat servers promise less: `test_openai_engine.py`.
"""

import math
from collections.abc import Iterator

import pytest

from tests.requirements import package
from tests.tiny_model import make_tiny_model

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.engines.interface import Decoding, GenerationRequest, GenerationResponse  # noqa: E402  # after the skip
from coma_cli.engines.reasoning import ReasoningLimit  # noqa: E402
from coma_cli.errors import UsageError  # noqa: E402

CONTEXT = 128
PROMPTS = ["def add(a, b):\n", "for item in items:", "x", "Write a function that returns the sum of two numbers.\n" * 2]
ENGINES = ("continuous", "padded", "vllm")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("tiny"), context=CONTEXT, hidden=128)  # vLLM has heads of 32 up


@pytest.fixture(scope="module")
def tokenizer(folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def model(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


@pytest.fixture(scope="module", params=ENGINES)
def engine(request, folder, tokenizer) -> Iterator:
    if request.param == "vllm":
        package("vllm")
        from tests.engines.opened_vllm import opened

        with opened(folder, tokenizer, CONTEXT) as own:
            yield own
        return
    from transformers import AutoModelForCausalLM

    from coma_cli.engines.transformers_engine import TransformersEngine

    own = TransformersEngine(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), tokenizer, rows=8)
    if request.param == "padded":
        own.unsupported = "for this test"
    yield own


@pytest.fixture
def ask(tokenizer):
    def request(key, prompt=PROMPTS[0], *, seed=7, stop_ids=(), stop_texts=(), reasoning=None, **decoding):
        drawing = Decoding(**{"temperature": 0.8, "top_p": 0.95, "max_new_tokens": 12, **decoding})
        ids = tuple(tokenizer(prompt)["input_ids"])
        return GenerationRequest(
            key, drawing, seed, prompt_ids=ids, stop_ids=stop_ids, stop_texts=stop_texts, reasoning=reasoning
        )

    return request


def by_key(responses) -> dict[str, GenerationResponse]:
    return {response.key: response for response in responses}


def alone(engine, request) -> GenerationResponse:
    (response,) = engine.generate([request])
    return response


def test_every_request_is_answered_once(engine, ask):
    requests = [ask(str(i), PROMPTS[i // 3 % 4], seed=i, max_new_tokens=1 + i % 5) for i in range(23)]
    responses = list(engine.generate(iter(requests)))
    assert sorted(response.key for response in responses) == sorted(request.key for request in requests)
    for request in requests:
        response = by_key(responses)[request.key]
        assert response.finish_reason == "length" and response.stop_reason == ""
        assert response.completion_tokens == request.decoding.max_new_tokens
        assert response.prompt_tokens == len(request.prompt_ids)


def test_no_requests_give_no_responses(engine):
    assert list(engine.generate([])) == []


def test_requests_are_taken_as_there_is_room_and_answered_before_the_last_is_taken(engine, ask):
    taken = []

    def requests():
        for number in range(60):
            taken.append(number)
            yield ask(str(number), max_new_tokens=1 + number)

    responses = engine.generate(requests())
    next(responses)
    assert len(taken) <= 20
    responses.close()


def test_an_engine_that_was_stopped_in_the_middle_can_be_used_again(engine, ask):
    responses = engine.generate(ask(str(i), seed=i, max_new_tokens=40) for i in range(30))
    next(responses)
    responses.close()
    assert [response.key for response in engine.generate([ask("again")])] == ["again"]


def test_greedy_is_what_generate_gives(engine, model, tokenizer, ask):
    drawn = by_key(engine.generate([ask(p, p, temperature=0.0, max_new_tokens=20) for p in PROMPTS]))
    for prompt in PROMPTS:
        assert drawn[prompt].text == tokenizer.decode(greedy_ids(model, tokenizer, prompt, 20))


def test_the_same_seed_gives_the_same_text_whatever_the_neighbours(engine, ask):
    first = alone(engine, ask("a", seed=11))
    crowd = [ask(str(i), PROMPTS[i % 4], seed=i) for i in range(6)]
    for place in (0, 3, 6):
        beside = by_key(engine.generate([*crowd[:place], ask("a", seed=11), *crowd[place:]]))["a"]
        assert beside.text == first.text
        assert beside.log_probability == pytest.approx(first.log_probability, abs=1e-3)


def test_seeds_of_63_bits_differ_and_decide(engine, ask):
    seeds = [0, 1, 2, 2**62 + 5, 2**63 - 1]  # torch's generator on a CPU reads the last 32 bits only
    drawn = by_key(engine.generate([ask(str(seed), seed=seed) for seed in seeds]))
    assert len({response.text for response in drawn.values()}) == 5


def test_samples_follow_the_models_distribution(engine, model, tokenizer, ask):
    """Chi-square of the first token against temperature and top-k of the reference logits, 400 rows."""
    from scipy.stats import chisquare

    count, top_k, temperature = 400, 8, 0.7
    limits = {"temperature": temperature, "top_p": 1.0, "top_k": top_k, "max_new_tokens": 1}
    drawn = engine.generate([ask(str(i), seed=i * 7919 + 1, **limits) for i in range(count)])
    with torch.no_grad():
        logits = model(torch.tensor([tokenizer(PROMPTS[0])["input_ids"]])).logits[0, -1]
    values, ids = logits.topk(top_k)
    expected = (values / temperature).softmax(-1).double() * count
    names, seen = logits.log_softmax(-1)[ids].tolist(), [0] * top_k
    for response in drawn:  # the log-probability tells the token, also where its text is a piece of a character
        distances = [abs(response.log_probability - name) for name in names]
        assert min(distances) < 1e-3, "nothing outside the top-k"
        seen[distances.index(min(distances))] += 1
    assert chisquare(seen, expected * count / expected.sum()).pvalue > 1e-4


def test_a_stop_id_ends_a_row_and_is_not_in_its_text(engine, model, tokenizer, ask):
    ids = greedy_ids(model, tokenizer, PROMPTS[0], 10)
    stop, first = ids[4], ids.index(ids[4])
    ended = by_key(engine.generate([ask("a", temperature=0.0, stop_ids=(stop,)), ask("b", PROMPTS[3])]))["a"]
    assert (ended.finish_reason, ended.stop_reason) == ("eos", str(stop))
    assert ended.text == tokenizer.decode(ids[:first])
    assert ended.completion_tokens == first + 1


def test_without_stop_ids_the_models_own_end_token_does_not_end_a_row(engine, tokenizer, ask):
    """What ends an answer is decided by the request alone."""
    requests = [ask(str(i), seed=i, temperature=2.0, top_p=1.0, max_new_tokens=60) for i in range(40)]
    assert {response.completion_tokens for response in engine.generate(requests)} == {60}


def test_a_stop_text_ends_a_row_inside_a_token_too(engine, ask):
    free = alone(engine, ask("a", max_new_tokens=40))
    middle = free.text[7:9]
    ended = alone(engine, ask("a", max_new_tokens=40, stop_texts=("never there", middle)))
    assert (ended.finish_reason, ended.stop_reason) == ("stop", middle)
    assert ended.text == free.text[: free.text.index(middle)]
    assert ended.completion_tokens < free.completion_tokens


def test_the_log_probability_is_that_of_the_model_before_any_cut(engine, model, tokenizer, ask):
    request = ask("a", temperature=0.0, max_new_tokens=9, top_k=3)
    response = alone(engine, request)
    ids = greedy_ids(model, tokenizer, PROMPTS[0], 9)
    expected = reference(model, request.prompt_ids, ids)
    assert response.log_probability == pytest.approx(expected, abs=1e-3)
    assert engine.log_probability(request.prompt_ids, ids) == pytest.approx(expected, abs=1e-3)


def test_the_repetition_penalty_is_that_of_generate(engine, model, tokenizer, ask):
    found = alone(engine, ask("a", temperature=0.0, max_new_tokens=20, repetition_penalty=1.7))
    assert found.text == tokenizer.decode(greedy_ids(model, tokenizer, PROMPTS[0], 20, repetition_penalty=1.7))


def test_no_answer_ends_by_a_token_before_the_minimum(engine, model, tokenizer, ask):
    stop = greedy_ids(model, tokenizer, PROMPTS[0], 1)[0]
    limits = {"temperature": 0.0, "stop_ids": (stop,), "max_new_tokens": 20}
    assert alone(engine, ask("a", **limits)).completion_tokens == 1
    assert alone(engine, ask("a", **limits, min_new_tokens=6)).completion_tokens >= 6


def test_a_prompt_without_room_is_an_error_row_and_the_others_are_sampled(engine, ask):
    long = "x " * CONTEXT
    drawn = by_key(engine.generate([ask("long", long), ask("a"), ask("longer", long * 2)]))
    assert drawn["a"].finish_reason == "length"
    for key in ("long", "longer"):
        assert (drawn[key].finish_reason, drawn[key].text) == ("error", "")
        assert f"context of {CONTEXT}" in drawn[key].error


def test_a_completion_ends_where_the_context_does(engine, tokenizer):
    ids = tuple(tokenizer("x " * CONTEXT)["input_ids"])[: CONTEXT - 6]
    response = alone(engine, GenerationRequest("a", Decoding(0.8, 0.95, 0, 50), 1, prompt_ids=ids))
    assert (response.finish_reason, response.completion_tokens) == ("length", 6)


def test_an_empty_prompt_is_refused(engine):
    with pytest.raises(UsageError, match="no tokens"):
        list(engine.generate([GenerationRequest("a", Decoding(), 1)]))


def test_a_reasoning_part_has_a_limit_of_its_own(engine, ask):
    free = alone(engine, ask("a", max_new_tokens=60)).text
    closing = free[10:13]
    limit = ReasoningLimit(40, {"<think>": closing}, "<think>")
    found = alone(engine, ask("a", max_new_tokens=5, reasoning=limit))
    assert found.completion_tokens == found.reasoning_tokens + 5
    assert 0 < found.reasoning_tokens < 40
    cut = alone(engine, ask("a", max_new_tokens=5, reasoning=ReasoningLimit(9, {"<think>": "never there"}, "<think>")))
    assert (cut.completion_tokens, cut.reasoning_tokens, cut.finish_reason) == (9, 9, "length")


def greedy_ids(model, tokenizer, prompt, count, **options) -> list[int]:
    inputs = tokenizer(prompt, return_tensors="pt")
    output = model.generate(**inputs, do_sample=False, max_new_tokens=count, min_new_tokens=count, **options)
    return [int(token) for token in output[0, inputs["input_ids"].shape[1] :]]


def reference(model, prompt_ids, answer_ids) -> float:
    """The log-probability of an answer from the model's own logits."""
    with torch.no_grad():
        logs = model(torch.tensor([[*prompt_ids, *answer_ids]])).logits.log_softmax(-1)[0, len(prompt_ids) - 1 : -1]
    total = float(logs.gather(-1, torch.tensor([list(answer_ids)]).T).sum())
    assert math.isfinite(total)
    return total
