"""One GPU per process: chosen before CUDA starts, so that no library sees the others.

transformers' Trainer splits batches over all GPUs that it sees (`nn.DataParallel`), moves a model to the first one
whichever was chosen, and looks up bfloat16 on the current one; every process of torchrun would take the first.
"""

import os
from collections.abc import MutableMapping

from coma_cli.errors import UsageError

GPU_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA's, AMD's, Windows' under WSL
PINNED = "COMA_PINNED_DEVICE"
VISIBLE = "CUDA_VISIBLE_DEVICES"
# What makes cuBLAS give the same bits each time; read when its first handle is made.
CUBLAS_WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def has_gpu_driver() -> bool:
    """Whether a GPU's driver is loaded; torch is not imported for it."""
    return any(map(os.path.exists, GPU_DRIVERS))


def pin_device(device: str, *, deterministic: bool = False, environment: MutableMapping[str, str] = os.environ) -> str:
    """Make the chosen GPU the only visible one, and return its name from then on.

    It is that of `--device cuda:N`, else that of this process's local rank; of GPUs that are visible already, N counts
    among those. Nothing changes for the CPU.

    Raises:
        UsageError: fewer GPUs are visible.
    """
    if deterministic:
        environment.setdefault(*CUBLAS_WORKSPACE)
    if device == "cpu" or (device == "auto" and not has_gpu_driver()):
        return device
    _, _, number = device.partition(":")
    chosen = number or environment.get("LOCAL_RANK") or "0"
    if environment.get(PINNED) != chosen:  # a second run in this process finds it pinned
        _hide_others(int(chosen), environment)
        environment[PINNED] = chosen
    return device.partition(":")[0]


def _hide_others(index: int, environment: MutableMapping[str, str]) -> None:
    before = environment.get(VISIBLE)
    if before is None:
        environment[VISIBLE] = str(index)
        return
    visible = [name.strip() for name in before.split(",") if name.strip()]
    if index >= len(visible) and visible:
        raise UsageError(f"The device cuda:{index} does not exist: {VISIBLE} is {before}.", "Choose another --device.")
    if visible:
        environment[VISIBLE] = visible[index]
