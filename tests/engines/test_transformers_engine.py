"""The transformers engine on a tiny random model: draws, batches, stops, limits, and equality with `generate`."""

import copy
import math
import sys
from functools import partial

import pytest

from tests.requirements import package
from tests.tiny_model import make_tiny_model

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.engines.decoding import decode_batch  # noqa: E402
from coma_cli.engines.interface import Decoding, GenerationRequest  # noqa: E402  # after the skip
from coma_cli.engines.transformers_engine import TransformersEngine  # noqa: E402
from coma_cli.errors import CliError, UsageError  # noqa: E402
from coma_cli.prompting import decode_answer  # noqa: E402

PROMPTS = ["def add(a, b):\n", "for item in items:", "x", "Write a function that returns the sum of two numbers.\n" * 3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("tiny"), context=256)


@pytest.fixture(scope="module")
def tokenizer(folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def model(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


@pytest.fixture(scope="module")
def engine(model, tokenizer):
    return TransformersEngine(model, tokenizer)


@pytest.fixture
def ask(tokenizer):
    def request(key, prompt=PROMPTS[0], *, seed=7, stop_ids=(), stop_texts=(), **decoding):
        drawing = Decoding(**{"temperature": 0.8, "top_p": 0.95, "max_new_tokens": 12, **decoding})
        ids = tuple(tokenizer(prompt)["input_ids"])
        return GenerationRequest(key, drawing, seed, prompt_ids=ids, stop_ids=stop_ids, stop_texts=stop_texts)

    return request


def by_key(responses):
    return {response.key: response for response in responses}


def test_greedy_is_what_generate_gives(engine, model, tokenizer, ask):
    requests = [ask(p, p, temperature=0.0, max_new_tokens=20) for p in PROMPTS]
    drawn = by_key(engine.generate(requests))
    for prompt in PROMPTS:
        inputs = tokenizer(prompt, return_tensors="pt")
        output = model.generate(**inputs, do_sample=False, max_new_tokens=20, min_new_tokens=20)
        assert drawn[prompt].text == tokenizer.decode(output[0, inputs["input_ids"].shape[1] :])


def test_greedy_does_not_depend_on_seed_or_neighbours(engine, ask):
    alone = by_key(engine.generate([ask("a", seed=1, temperature=0.0)]))["a"]
    beside = by_key(engine.generate([ask("b", PROMPTS[3]), ask("a", seed=2, temperature=0.0), ask("c", "x")]))["a"]
    assert beside.text == alone.text
    assert beside.log_probability == pytest.approx(alone.log_probability, abs=1e-4)


def test_a_rows_draws_do_not_depend_on_its_neighbours(engine, ask):
    alone = by_key(engine.generate([ask("a", seed=11)]))["a"]
    crowd = [ask(str(i), PROMPTS[i % 4], seed=i) for i in range(6)]
    for place in (0, 3, 6):
        beside = by_key(engine.generate([*crowd[:place], ask("a", seed=11), *crowd[place:]]))["a"]
        assert beside.text == alone.text


def test_the_same_batch_gives_the_same_bits(engine, ask):
    requests = [ask(str(i), PROMPTS[i % 4], seed=i, stop_texts=("\n",), max_new_tokens=30) for i in range(9)]
    first, second = (list(engine.generate(requests)) for _ in range(2))
    assert first == second


def test_seeds_differ_and_decide(engine, ask):
    drawn = by_key(engine.generate([ask(str(s), seed=s) for s in range(5)]))
    assert len({response.text for response in drawn.values()}) == 5


def test_several_temperatures_share_a_batch(engine, ask):
    greedy, warm = ask("g", temperature=0.0), ask("w", temperature=1.5, seed=3)
    together = by_key(engine.generate([greedy, warm]))
    assert together["g"].text == next(iter(engine.generate([greedy]))).text
    assert together["w"].text == next(iter(engine.generate([warm]))).text


def test_every_request_is_answered_when_there_are_more_than_rows(model, tokenizer, ask):
    requests = [ask(str(i), PROMPTS[i // 3 % 4], seed=i, max_new_tokens=1 + i % 5) for i in range(23)]
    for deterministic in (False, True):
        few = TransformersEngine(model, tokenizer, rows=5, deterministic=deterministic)
        responses = list(few.generate(iter(requests)))
        assert sorted(r.key for r in responses) == sorted(r.key for r in requests)
        assert all(r.completion_tokens == 1 + int(r.key) % 5 for r in responses)


def test_requests_are_taken_only_when_there_is_room(model, tokenizer, ask):
    taken = []

    def requests():
        for i in range(40):
            taken.append(i)
            yield ask(str(i), max_new_tokens=1 + i)

    responses = TransformersEngine(model, tokenizer, rows=4).generate(requests())
    next(responses)
    assert len(taken) <= 5


def test_a_stop_id_ends_a_row_and_is_not_in_its_text(engine, model, tokenizer, ask):
    free = by_key(engine.generate([ask("a", temperature=0.0, max_new_tokens=10)]))["a"]
    inputs = tokenizer(PROMPTS[0], return_tensors="pt")
    ids = model.generate(**inputs, do_sample=False, max_new_tokens=10, min_new_tokens=10)[0, -10:].tolist()
    stop = ids[4]
    first = ids.index(stop)
    ended = by_key(engine.generate([ask("a", temperature=0.0, stop_ids=(stop,)), ask("b", PROMPTS[3])]))["a"]
    assert free.finish_reason == "length"
    assert free.completion_tokens == 10
    assert ended.finish_reason == "eos"
    assert ended.text == tokenizer.decode(ids[:first])
    assert ended.completion_tokens == first + 1
    assert ended.prompt_tokens == inputs["input_ids"].shape[1]


def test_a_stop_text_ends_a_row_inside_a_token_too(engine, ask):
    free = by_key(engine.generate([ask("a", max_new_tokens=40)]))["a"]
    middle = free.text[7:9]
    ended = by_key(engine.generate([ask("a", max_new_tokens=40, stop_texts=("never there", middle))]))["a"]
    assert ended.finish_reason == "stop"
    assert ended.text == free.text[: free.text.index(middle)]
    assert ended.completion_tokens < free.completion_tokens


def test_the_log_probability_is_the_sum_over_the_tokens_drawn(engine, model, tokenizer, ask):
    request = ask("a", max_new_tokens=9)
    response = next(iter(engine.generate([request])))
    row = next(iter(decode_batch(model, [request], 256, partial(decode_answer, tokenizer))))
    with torch.no_grad():
        answer = torch.tensor([row.drawn])
        whole = torch.cat([torch.tensor([request.prompt_ids]), answer], dim=1)
        logs = model(whole).logits.log_softmax(-1)[0, len(request.prompt_ids) - 1 : -1]
    assert response.log_probability == pytest.approx(float(logs.gather(-1, answer.T).sum()), abs=1e-3)


def test_a_prompt_without_room_is_an_error_row_and_the_others_go_on(engine, ask, tokenizer):
    long = "x " * 300
    drawn = by_key(engine.generate([ask("long", long), ask("a"), ask("longer", long * 2)]))
    assert drawn["a"].finish_reason == "length"
    for key in ("long", "longer"):
        assert (drawn[key].finish_reason, drawn[key].text) == ("error", "")
        assert "context of 256" in drawn[key].error


def test_a_completion_ends_where_the_context_does(engine, tokenizer):
    ids = tuple(tokenizer("x " * 300)["input_ids"])[:250]
    request = GenerationRequest("a", Decoding(0.8, 0.95, 0, 50), 1, prompt_ids=ids)
    response = next(iter(engine.generate([request])))
    assert (response.finish_reason, response.completion_tokens) == ("length", 6)


def test_rows_that_ended_leave_and_the_others_are_not_disturbed(engine, ask):
    lengths = [1, 30, 2, 25, 3, 1, 1, 1, 1, 1]
    requests = [ask(str(i), PROMPTS[i % 4], seed=i, max_new_tokens=n) for i, n in enumerate(lengths)]
    together = by_key(engine.generate(requests))
    for request in requests:
        alone = next(iter(engine.generate([request])))
        assert together[request.key].text == alone.text
        assert together[request.key].completion_tokens == request.decoding.max_new_tokens


def test_text_of_many_bytes_survives_the_border_of_the_prompt(engine, model, tokenizer, ask):
    drawn = by_key(engine.generate([ask("a", "déf é", temperature=2.0, top_p=1.0, max_new_tokens=30)]))["a"]
    assert not drawn.text.startswith("d")
    assert drawn.completion_tokens == 30


def test_probabilities_that_are_no_numbers_are_error_rows(folder, tokenizer, ask):
    from transformers import AutoModelForCausalLM

    broken = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        broken.model.norm.weight.fill_(math.nan)
    drawn = list(TransformersEngine(broken, tokenizer).generate([ask("a"), ask("b", temperature=0.0)]))
    assert {response.finish_reason for response in drawn} == {"error"}
    assert all("not numbers" in response.error and response.log_probability is None for response in drawn)


def test_an_empty_prompt_is_refused(engine):
    with pytest.raises(UsageError, match="no tokens"):
        list(engine.generate([GenerationRequest("a", Decoding(), 1)]))


@pytest.mark.slow
def test_memory_that_does_not_suffice_halves_the_rows(folder):
    """Real failure of the allocator: the process may use little more memory than it has."""
    import subprocess

    script = f"""
import resource
from transformers import AutoModelForCausalLM, AutoTokenizer
from coma_cli.engines.interface import Decoding, GenerationRequest
from coma_cli.engines.transformers_engine import TransformersEngine
folder = {str(folder)!r}
model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
list(TransformersEngine(model, tokenizer).generate([GenerationRequest("a", Decoding(), 1, prompt_ids=(5,))]))
ids = tuple(range(3, 203))
many = [GenerationRequest(str(i), Decoding(max_new_tokens=9), i, prompt_ids=(*ids, i % 300)) for i in range(400)]
engine = TransformersEngine(model, tokenizer, rows=400, on_fewer_rows=print)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)
print(len(list(engine.generate(many))), "answered,", engine.rows)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "400 answered" in done.stdout, done.stderr
    assert int(done.stdout.split()[0]) < 400, "halved at least once"


def test_other_failures_are_not_taken_for_memory(model, tokenizer, ask):
    broken = copy.deepcopy(model)
    broken.lm_head = torch.nn.Linear(1, 1)
    with pytest.raises(Exception) as caught:  # noqa: PT011  # whatever it is, it is no error of ours
        list(TransformersEngine(broken, tokenizer).generate([ask("a")]))
    assert not isinstance(caught.value, CliError)


@pytest.mark.parametrize("kind", ["gpt2", "mistral", "qwen2", "gemma2"])
def test_other_architectures_pad_and_cache_as_well(kind, tokenizer):
    """Learned positions, sliding windows, soft caps: a padded batch gives what each prompt gives alone."""
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {
        "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 128},
        "mistral": {"sliding_window": 16},
        "qwen2": {},
        "gemma2": {"sliding_window": 16, "head_dim": 16, "query_pre_attn_scalar": 16},
    }[kind]
    common = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    common |= {"num_key_value_heads": 1, "max_position_embeddings": 128}
    shape = sizes if kind == "gpt2" else {**common, **sizes}
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, vocab_size=len(tokenizer), **shape)
    own = TransformersEngine(AutoModelForCausalLM.from_config(config), tokenizer)
    requests = [
        GenerationRequest(
            str(i), Decoding(0.7, 0.95, 0, 24), i, prompt_ids=tuple(tokenizer(PROMPTS[i])["input_ids"])[:90]
        )
        for i in range(4)
    ]
    together = by_key(own.generate([*requests, GenerationRequest("twin", *_parts(requests[1]))]))
    for request in requests:
        alone = next(iter(own.generate([request])))
        assert together[request.key].text == alone.text
    assert together["twin"].text == together["1"].text


@pytest.mark.model
@pytest.mark.xdist_group("warm_coma")
@pytest.mark.parametrize("count", [pytest.param(12, marks=pytest.mark.slow), pytest.param(50, marks=pytest.mark.soak)])
def test_the_real_model_draws_greedily_what_generate_draws(capsys, count):
    """SmolLM2, many HumanEval prompts at once; where they differ, the two best tokens were within 1e-4."""
    from coma_cli.catalog.benchmarks import BENCHMARKS
    from coma_cli.models.loading import load_model, load_tokenizer
    from coma_cli.models.resolution import resolve_base
    from tests.requirements import smollm2

    smollm2()
    base = resolve_base("smollm2-135m")
    plain, own = (load_model(base, "float32", "cpu") for _ in range(2))
    tokenizer = load_tokenizer(base)
    prompts = [problem.prompt for problem in BENCHMARKS["humaneval"].load().problems[:count]]
    decoding = Decoding(0.0, max_new_tokens=16)
    requests = [
        GenerationRequest(prompt, decoding, 0, prompt_ids=tuple(tokenizer(prompt)["input_ids"])) for prompt in prompts
    ]
    drawn = by_key(TransformersEngine(own, tokenizer, rows=64).generate(requests))
    for prompt in prompts:
        inputs = tokenizer(prompt, return_tensors="pt")
        output = plain.generate(
            **inputs, do_sample=False, max_new_tokens=16, min_new_tokens=16, output_logits=True,
            return_dict_in_generate=True,
        )  # fmt: skip
        text = tokenizer.decode(output.sequences[0, inputs["input_ids"].shape[1] :])
        if drawn[prompt].text != text:
            gaps = [float(-logits[0].topk(2).values.diff()) for logits in output.logits]
            with capsys.disabled():
                sys.stdout.write(f"\nnot what generate gives, smallest gap {min(gaps):.1e}: {prompt[:60]!r}\n")
            assert min(gaps) <= 1e-4


def _parts(request):
    return request.decoding, request.seed, "", "", request.prompt_ids
