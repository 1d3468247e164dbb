"""Which dtype this CPU multiplies fastest, measured.

bfloat16 is emulated on CPUs without AVX512-BF16 or AMX instructions, and then much slower than float32; with them it is
three to four times faster. A list of processors would be wrong for the next one, and an instruction that exists may be
slow, so a product is timed: 64 rows, as in a batch of completions, and a weight of a small model's size.
"""

import time
from functools import lru_cache

import torch

ROWS, SIZE = 64, 1024
REPEATS = 7
WORTH_IT = 1.3  # less than that does not repay bfloat16's rounding, and could come from noise


@lru_cache(maxsize=1)
def fastest_dtype() -> torch.dtype:
    """float32, or bfloat16 where it is clearly faster; takes about 10 ms, once per process."""
    single, half = seconds(torch.float32), seconds(torch.bfloat16)
    return torch.bfloat16 if half * WORTH_IT < single else torch.float32


def seconds(dtype: torch.dtype) -> float:
    """The shortest time of a product in that dtype, which other programs disturb least."""
    rows, weight = torch.ones(ROWS, SIZE, dtype=dtype), torch.ones(SIZE, SIZE, dtype=dtype)
    times = []
    with torch.inference_mode():
        for _ in range(REPEATS + 1):
            began = time.perf_counter()
            torch.nn.functional.linear(rows, weight)
            times.append(time.perf_counter() - began)
    return min(times[1:])
