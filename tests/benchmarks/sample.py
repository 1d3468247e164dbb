"""Speed of `coma sample`'s engine beside the seeds' loop and a plain loop, on the same model, prompts and settings.

    python -m tests.benchmarks.sample [--problems 6] [--n 20] [--max-new-tokens 128] [--rounds 3] [--rows 64]

* The seeds' loop: `generate`, one problem at a time, 20 return sequences. Source: Denilah/CoMA `eval/generate_code.py`
  and AI4Code-Research/CodeCapybara `main/generate.py`, whose settings (temperature 0.1, top-p 0.75, top-k 40) all use.
* A plain loop: one problem at a time in `--rows` rows, its prompt computed once, its cache written in place.
* coma: all problems in one continuous batch.
* Growth: coma's time for 20 and 200 completions of one problem, and its peak memory for few and for many problems.
* Where vLLM is installed: coma's engine for it, and bare vLLM with the same seeded requests, each in a process of its
  own. `--only vllm` measures these two and coma's own engine.

SmolLM2-135M, in one process, in turn, each in the dtype that this CPU multiplies fastest; medians. Tokens count up to
and including the end token. The last line relates coma's products to the rate of one large product, measured here.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from coma_cli import console
from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.engines.growing_cache import growing_cache
from coma_cli.engines.interface import Decoding, GenerationRequest
from coma_cli.engines.transformers_engine import TransformersEngine
from coma_cli.engines.vllm_support import is_installed
from coma_cli.evaluation.sampling.prompts import choose_prompt_template, encode_problems
from coma_cli.models.loading import choose_placement, load_model, load_tokenizer, model_folder
from coma_cli.models.resolution import resolve_base
from tests.benchmarks._vllm import started

TEMPERATURE, TOP_P, TOP_K = 0.1, 0.75, 40
COMA, COMA_INT8 = "coma sample", "coma sample --quantize int8"
SEEDS, PLAIN = "generate, a problem at a time", "plain loop"
COMA_VLLM, BARE_VLLM = "coma sample --engine vllm", "bare vLLM"


@dataclass(frozen=True)
class Work:
    """What all have to do: prompts, and how many completions of each."""

    prompts: tuple[tuple[int, ...], ...]
    stop_ids: tuple[int, ...]
    n: int
    max_new_tokens: int
    rows: int


@dataclass(frozen=True)
class Rate:
    """Completions and useful tokens, and the seconds they took, of the clock and of all processors."""

    completions: int
    tokens: int
    wall_s: float
    processor_s: float


def with_generate(model: Any, work: Work, seed: int) -> tuple[int, int]:
    """The seeds' loop; returns completions and tokens."""
    torch.manual_seed(seed)
    made = 0
    for prompt in work.prompts:
        output = model.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            do_sample=True,
            temperature=TEMPERATURE,
            top_p=TOP_P,
            top_k=TOP_K,
            num_return_sequences=work.n,
            max_new_tokens=work.max_new_tokens,
            eos_token_id=list(work.stop_ids),
            pad_token_id=work.stop_ids[0],
        )
        made += sum(useful(row, work.stop_ids) for row in output[:, len(prompt) :].tolist())
    return len(work.prompts) * work.n, made


@torch.inference_mode()  # type: ignore[untyped-decorator]  # torch is not followed by mypy
def with_plain_loop(model: Any, work: Work, seed: int) -> tuple[int, int]:
    """A problem at a time in `rows` rows, until all of them have ended."""
    torch.manual_seed(seed)
    stops, made = torch.tensor(work.stop_ids), 0
    for prompt in work.prompts:
        cache = growing_cache(model)
        logits = model(input_ids=torch.tensor([prompt]), past_key_values=cache, logits_to_keep=1).logits[:, -1]
        cache.reorder_cache(torch.zeros(work.rows, dtype=torch.long))
        logits, ended, drawn = logits.expand(work.rows, -1), torch.zeros(work.rows, dtype=torch.bool), []
        for step in range(work.max_new_tokens):
            tokens = plain_draw(logits.float())
            drawn.append(tokens)
            ended |= torch.isin(tokens[:, 0], stops)
            if bool(ended.all()) or step + 1 == work.max_new_tokens:
                break
            positions = torch.full((work.rows, 1), len(prompt) + step)
            logits = model(input_ids=tokens, position_ids=positions, past_key_values=cache).logits[:, -1]
        made += sum(useful(row, work.stop_ids) for row in torch.cat(drawn, dim=1).tolist())
    return len(work.prompts) * work.rows, made


