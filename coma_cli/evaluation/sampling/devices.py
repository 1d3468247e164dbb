"""Which devices a local model is sampled on: one in this process, several with a process each, or many machines."""

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coma_cli.errors import UsageError
from coma_cli.evaluation.sampling.settings import SampleRuntime
from coma_cli.models.visible_device import FIRST_GPU, device_of_rank, gpu_count
from coma_cli.parallel import ray_cluster
from coma_cli.parallel.ranks import ProcessRank
from coma_cli.parallel.ray_cluster import Cluster
from coma_cli.words import count_of

if TYPE_CHECKING:
    from coma_cli.models.loading import Placement

MOST_GPUS = 1024  # of a node of a cluster, which this machine can't ask
MEMORY_ELSEWHERE = 80 << 30  # of such a GPU; the engine halves the batch if it has less
_GPU = re.compile(r"(?:cuda:)?(\d+)")


@dataclass(frozen=True)
class ChosenDevices:
    """The devices of a run: `names` are those of this machine; of each node, if there is a cluster.

    With a `rank`, each process of its launcher uses one more, which it chooses by what the user `wanted`.
    """

    names: tuple[str, ...]
    wanted: str = "auto"
    cluster: Cluster | None = None
    rank: ProcessRank | None = None
    named: bool = False

    @property
    def first(self) -> str:
        """A device that stands for all: they are of one kind."""
        return self.names[0]

    @property
    def are_many(self) -> bool:
        """Whether the model runs in other processes than this one."""
        return len(self.names) > 1 or self.cluster is not None or self.rank is not None

    @property
    def are_gpus(self) -> bool:
        """Whether they are GPUs."""
        return self.first.startswith("cuda") or (self.first == "auto" and gpu_count() > 0)

    @property
    def processes_here(self) -> int:
        """How many processes share the memory of this machine."""
        return self.rank.local_world if self.rank is not None else len(self.names)

    @property
    def in_words(self) -> str:
        """What the user should know of it; empty for one device."""
        if self.rank is not None:
            return f"{self.rank.world} processes of a launcher"
        if self.cluster is not None:
            return f"the nodes of a Ray cluster, on each {', '.join(self.names) if self.named else 'all its devices'}"
        return f"{len(self.names)} processes, on {', '.join(self.names)}" if self.are_many else ""


def choose_devices(runtime: SampleRuntime, rank: ProcessRank | None) -> ChosenDevices:
    """The devices for these settings on this machine.

    Raises:
        UsageError: they contradict each other, or there are fewer devices. MissingPackageError: ray is not installed.
    """
    if rank is not None:
        if runtime.devices is not None or runtime.cluster is not None:
            raise UsageError(
                f"A launcher has started {rank.world} processes, each with a device of its own.",
                "Omit --devices and --cluster, or run coma sample without the launcher.",
            )
        own = device_of_rank(runtime.device, rank.local, rank.local_world)
        return ChosenDevices((own,), runtime.device, rank=rank)
    if runtime.cluster is not None and (absent := ray_cluster.blocker()):
        raise absent
    if (runtime.devices is not None or runtime.cluster is not None) and ":" in runtime.device:
        raise UsageError(f"--device {runtime.device} is one device.", "Omit --device, --devices or --cluster.")
    if runtime.devices is None:
        return ChosenDevices((runtime.device,), runtime.device, runtime.cluster)
    elsewhere = runtime.cluster is not None and runtime.device == "cuda"
    gpus = MOST_GPUS if elsewhere else 0 if runtime.device == "cpu" else gpu_count()
    return ChosenDevices(_named(runtime.devices, runtime.device, gpus), runtime.device, runtime.cluster, named=True)


def refused_by_server(runtime: SampleRuntime, rank: ProcessRank | None) -> list[UsageError]:
    """Why a server can't be sampled from several processes: its requests are concurrent in one."""
    given = [f"--{name}" for name in ("devices", "cluster") if getattr(runtime, name) is not None]
    given += [] if rank is None else ["torchrun"]
    reason = "the server decides where the model runs, and one process keeps many requests in flight"
    return [
        UsageError(f"The openai engine has no use for {option}: {reason}.", f"Omit {option}; see --concurrency.")
        for option in given
    ]


def place(devices: ChosenDevices, dtype: str) -> "Placement":
    """The device and dtype, chosen on this machine; on a cluster whose GPUs are elsewhere, bfloat16 by default.

    Raises:
        UsageError: the device does not exist.
    """
    from coma_cli.models.loading import DTYPES, Placement, choose_placement

    if devices.cluster is not None and devices.first.startswith("cuda") and gpu_count() == 0:
        return Placement(FIRST_GPU, DTYPES["bfloat16" if dtype == "auto" else dtype])
    return choose_placement(devices.first, dtype, measured=True)


def _named(text: str, kind: str, gpus: int) -> tuple[str, ...]:
    """The devices that `--devices` names: a number of them, or each."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 1 and parts[0].isdigit():  # "2" is two devices, "cuda:2" and "0,2" name them
        count = int(parts[0])
        if kind == "cpu" or (kind == "auto" and gpus == 0):
            return ("cpu",) * count
        parts = [str(number) for number in range(count)]
    if set(parts) == {"cpu"}:
        return tuple(parts)
    hits = [_GPU.fullmatch(part) for part in parts]
    indices = [int(hit[1]) for hit in hits if hit is not None]
    if len(indices) < len(parts):
        raise UsageError(f"--devices {text} names GPUs and CPUs.", "Use one kind: --devices 0,1 or --devices cpu,cpu")
    if missing := [index for index in indices if index >= gpus]:
        raise UsageError(
            f"There is no GPU {missing[0]}: this machine has {count_of(gpus, 'GPU')}.",
            "For processes on the CPU: --devices cpu,cpu",
        )
    return tuple(f"cuda:{index}" for index in indices)


def memory_bytes(device: str, processes: int = 1) -> int:
    """All memory of a device, or a process's share of the CPU's.

    If other programs hold much of it, the engine halves the batch when it runs out.
    """
    if device == "cpu":
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // processes
    import torch

    if not torch.cuda.is_available():
        return MEMORY_ELSEWHERE
    return int(torch.cuda.get_device_properties(device).total_memory)
