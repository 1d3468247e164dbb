"""Tokens per second of `coma sample`'s engine beside the seeds' loop: `generate`, one problem at a time, n sequences.

    python -m tests.benchmarks.sample [--problems 6] [--n 5] [--max-new-tokens 96] [--rounds 3] [--batch-size 32]

Same model (SmolLM2-135M), number type, prompts and settings, in one process, the two in turn; medians. Tokens count up
to and including the end token, padding not. Source of the loop: Denilah/CoMA `eval/generate_code.py` and
AI4Code-Research/CodeCapybara `main/generate.py` (`num_return_sequences`, sampling on, one prompt a call).
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from coma_cli import console
from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.engines.interface import Decoding, GenerationRequest
from coma_cli.engines.transformers_engine import TransformersEngine
from coma_cli.evaluation.sampling.prompts import choose_prompt_template, encode_problems
from coma_cli.models.loading import load_model, load_tokenizer
from coma_cli.models.resolution import resolve_base

TEMPERATURE, TOP_P = 0.2, 0.95


@dataclass(frozen=True)
class Work:
    """What both have to do: prompts, and how many completions of each."""

    prompts: tuple[tuple[int, ...], ...]
    stop_ids: tuple[int, ...]
    n: int
    max_new_tokens: int
    batch_size: int


def with_generate(model: Any, work: Work, seed: int) -> int:
    """The seeds' loop; returns the number of tokens made."""
    torch.manual_seed(seed)
    made = 0
    for prompt in work.prompts:
        output = model.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            do_sample=True,
            temperature=TEMPERATURE,
            top_p=TOP_P,
            top_k=0,
            num_return_sequences=work.n,
            max_new_tokens=work.max_new_tokens,
            eos_token_id=list(work.stop_ids),
            pad_token_id=work.stop_ids[0],
        )
        for row in output[:, len(prompt) :].tolist():
            ends = [place + 1 for place, token in enumerate(row) if token in work.stop_ids]
            made += min(ends, default=len(row))
    return made


def with_engine(model: Any, tokenizer: Any, work: Work, seed: int) -> int:
    """coma's engine, rows of several problems in a batch; returns the number of tokens made."""
    decoding = Decoding(TEMPERATURE, TOP_P, 0, work.max_new_tokens)
    requests = [
        GenerationRequest(
            key=f"{place}|{index}",
            decoding=decoding,
            seed=seed * 1_000_003 + place * work.n + index,
            prompt_ids=prompt,
            stop_ids=work.stop_ids,
            batch=(place * work.n + index) // work.batch_size,
        )
        for place, prompt in enumerate(work.prompts)
        for index in range(work.n)
    ]
    return sum(response.completion_tokens for response in TransformersEngine(model, tokenizer).generate(requests))


def prepare(problems: int, n: int, max_new_tokens: int, batch_size: int, dtype: str) -> tuple[Any, Any, Work]:
    """Model, tokenizer and work."""
    base = resolve_base("smollm2-135m")
    model, tokenizer = load_model(base, dtype, "cpu"), load_tokenizer(base)
    choice = choose_prompt_template("auto", tokenizer, None)
    chosen = BENCHMARKS["humaneval"].load().problems[:problems]
    prompts = encode_problems(choice, tokenizer, chosen, [tokenizer.eos_token_id], None)
    longest_first = sorted(prompts.token_ids.values(), key=len, reverse=True)
    return model, tokenizer, Work(tuple(longest_first), prompts.stop_ids, n, max_new_tokens, batch_size)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description="coma sample's engine beside transformers' generate")
    for name, default in (("problems", 6), ("n", 5), ("max-new-tokens", 96), ("rounds", 3), ("batch-size", 32)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dtype", default="float32")
    asked = parser.parse_args(arguments)
    model, tokenizer, work = prepare(asked.problems, asked.n, asked.max_new_tokens, asked.batch_size, asked.dtype)
    ways = {
        "generate, a problem at a time": lambda seed: with_generate(model, work, seed),
        "coma sample": lambda seed: with_engine(model, tokenizer, work, seed),
    }
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for seed in range(asked.rounds):
        for name, way in ways.items():
            rates[name].append(rate(way, seed))
    what = f"{asked.problems} problems x {asked.n}, {asked.max_new_tokens} tokens at most, {asked.dtype}"
    how = f"{torch.get_num_threads()} threads, batch {asked.batch_size}, medians of {asked.rounds} rounds in turn"
    peer, own = (medians(values) for values in rates.values())
    rows = [[name, *(f"{value:.1f}" for value in medians(values))] for name, values in rates.items()]
    rows.append(["coma sample / generate", *(f"{a / b:.2f}" for a, b in zip(own, peer, strict=True))])
    console.print_table(f"{what}; {how}", ("SmolLM2-135M, CPU", "tokens/s", "tokens/CPU s"), rows)


def rate(way: Callable[[int], int], seed: int) -> tuple[float, float]:
    """Tokens per second of wall clock and of processor time; the latter also holds on a busy machine."""
    wall, processor = time.perf_counter(), time.process_time()
    made = way(seed)
    return made / (time.perf_counter() - wall), made / (time.process_time() - processor)


def medians(values: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The median of each column."""
    return statistics.median(wall for wall, _ in values), statistics.median(cpu for _, cpu in values)


if __name__ == "__main__":
    main()
