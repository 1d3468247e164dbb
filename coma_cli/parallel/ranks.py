"""The processes that `torchrun` or `accelerate launch` starts for one command, and how they find each other.

Such a launcher gives each process a rank in its environment and runs a key-value store that all of them reach. Rank 0
does what the command says; the others wait there to be told where they can help, or that nothing is left to do.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from coma_cli.errors import CliError
from coma_cli.parallel.worker_links import WorkerAddress

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
_LEAD, _LEFT, _FAILED = "coma/lead", "coma/left", "coma/failed"
_NOTHING_TO_DO = "nothing to do"
_LOOK_EVERY_S = 0.1  # a wait within the store could not be interrupted by Ctrl-C
_PATIENCE_S = 10.0


@dataclass(frozen=True)
class ProcessRank:
    """One of `world` processes of a launcher, `local_world` of them on this machine."""

    number: int
    world: int
    local: int
    local_world: int
    master: str = "localhost"

    @classmethod
    def of_environment(cls, environ: Mapping[str, str] = os.environ) -> "ProcessRank | None":
        """The rank of this process; None if no launcher started it, or it started only one."""
        if not all(environ.get(name) for name in VARIABLES):
            return None
        number, world, local = (int(environ[name]) for name in VARIABLES[:3])
        local_world = int(environ.get("LOCAL_WORLD_SIZE") or world)
        return cls(number, world, local, local_world, environ["MASTER_ADDR"]) if world > 1 else None

    @property
    def is_on_one_machine(self) -> bool:
        """Whether all ranks are on this machine."""
        return self.world == self.local_world

    def store(self) -> Any:
        """The launcher's key-value store; where there is none, as with ranks set by hand, rank 0 runs one.

        Raises:
            CliError: it can't be reached.
        """
        return _store_of(self)


@cache  # the store that rank 0 runs ends with its object
def _store_of(rank: ProcessRank) -> Any:
    from torch.distributed import rendezvous

    try:
        found, _, _ = next(rendezvous("env://"))
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise CliError(f"Rank {rank.number} does not reach the other ranks: {reason}", "Start them again.") from None
    return found


def announce(store: Any, address: WorkerAddress | None) -> None:
    """Tell the other ranks where they can help; None: nothing is left to do."""
    store.set(_LEAD, _NOTHING_TO_DO if address is None else address.to_text())


def announced(store: Any) -> WorkerAddress | None:
    """Where rank 0 wants help, as soon as it says so; None if it has nothing to do."""
    text = _said(store)
    return None if text == _NOTHING_TO_DO else WorkerAddress.of_text(text)


def call_together(store: Any, values: Mapping[str, Any]) -> None:
    """Tell the other ranks that all of them do the work together, and what they need to know first, as JSON has it."""
    store.set(_LEAD, json.dumps(dict(values)))


def called_together(store: Any) -> dict[str, Any] | None:
    """What rank 0 passes to `call_together`, as soon as it does; None if it has nothing to do."""
    text = _said(store)
    values: dict[str, Any] | None = None if text == _NOTHING_TO_DO else json.loads(text)
    return values


def _said(store: Any) -> str:
    """What rank 0 says, as soon as it does.

    Raises:
        CliError: it has ended, and the store with it.
    """
    try:
        while not store.check([_LEAD]):
            time.sleep(_LOOK_EVERY_S)
        text: str = store.get(_LEAD).decode()
        store.add(_LEFT, 1)
    except RuntimeError:
        raise CliError("Rank 0 has ended.", "Look for its message, and start all ranks again.") from None
    return text


def fails_first(store: Any, number: int) -> bool:
    """Whether rank `number` is the first to fail: what the others meet then only follows from its end."""
    try:
        return bool(store.compare_set(_FAILED, "", str(number)).decode() == str(number))
    except (RuntimeError, OSError):  # the store has ended with its process
        return True


@contextmanager
def leading(rank: ProcessRank) -> Iterator[None]:
    """Do the work of rank 0; if it ended without asking the others for help, they are told that nothing is to be done.

    After an error they are told nothing: the launcher ends them.
    """
    yield
    store = rank.store()
    if not store.check([_LEAD]):
        announce(store, None)
    deadline = time.monotonic() + _PATIENCE_S  # the store may end with this process
    while store.add(_LEFT, 0) < rank.world - 1 and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)


def forget_rank(environ: MutableMapping[str, str] = os.environ) -> None:
    """Hide the rank from libraries, which would take the process for one of a distributed model."""
    for name in (*VARIABLES, "LOCAL_WORLD_SIZE", "GROUP_RANK", "GROUP_WORLD_SIZE", "ROLE_RANK", "ROLE_WORLD_SIZE"):
        environ.pop(name, None)
