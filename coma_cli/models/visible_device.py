"""Which GPU a process uses, as one index, settled before CUDA starts.

Some libraries use the first GPU that they see, whatever a model's own device is. A process that is to use another one
is therefore shown only that.
"""

import os
from collections.abc import Mapping, MutableMapping

from coma_cli.errors import UsageError
from coma_cli.words import count_of

VISIBLE = "CUDA_VISIBLE_DEVICES"
FIRST_GPU = "cuda:0"


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
    """The environment variables under which a process sees only that GPU, as `cuda:0`; none for a CPU."""
    name, _, index = device.partition(":")
    if name != "cuda":
        return {}
    shown = [part.strip() for part in environ.get(VISIBLE, "").split(",") if part.strip()]
    number = int(index or 0)
    return {VISIBLE: shown[number] if number < len(shown) else str(number)}


def claim(device: str, environ: MutableMapping[str, str] = os.environ) -> str:
    """Show this process only one GPU, before CUDA starts in it; the name that the device has from now on."""
    environ.update(show_only(device, environ))
    return FIRST_GPU if device.startswith("cuda") else device
