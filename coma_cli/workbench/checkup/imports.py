"""Imports what models need, one package after the other, and measures the device: in a process of its own.

A package that was built for another processor or another CUDA ends the process that imports it; `device` then knows at
which one. Every finding is one line of JSON on stdout as soon as it is known:

    python -m coma_cli.workbench.checkup.imports
"""

import importlib.util
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from coma_cli.words import shortened

PACKAGES = ("torch", "transformers", "accelerate", "peft", "bitsandbytes")
_GPU_SIZE, _GPU_REPEATS = 4096, 10


def main() -> None:
    """Try each package that is there, then look at the device."""
    found = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print goes to stderr

    def tell(**fields: Any) -> None:
        found.write(json.dumps(fields) + "\n")
        found.flush()

    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            continue
        tell(trying=package)
        error = import_error(package)
        tell(package=package, error=error)
        if error is None and package in _LOOKS:  # before anything that may end this process
            tell(**_LOOKS[package]())


def import_error(package: str) -> str | None:
    """Why a package can't be imported; None if it can."""
    try:
        importlib.import_module(package)
    except Exception as error:  # whatever a broken package raises
        return shortened(f"{type(error).__name__}: {' '.join(str(error).split())}", 300)
    return None


def device_facts() -> dict[str, Any]:
    """The build of torch, its threads, and the GPUs that it can use."""
    import torch

    gpus = [
        {"name": torch.cuda.get_device_name(number), "memory_bytes": torch.cuda.mem_get_info(number)[1]}
        for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    ]
    return {"torch": torch.__version__, "cuda": torch.version.cuda, "threads": torch.get_num_threads(), "gpus": gpus}


def speeds() -> dict[str, float]:
    """Billions of operations per second by dtype, of a large product on the first GPU, else on the CPU."""
    import torch

    if torch.cuda.is_available():
        dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
        try:
            return {name: gpu_gigaflops(dtype) for name, dtype in dtypes.items()}
        except RuntimeError:  # no kernels for this GPU, which `placement` explains, or no memory left on it
            return {}
    from coma_cli.models import cpu_dtype

    operations = 2 * cpu_dtype.ROWS * cpu_dtype.SIZE**2
    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    return {name: operations / cpu_dtype.seconds(dtype) / 1e9 for name, dtype in dtypes.items()}


def gpu_gigaflops(dtype: Any, device: str = "cuda:0", size: int = _GPU_SIZE) -> float:
    """Billions of operations per second of a square product in that dtype: the best of several."""
    import torch

    left, right = (torch.ones(size, size, dtype=dtype, device=device) for _ in range(2))
    times = []
    with torch.inference_mode():
        for _ in range(_GPU_REPEATS + 1):
            began = time.perf_counter()
            torch.matmul(left, right)
            if device != "cpu":
                torch.cuda.synchronize(device)
            times.append(time.perf_counter() - began)
    return float(2 * size**3 / min(times[1:]) / 1e9)


def placement() -> dict[str, Any]:
    """What `--device auto --dtype auto` means here for `sample`, or why nothing can be loaded."""
    from coma_cli.errors import CliError
    from coma_cli.models.loading import choose_placement

    try:
        chosen = choose_placement(measured=True)
    except CliError as error:
        return {"refused": error.message, "hint": error.hint}
    return {"device": chosen.device, "dtype": chosen.dtype_name, "replaced": list(chosen.replaced)}


_LOOKS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "torch": lambda: {"device": device_facts(), "gigaflops": speeds()},
    "transformers": lambda: {"placement": placement()},
}


if __name__ == "__main__":
    main()