def plain_draw(logits: torch.Tensor) -> torch.Tensor:
    """A token per row, `(rows, 1)`; only the top-k are sorted, where transformers' processors sort the vocabulary."""
    values, ids = (logits / TEMPERATURE).topk(TOP_K)
    probabilities = values.softmax(-1)
    probabilities[probabilities.cumsum(-1) - probabilities >= TOP_P] = 0
    return ids.gather(-1, torch.multinomial(probabilities, 1))


def useful(row: Sequence[int], stop_ids: Sequence[int]) -> int:
    """The number of tokens up to and including the first end token."""
    return min((place + 1 for place, token in enumerate(row) if token in stop_ids), default=len(row))


def with_engine(engine: TransformersEngine, work: Work, seed: int) -> tuple[int, int]:
    """coma's engine, rows of several problems in a batch."""
    decoding = Decoding(TEMPERATURE, TOP_P, TOP_K, work.max_new_tokens)
    requests = [
        GenerationRequest(
            key=f"{place}|{index}",
            decoding=decoding,
            seed=seed * 1_000_003 + place * work.n + index,
            prompt_ids=prompt,
            stop_ids=work.stop_ids,
        )
        for place, prompt in enumerate(work.prompts)
        for index in range(work.n)
    ]
    return len(requests), sum(response.completion_tokens for response in engine.generate(requests))


def with_vllm(stack: ExitStack, folder: str, work: Work, dtype: str, eager: bool) -> dict[str, Callable[[int], Rate]]:
    """Both sides with vLLM, started and warmed up by a short round."""
    context = max(map(len, work.prompts)) + work.max_new_tokens
    round_of = {
        "prompts": work.prompts,
        "stop_ids": work.stop_ids,
        "n": work.n,
        "max_new_tokens": work.max_new_tokens,
        "temperature": TEMPERATURE,
        "top_p": TOP_P,
        "top_k": TOP_K,
    }
    sides: dict[str, Callable[[int], Rate]] = {}
    for name, kind in ((COMA_VLLM, "coma"), (BARE_VLLM, "bare")):
        run = stack.enter_context(started(kind, folder, context, work.rows, dtype, eager=eager))
        run({**round_of, "seed": 0, "max_new_tokens": 4})
        sides[name] = partial(lambda run, seed: Rate(*run({**round_of, "seed": seed})), run)
    return sides


