"""What is checked on, printed and left out, by device.

The suite is `make test-gpu`. With `COMA_GPU_CHECKS_ON=cpu` the same checks run on the CPU, smaller, to try their code:
what only a GPU has is left out, each time with a line that says what and why.
"""

import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ON, WEIGHTS = "COMA_GPU_CHECKS_ON", "COMA_GPU_MODEL"
REQUESTS = (
    "Write a Python function that adds two numbers.",
    "What does len() return?",
    "Explain recursion in two sentences.",
    "Write a function that reverses a string without slicing, and explain each line of it.",
    "Sort a list of tuples by the second element.",
    "Read a CSV file and print its header.",
    "What is a decorator?",
    "Compute the factorial of n with a loop.",
    "Name three sorting algorithms and their complexity in the worst case.",
    "Check whether a string is a palindrome, ignoring case, blanks and punctuation.",
)


@dataclass(frozen=True)
class Extent:
    """How much a check computes: prompts and rows to sample, tokens of each, steps and rows per step to train."""

    gpu: bool
    prompts: int
    rows: int
    tokens: int
    repeats: int
    steps: int
    batch: int


def extent_on(device: str) -> Extent:
    """That of the issue on a GPU, a small one on a CPU."""
    if device == "cpu":
        return Extent(False, prompts=3, rows=12, tokens=8, repeats=3, steps=4, batch=2)
    return Extent(True, prompts=20, rows=128, tokens=64, repeats=100, steps=30, batch=4)


def show(check: int, **figures: Any) -> None:
    """Print what a check found."""
    said = ", ".join(f"{name.replace('_', ' ')} {_short(value)}" for name, value in figures.items())
    sys.stdout.write(f"\ncheck {check}: {said}\n")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def left_out(check: int, what: str) -> None:
    """Print what of a check this device can't do."""
    sys.stdout.write(f"\ncheck {check}: left out on a CPU: {what}\n")


def freed() -> int:
    """Bytes that tensors take on the GPU once everything that nobody holds is gone."""
    import torch

    gc.collect()
    torch.cuda.empty_cache()
    return int(torch.cuda.memory_allocated())


def seconds(device: str, work: Callable[[], Any]) -> float:
    """How long something takes, the shorter of two times."""
    import time

    import torch

    found = []
    for _ in range(2):
        began = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return min(found)
