"""Where the workers of an engine run: on this machine, as ranks of a launcher, on the nodes of a Ray cluster."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from coma_cli.engines import worker
from coma_cli.errors import CliError, UsageError
from coma_cli.models.visible_device import FIRST_GPU, show_only
from coma_cli.parallel.machine import default_workers
from coma_cli.parallel.ranks import ProcessRank, announce, forget_rank
from coma_cli.parallel.ray_cluster import connected
from coma_cli.parallel.worker_links import LocalProcesses, Reception, WorkerAddress, WorkerLink
from coma_cli.words import shortened

_THREADS = "OMP_NUM_THREADS"
Arrived = list[tuple[WorkerLink, str]]


def threads_of_each(workers: int) -> int:
    """The threads of each of that many workers of this machine: a share of the cores, or fewer if the user says so."""
    share = max(1, default_workers() // workers)
    told = os.environ.get(_THREADS, "")
    return min(share, int(told)) if told.isdigit() and int(told) else share


def own_device(device: str) -> str:
    """How a process that is shown only its own device calls it."""
    return FIRST_GPU if device.startswith("cuda") else device


class LocalSource:
    """A worker process on each device of this machine."""

    def __init__(self, devices: Sequence[str], threads: int | None = None, name: str | None = None) -> None:
        self._devices = tuple(devices)
        self._name = name
        self._threads = threads or threads_of_each(len(self._devices))
        self._processes = LocalProcesses()
        self._new: Arrived = []

    @property
    def expected(self) -> int:
        return len(self._new)

    def open(self) -> None:
        with _no_interrupt_before_it_is_ignored():
            for number, device in enumerate(self._devices):
                name = self._name or (f"{device} {number}" if self._devices.count(device) > 1 else device)
                environment = {**os.environ, _THREADS: str(self._threads), **show_only(device)}
                forget_rank(environment)
                link = self._processes.start(name, worker.__name__, [str(self._threads)], environment)
                self._new.append((link, own_device(device)))

    def arrived(self) -> Arrived:
        new, self._new = self._new, []
        return new

    def close(self, *, kill: bool) -> None:
        self._processes.close(kill=kill)


@contextmanager
def _no_interrupt_before_it_is_ignored() -> Iterator[None]:
    """Processes that are started here hold Ctrl-C back until they ignore it; this process has it a moment later."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class RankSource:
    """The ranks of a launcher. Rank 0 has a worker process on its own device, so that it is free to lead."""

    def __init__(self, rank: ProcessRank, device: str, wanted: str) -> None:
        self._rank = rank
        self._wanted = wanted
        self._own = LocalSource([device], max(1, default_workers() // rank.local_world), "rank 0")
        self._reception: Reception | None = None
        self._missing = rank.world - 1

    @property
    def expected(self) -> int:
        return self._own.expected + self._missing

    def open(self) -> None:
        here = self._rank.is_on_one_machine
        self._reception = Reception.open(
            "127.0.0.1" if here else "0.0.0.0",  # noqa: S104  # ranks of other machines are to be let in
            reachable_at=None if here else self._rank.master,
        )
        announce(self._rank.store(), self._reception.address)
        self._own.open()

    def arrived(self) -> Arrived:
        assert self._reception is not None
        others = self._reception.arrived()
        self._missing -= len(others)
        return [*self._own.arrived(), *((link, self._wanted) for link in others)]

    def close(self, *, kill: bool) -> None:
        self._own.close(kill=kill)
        if self._reception is not None:
            self._reception.close()


def work_on_node(address: WorkerAddress, name: str, threads: int) -> None:
    """The task of a worker on a Ray cluster."""
    worker.serve(worker.connect(address, name), threads)


class RaySource:
    """Workers on the nodes of a Ray cluster: on every GPU if `gpus`, else one on each node with all its cores.

    With `each`, so many workers on every node that can have them.
    """

    def __init__(self, *, gpus: bool, each: int | None = None, sure: bool = True) -> None:
        """`sure`: the user said which kind of device to use."""
        self._gpus = gpus
        self._each = each
        self._sure = sure
        self._connection = ExitStack()
        self._ray: Any = None
        self._reception: Reception | None = None
        self._tasks: dict[Any, str] = {}

    @property
    def expected(self) -> int:
        return len(self._tasks)

    def open(self) -> None:
        self._ray = self._connection.enter_context(connected())
        if not self._gpus and not self._sure and self._ray.cluster_resources().get("GPU"):
            raise UsageError("The Ray cluster has GPUs, and this machine has none.", "--device cuda ; or --device cpu")
        self._reception = Reception.open(self._ray.util.get_node_ip_address())
        for node in self._ray.nodes():
            if node["Alive"] and node["Resources"].get("GPU" if self._gpus else "CPU"):
                self._start_on(node)
        if not self._tasks:
            raise CliError(
                f"No node of the Ray cluster has a {'GPU' if self._gpus else 'CPU'} for a worker.", "ray status"
            )

    def _start_on(self, node: dict[str, Any]) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        assert self._reception is not None
        count = self._each or (int(node["Resources"]["GPU"]) if self._gpus else 1)
        threads = max(1, int(node["Resources"].get("CPU", 1)) // count)
        task = self._ray.remote(work_on_node).options(
            num_cpus=1 if self._gpus else threads,
            num_gpus=1 if self._gpus else 0,
            max_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        )
        for number in range(count):
            name = f"{node['NodeManagerAddress']} {'GPU' if self._gpus else 'CPU'} {number}"
            self._tasks[task.remote(self._reception.address, name, threads)] = name

    def arrived(self) -> Arrived:
        assert self._reception is not None
        found = []
        for link in self._reception.arrived():
            self._tasks = {task: name for task, name in self._tasks.items() if name != link.name}
            found.append((link, FIRST_GPU if self._gpus else "cpu"))
        self._check()
        return found

    def _check(self) -> None:
        """Raise if a worker ended before it connected, as where coma is not installed on its node."""
        ended, _ = self._ray.wait(list(self._tasks), timeout=0) if self._tasks else ([], [])
        for task in ended:
            name = self._tasks.pop(task)
            try:
                self._ray.get(task)
            except self._ray.exceptions.RayError as error:
                raise CliError(
                    f"The Ray worker {name} can't start: {shortened(str(error), 300)}",
                    "Install the same version of coma on every node.",
                ) from None

    def close(self, *, kill: bool) -> None:
        for task in self._tasks:
            self._ray.cancel(task, force=True)
        if self._reception is not None:
            self._reception.close()
        self._connection.close()