def prepare(problems: int, n: int, max_new_tokens: int, rows: int, tokenizer: Any) -> Work:
    """The prompts, longest first, as `coma sample` orders them."""
    benchmark = BENCHMARKS["humaneval"]
    choice = choose_prompt_template("auto", tokenizer, None, benchmark.sampling_protocol("completion"))
    every = benchmark.load().problems
    chosen = every[:: max(1, len(every) // problems)][:problems]
    prompts = encode_problems(choice, tokenizer, chosen, [tokenizer.eos_token_id], None)
    longest_first = sorted(prompts.token_ids.values(), key=len, reverse=True)
    return Work(tuple(longest_first), prompts.stop_ids, n, max_new_tokens, rows)


def product_rate(rows: int, dtype: torch.dtype) -> float:
    """Operations per second of a product of `rows` rows with a weight of 4 million numbers, the best of ten."""
    left, weight = torch.ones(rows, 2048, dtype=dtype), torch.ones(2048, 2048, dtype=dtype)
    times = []
    for _ in range(10):
        began = time.perf_counter()
        torch.nn.functional.linear(left, weight)
        times.append(time.perf_counter() - began)
    return 2 * rows * 2048 * 2048 / min(times)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description="coma sample's engine beside transformers' generate")
    for name, default in (("problems", 6), ("n", 20), ("max-new-tokens", 128), ("rounds", 3), ("rows", 64)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--only", choices=["vllm"])
    parser.add_argument("--eager", action="store_true", help="vLLM without compiling the model, which takes minutes")
    asked = parser.parse_args(arguments)
    base, placement = resolve_base("smollm2-135m"), choose_placement("cpu", asked.dtype, measured=True)
    tokenizer = load_tokenizer(base)
    own = load_model(base, placement.dtype_name, "cpu")
    weights = sum(p.numel() for p in own.parameters())
    engine = TransformersEngine(own, tokenizer, rows=asked.rows)
    work = prepare(asked.problems, asked.n, asked.max_new_tokens, asked.rows, tokenizer)
    sides: dict[str, Callable[[int], Rate]] = {COMA: partial(measured, lambda seed: with_engine(engine, work, seed))}
    if asked.only is None:
        plain, rounded = (load_model(base, placement.dtype_name, "cpu") for _ in range(2))
        int8_engine = TransformersEngine(rounded, tokenizer, rows=asked.rows, int8=True)
        sides = {
            SEEDS: partial(measured, lambda seed: with_generate(plain, work, seed)),
            PLAIN: partial(measured, lambda seed: with_plain_loop(plain, work, seed)),
            **sides,
            COMA_INT8: partial(measured, lambda seed: with_engine(int8_engine, work, seed)),
        }
        show_growth(engine, tokenizer, asked.rows)
    rates: dict[str, list[Rate]] = {}
    with ExitStack() as stack:
        if is_installed():
            sides = sides | with_vllm(stack, model_folder(base), work, placement.dtype_name, asked.eager)
        for seed in range(asked.rounds):
            for name, side in sides.items():
                rates.setdefault(name, []).append(side(seed))
    peak = product_rate(asked.rows, placement.dtype)
    show(asked, placement.dtype_name, rates, weights, peak)


def show(asked: Any, dtype: str, rates: dict[str, list[Rate]], weights: int, peak: float) -> None:
    """Print the table; tokens are related to weights by two operations per weight and token."""
    medians = {name: median(values) for name, values in rates.items()}
    rows = [[name, *(f"{value:.2f}" for value in values)] for name, values in medians.items()]
    for own_name, name in ((COMA, SEEDS), (COMA, PLAIN), (COMA_VLLM, BARE_VLLM), (COMA_VLLM, COMA)):
        if own_name in medians and name in medians:
            pairs = zip(medians[own_name], medians[name], strict=True)
            rows.append([f"{own_name} / {name}", *(f"{own / other:.2f}" for own, other in pairs)])
    share = medians[COMA][1] * 2 * weights / peak
    what = f"{asked.problems} problems x {asked.n}, {asked.max_new_tokens} tokens at most, {dtype}"
    how = f"{torch.get_num_threads()} threads, {asked.rows} rows, medians of {asked.rounds} rounds in turn"
    console.print_table(
        f"{what}; {how}",
        ("SmolLM2-135M, CPU", "completions/s", "tokens/s", "completions/CPU s", "tokens/CPU s"),
        rows,
    )
    console.note(f"A product of {asked.rows} rows runs at {peak / 1e9:.0f} GFLOP/s; coma's tokens at {share:.0%} of it")


def show_growth(engine: TransformersEngine, tokenizer: Any, rows: int) -> None:
    """Print how coma's time grows with the completions of a problem, and its memory with the number of problems."""
    tokens, seconds = 32, {}
    for n in (20, 200):
        began = time.perf_counter()
        with_engine(engine, prepare(1, n, tokens, rows, tokenizer), 0)
        seconds[n] = time.perf_counter() - began
    peaks = {}
    for problems in (8, 32):
        with_engine(engine, prepare(problems, 8, tokens, rows, tokenizer), 0)
        peaks[problems] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.note(
        f"{tokens} tokens, one problem: n = 20 in {seconds[20]:.1f} s, n = 200 in {seconds[200]:.1f} s "
        f"({seconds[200] / seconds[20]:.1f} times); peak memory with 8 completions of each of 8 problems "
        f"{peaks[8]:.0f} MiB, of 32 problems {peaks[32]:.0f} MiB"
    )


def measured(way: Callable[[int], tuple[int, int]], seed: int) -> Rate:
    """One run; processor time also holds on a busy machine."""
    wall, processor = time.perf_counter(), time.process_time()
    completions, tokens = way(seed)
    return Rate(completions, tokens, time.perf_counter() - wall, time.process_time() - processor)


def median(values: Sequence[Rate]) -> tuple[float, float, float, float]:
    """Completions and tokens per second of the clock, then of all processors."""
    by_wall = [(rate.completions / rate.wall_s, rate.tokens / rate.wall_s) for rate in values]
    by_processor = [(rate.completions / rate.processor_s, rate.tokens / rate.processor_s) for rate in values]
    columns = [*zip(*by_wall, strict=True), *zip(*by_processor, strict=True)]
    first, second, third, fourth = (statistics.median(column) for column in columns)
    return first, second, third, fourth


if __name__ == "__main__":
    main()
