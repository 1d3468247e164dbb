"""The processes that train one model together: they share decisions, wait for each other, and end together.

Import it inside functions: it needs the train extra.

Decisions travel through gloo, on the CPU, also where the gradients travel through NCCL.
"""

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from coma_cli.errors import CliError
from coma_cli.parallel.ranks import ProcessRank, fails_first

T = TypeVar("T")
# Rank 0 may probe or save for long while the others wait; that a process has ended is noticed without a time limit.
_PATIENCE = timedelta(hours=2)
# Settings of `accelerate launch` that would make the Trainer wrap the model or compute in another way than coma does.
_OF_ACCELERATE = ("ACCELERATE_USE_FSDP", "ACCELERATE_MIXED_PRECISION", "ACCELERATE_USE_DEEPSPEED")
_LOST = ("connection closed", "connection reset", "connection refused", "broken pipe", "timed out", "nccl")


@dataclass(frozen=True)
class Team:
    """Process `number` of `size` that train together; alone by default."""

    number: int = 0
    size: int = 1
    local_size: int = 1
    control: Any = None

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return self.number == 0

    def wait(self) -> None:
        """Until all processes have come here."""
        if self.size > 1:
            dist.barrier(self.control)

    def share(self, value: T) -> T:
        """What rank 0 passes, on every rank."""
        if self.size == 1:
            return value
        content = torch.frombuffer(bytearray(pickle.dumps(value)), dtype=torch.uint8) if self.leads else None
        length = torch.tensor([0 if content is None else len(content)])
        dist.broadcast(length, 0, self.control)
        if content is None:
            content = torch.empty(int(length), dtype=torch.uint8)
        dist.broadcast(content, 0, self.control)
        shared: T = value if self.leads else pickle.loads(content.numpy().tobytes())  # noqa: S301  # of our rank 0
        return shared

    def told(self) -> Any:
        """What rank 0 passes to `share`, for the others."""
        return self.share(None)

    def largest(self, value: int) -> int:
        """The largest of the values of all processes."""
        return int(self._reduced([value], torch.int64, dist.ReduceOp.MAX)[0])

    def sums(self, *values: float) -> list[float]:
        """The sum over all processes of each value."""
        return self._reduced(list(values), torch.float64, dist.ReduceOp.SUM)

    def _reduced(self, values: list[Any], dtype: torch.dtype, how: Any) -> list[Any]:
        if self.size == 1:
            return values
        reduced = torch.tensor(values, dtype=dtype)
        dist.all_reduce(reduced, how, self.control)
        found: list[Any] = reduced.tolist()
        return found


ALONE = Team()


def join(rank: ProcessRank, device: str) -> Team:
    """Meet the other processes; each has to call it. `device` is cpu, or the GPU that this process alone sees."""
    for name in _OF_ACCELERATE:
        os.environ.pop(name, None)
    on_gpu = device.startswith("cuda")
    if on_gpu:
        os.environ["LOCAL_RANK"] = "0"  # accelerate takes it for the number of the GPU, and there is one to be seen
        torch.cuda.set_device(0)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
        store=dist.PrefixStore("coma/training", rank.store()),
        rank=rank.number,
        world_size=rank.world,
        timeout=_PATIENCE,
    )
    control = dist.new_group(backend="gloo", timeout=_PATIENCE)
    return Team(rank.number, rank.world, rank.local_world, control)


def leave() -> None:
    """Close the connections, once all is done."""
    if dist.is_initialized():
        dist.destroy_process_group()


@contextmanager
def ending_together(rank: ProcessRank) -> Iterator[None]:
    """Of the errors that the processes meet, the first one is shown, by the process that met it; the others end.

    A process that ends takes its connections with it, on which the others fail; and its launcher ends them.

    Raises:
        CliError: another process has ended without an error of its own, as when it was killed.
        SystemExit: another process has failed before.
    """
    try:
        yield
    except Exception as error:
        if not fails_first(rank.store(), rank.number):
            raise SystemExit(getattr(error, "exit_code", 1)) from None
        if isinstance(error, CliError) or not _is_lost_connection(error):
            raise
        raise CliError(
            f"Another of the {rank.world} processes has ended, or can't be reached: {str(error).splitlines()[-1]}",
            "Look for its message; the same command continues from the last checkpoint.",
        ) from error


def _is_lost_connection(error: Exception) -> bool:
    if isinstance(error, (dist.DistBackendError, dist.DistNetworkError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _LOST)
