"""Which GPU a process uses, as one index, settled before CUDA starts.

transformers' Trainer splits batches over all GPUs that it sees (`nn.DataParallel`), moves a model to the first one
whichever was chosen, and looks up bfloat16 on the current one; other libraries use the first GPU too. A process is
therefore shown only the GPU that it is to use.
"""

import os
from collections.abc import Mapping, MutableMapping

from coma_cli.errors import UsageError
from coma_cli.words import count_of

GPU_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA's, AMD's, Windows' under WSL
PINNED = "COMA_PINNED_DEVICE"
VISIBLE = "CUDA_VISIBLE_DEVICES"
FIRST_GPU = "cuda:0"
# What makes cuBLAS give the same bits each time; read when its first handle is made.
CUBLAS_WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def has_gpu_driver() -> bool:
    """Whether a GPU's driver is loaded; torch is not imported for it."""
    return any(map(os.path.exists, GPU_DRIVERS))


def gpu_count() -> int:
    """The number of GPUs that this process may use; it asks the driver without starting CUDA in this process."""
    import torch

    return int(torch.cuda.device_count())


def device_of_rank(wanted: str, local_rank: int, local_world: int) -> str:
    """The device of one of `local_world` processes of a launcher on this machine: each has its own.

    Raises:
        UsageError: one GPU is wanted by all of them, or there are fewer GPUs than processes.
    """
    if wanted.partition(":")[2] and local_world > 1:
        raise UsageError(
            f"{local_world} processes of a launcher can't share --device {wanted}: each uses its own GPU.",
            "Omit --device, or use --device cpu; CUDA_VISIBLE_DEVICES chooses among the GPUs.",
        )
    gpus = 0 if wanted == "cpu" else gpu_count()
    if wanted == "cpu" or (wanted == "auto" and gpus == 0):
        return "cpu"
    if local_world > gpus:
        raise UsageError(
            f"{local_world} processes were started on this machine, which has {count_of(gpus, 'GPU')}.",
            f"torchrun --nproc-per-node {max(gpus, 1)} ; or --device cpu",
        )
    return f"cuda:{wanted.partition(':')[2] or local_rank}"


def show_only(device: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment variables under which a process sees only that GPU, as `cuda:0`; none for a CPU.

    The index counts among the GPUs that are visible already.

    Raises:
        UsageError: fewer GPUs are visible.
    """
    name, _, index = device.partition(":")
    if name != "cuda":
        return {}
    number, before = int(index or 0), environ.get(VISIBLE)
    if before is None:
        return {VISIBLE: str(number)}
    visible = [part.strip() for part in before.split(",") if part.strip()]
    if not visible:
        return {}
    if number >= len(visible):
        raise UsageError(f"The device cuda:{number} does not exist: {VISIBLE} is {before}.", "Choose another --device.")
    return {VISIBLE: visible[number]}


def claim(device: str, environ: MutableMapping[str, str] = os.environ) -> str:
    """Show this process only one GPU, before CUDA starts in it; the name that the device has from now on.

    Raises:
        UsageError: fewer GPUs are visible.
    """
    environ.update(show_only(device, environ))
    return FIRST_GPU if device.startswith("cuda") else device


def pin_device(device: str, *, deterministic: bool = False, environment: MutableMapping[str, str] = os.environ) -> str:
    """Make the chosen GPU the only visible one, and return its name from then on.

    It is that of `--device cuda:N`, else that of this process's local rank. Nothing changes for the CPU, and for a
    second run in the same process.

    Raises:
        UsageError: fewer GPUs are visible.
    """
    if deterministic:
        environment.setdefault(*CUBLAS_WORKSPACE)
    if device == "cpu" or (device == "auto" and not has_gpu_driver()):
        return device
    name, _, number = device.partition(":")
    chosen = number or environment.get("LOCAL_RANK") or "0"
    if environment.get(PINNED) != chosen:
        environment.update(show_only(f"cuda:{chosen}", environment))
        environment[PINNED] = chosen
    return name
