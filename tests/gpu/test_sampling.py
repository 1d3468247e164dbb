"""Checks 2 to 6: what is sampled on a GPU, how fast, and in how much memory. See `checking`."""

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from tests.gpu.checking import REQUESTS, freed, left_out, seconds, show
from tests.requirements import package

package("torch", "train")
torch = pytest.importorskip("torch")

from coma_cli.engines.growing_cache import growing_cache  # noqa: E402  # after the skip
from coma_cli.engines.interface import Decoding, GenerationRequest  # noqa: E402  # after the skip
from coma_cli.engines.row_attention import ATTENTION  # noqa: E402
from coma_cli.engines.seeded_sampling import draw_tokens  # noqa: E402
from coma_cli.engines.transformers_engine import TransformersEngine  # noqa: E402

DRAWN = Decoding(0.8, 0.95, 40)
NEAR = 1e-4  # logits that another order of sums may swap


def prompts_of(tokenizer: Any, count: int) -> list[tuple[int, ...]]:
    """Prompts in the chat form, of different lengths."""
    texts = [f"{REQUESTS[n % len(REQUESTS)]}{' Give an example.' * (n // len(REQUESTS))}" for n in range(count)]
    return [
        tuple(tokenizer(f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n")["input_ids"]) for text in texts
    ]


def requests_of(
    prompts: Sequence[tuple[int, ...]], rows: int, tokens: int, decoding: Decoding = DRAWN, **options: Any
) -> list[GenerationRequest]:
    """That many rows, spread over the prompts; rows of a prompt follow one another."""
    drawn = Decoding(decoding.temperature, decoding.top_p, decoding.top_k, tokens)
    places = sorted(n % len(prompts) for n in range(rows))
    return [GenerationRequest(f"{n}", drawn, n, prompt_ids=prompts[p], **options) for n, p in enumerate(places)]


def texts_of(engine: TransformersEngine, requests: Sequence[GenerationRequest]) -> dict[str, str]:
    return {response.key: response.text for response in engine.generate(requests)}


def test_2_greedy_is_that_of_generate_and_logits_are_those_of_the_cpu(loaded, device, extent):
    model, tokenizer = loaded("float32")
    prompts = prompts_of(tokenizer, extent.prompts)
    stop = tokenizer.eos_token_id
    expected = {n: greedy_by_generate(model, prompt, extent.tokens, stop) for n, prompt in enumerate(prompts)}
    plain, _ = loaded("float32")
    engine = TransformersEngine(plain, tokenizer, rows=extent.prompts)
    requests = requests_of(prompts, len(prompts), extent.tokens, Decoding(), stop_ids=(stop,))
    found = texts_of(engine, requests)
    near = 0
    for n, ids in expected.items():
        text = tokenizer.decode([token for token in ids if token != stop])
        if found[str(n)] != text:
            near += 1
            gap = gap_where_they_part(model, tokenizer, prompts[n], ids, found[str(n)])
            show(2, prompt=n, gap_of_the_top_two_where_it_parts=gap)
            assert gap < NEAR
    apart = 0.0
    if device == "cpu":
        left_out(2, "logits of the CPU beside those of the GPU")
    else:
        other, _ = loaded("float32", "cpu")
        with torch.inference_mode():
            pairs = [(model, other, torch.tensor([prompt])) for prompt in prompts]
            apart = max(float((a(i.to(device)).logits.cpu() - b(i).logits).abs().max()) for a, b, i in pairs)
    show(2, prompts=len(prompts), equal=len(prompts) - near, near_ties=near, largest_gap_to_the_cpu=apart)
    assert apart < 1e-3


def greedy_by_generate(model: Any, prompt: Sequence[int], tokens: int, stop: int) -> list[int]:
    ids = torch.tensor([prompt], device=model.device)
    made = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=tokens, eos_token_id=stop,
        pad_token_id=stop, temperature=None, top_p=None, top_k=None,
    )  # fmt: skip
    return made[0, len(prompt) :].tolist()  # type: ignore[no-any-return]


def gap_where_they_part(model: Any, tokenizer: Any, prompt: Sequence[int], ids: Sequence[int], other: str) -> float:
    """How far apart the two best logits are at the first token after which the texts differ."""
    count = next((n for n in range(len(ids)) if not other.startswith(tokenizer.decode(ids[: n + 1]))), len(ids) - 1)
    with torch.inference_mode():
        logits = model(torch.tensor([[*prompt, *ids[:count]]], device=model.device)).logits[0, -1].float()
    first, second = logits.topk(2).values.tolist()
    return float(first - second)


@pytest.mark.parametrize("rows", [1, 20, 21, 128])
def test_3_ties_are_drawn_as_on_the_cpu(device, extent, rows):
    torch.manual_seed(3)
    logits = (torch.randn(rows, 49152) * 2).round()  # integers: nearly every cut goes through a tie
    uniforms = torch.rand(rows, dtype=torch.float64)
    there = logits.to(device)
    for decoding in (Decoding(), Decoding(0.8, 0.95, 40), Decoding(0.8, 0.95)):
        expected = draw_tokens(logits, [decoding] * rows, uniforms).tokens
        different = sum(
            int((draw_tokens(there, [decoding] * rows, uniforms).tokens != expected).sum())
            for _ in range(extent.repeats)
        )
        show(3, rows=rows, top_k=decoding.top_k, repeats=extent.repeats, different_tokens=different)
        assert different == 0


def test_4_deterministic_rows_are_the_same_in_any_batch(loaded, extent):
    _, tokenizer = loaded("bfloat16")
    rows = min(64, extent.rows)
    requests = requests_of(prompts_of(tokenizer, 8), rows, extent.tokens)
    sizes = (1, 7, 64) if extent.gpu else (5, rows)
    for deterministic in (True, False):
        found = []
        for size in sizes:
            model, _ = loaded("bfloat16")
            found.append(
                texts_of(TransformersEngine(model, tokenizer, rows=size, deterministic=deterministic), requests)
            )
        equal = sum(len({texts[request.key] for texts in found}) == 1 for request in requests)
        show(4, deterministic=deterministic, batches=sizes, equal=f"{equal} of {rows}", share=equal / rows)
        if deterministic:
            assert equal == rows


def test_5_steps_wait_for_the_gpu_twice_at_most_and_cost_no_more_with_padding_or_stop_texts(loaded, device, extent):
    model, tokenizer = loaded("bfloat16")
    engine = TransformersEngine(model, tokenizer, rows=extent.rows)
    (one, *others), tokens = prompts_of(tokenizer, 8), extent.tokens
    alike = requests_of([(*one[:8], n, *one[9:]) for n in range(50, 58)], extent.rows, tokens)
    mixed = requests_of([one, *others], extent.rows, tokens)
    ended = requests_of([(*one[:8], n, *one[9:]) for n in range(50, 58)], extent.rows, tokens,
                        stop_texts=("\ndef not_there", "\n### nowhere", "\nclass Nothing"))  # fmt: skip
    waits = syncs_per_step(engine, alike[: extent.rows], tokens) if device != "cpu" else 0.0
    usual = seconds(device, lambda: texts_of(engine, alike))
    padded = seconds(device, lambda: texts_of(engine, mixed)) / usual
    stops = seconds(device, lambda: texts_of(engine, ended)) / usual
    plain = seconds(device, lambda: plain_loop(engine.model, one, extent))
    same = seconds(device, lambda: texts_of(engine, requests_of([one], extent.rows, tokens)))
    show(5, rows=extent.rows, syncs_per_step=waits, padded_to_unpadded=padded, with_stop_texts=stops,
         share_of_the_plain_loop=plain / same, tokens_per_s=extent.rows * tokens / same)  # fmt: skip
    if device == "cpu":
        left_out(5, "synchronizations; times of a CPU that others use too are not judged")
        return
    assert waits <= 2
    assert padded <= 1.2
    assert stops <= 1.1
    assert plain / same >= 0.9


def syncs_per_step(engine: TransformersEngine, requests: Sequence[GenerationRequest], tokens: int) -> float:
    """Warnings of torch's debug mode, in the steps after all rows have begun."""

    def count(drawn: int) -> int:
        short = [
            GenerationRequest(r.key, Decoding(0.8, 0.95, 40, drawn), r.seed, prompt_ids=r.prompt_ids) for r in requests
        ]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                list(engine.generate(short))
            finally:
                torch.cuda.set_sync_debug_mode("default")
        return sum("synchroniz" in str(warning.message) for warning in caught)

    few = tokens // 2
    return (count(tokens) - count(few)) / (tokens - few)


@torch.inference_mode()
def plain_loop(model: Any, prompt: Sequence[int], extent: Any) -> None:
    """As few operations as sampling takes: one prompt, its cache copied to all rows and written in place, no ends."""
    model.set_attn_implementation("sdpa")
    try:
        cache = growing_cache(model)
        out = model(input_ids=torch.tensor([prompt], device=model.device), past_key_values=cache, logits_to_keep=1)
        cache.reorder_cache(torch.zeros(extent.rows, dtype=torch.long, device=model.device))
        logits = out.logits[:, -1].expand(extent.rows, -1)
        for step in range(extent.tokens):
            values, ids = (logits.float() / DRAWN.temperature).topk(DRAWN.top_k)
            odds = values.softmax(-1)
            odds[odds.cumsum(-1) - odds >= DRAWN.top_p] = 0
            tokens = ids.gather(-1, torch.multinomial(odds, 1))
            positions = torch.full((extent.rows, 1), len(prompt) + step, device=model.device)
            logits = model(input_ids=tokens, position_ids=positions, past_key_values=cache).logits[:, -1]
    finally:
        model.set_attn_implementation(ATTENTION)


def test_6_when_memory_runs_out_rows_are_halved_and_samples_stay(loaded, device, extent, monkeypatch):
    model, tokenizer = loaded("bfloat16")
    requests = requests_of(prompts_of(tokenizer, 8), min(extent.rows, 128), extent.tokens)
    rows, told = max(64, extent.rows), []
    whole = texts_of(TransformersEngine(model, tokenizer, rows=rows, deterministic=True), requests)
    del model
    model, _ = loaded("bfloat16")
    small = TransformersEngine(model, tokenizer, rows=rows, deterministic=True, on_fewer_rows=told.append)
    weights = freed() if device != "cpu" else 1  # and the workspaces of cuBLAS, which the first run left
    with limited_memory(device, small, monkeypatch) as limit:
        found = texts_of(small, requests)
    assert told, "memory did not run out"
    equal = sum(found[key] == text for key, text in whole.items())
    left = 0.0
    if device == "cpu":
        left_out(6, "a limit of the allocator (the model refuses the fourth step instead), and what is held afterwards")
    else:
        left = freed() / weights
    show(6, limit=limit, rows=[rows, *told], equal=f"{equal} of {len(requests)}", memory_to_weights=left)
    assert equal == len(requests)
    assert left <= 1.05


class limited_memory:  # noqa: N801  # used like a function
    """Leaves the process so little of the GPU that not all rows fit; says how much."""

    def __init__(self, device: str, engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        self._device, self._engine, self._monkeypatch = device, engine, monkeypatch

    def __enter__(self) -> str:
        if self._device == "cpu":
            return self._refuse_once()
        freed()
        held, total = torch.cuda.memory_reserved(), torch.cuda.get_device_properties(0).total_memory
        shape = self._engine.model.config
        token = (
            4 * shape.num_hidden_layers * shape.num_key_value_heads * shape.head_dim
        )  # keys and values, 2 bytes each
        room = token * 64 * self._engine.rows  # half of what prompts and answers take, whose stores hold 64 tokens each
        torch.cuda.set_per_process_memory_fraction((held + room) / total)
        return f"{(held + room) / 1e9:.2f} GB"

    def __exit__(self, *_: object) -> None:
        if self._device != "cpu":
            torch.cuda.set_per_process_memory_fraction(1.0)

    def _refuse_once(self) -> str:
        calls, step = Counter[str](), self._engine.step

        def refuse_the_fourth(*arguments: Any) -> Any:
            calls["made"] += 1
            if calls["made"] == 4:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB.")
            return step(*arguments)

        self._monkeypatch.setattr(self._engine, "step", refuse_the_fourth)
        return "the fourth step"
