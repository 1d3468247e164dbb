"""Runs programs on the machines of a Ray cluster: one sandbox a node, shards of programs, lost shards run again.

It offers what a sandbox offers for a run, so a scorer does not know where programs run. Only the driver writes: nodes
get programs and give outcomes back.
"""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from coma_cli.parallel.ray_cluster import connected
from coma_cli.sandbox import Limits, Outcome, Program, Sandbox, SandboxError, default_workers
from coma_cli.sandbox.levels import Requested
from coma_cli.words import shortened

SHARD = 500  # programs; a second or two of work, and what is run again when a node is lost
_SHARDS_AHEAD = 2  # a node at work on one has the next one queued
_LOSSES_OF_A_SHARD = 3


class Runner(Protocol):
    """Where programs run: this machine's sandbox, or many."""

    def run(self, programs: Iterable[Program]) -> Iterator[Outcome]:
        """One outcome a program, in order of completion."""
        ...


@dataclass(frozen=True)
class SandboxOptions:
    """How each node builds its sandbox."""

    limits: Limits
    workers: int | None = None
    isolation: Requested = "auto"
    consent: bool = False
    python: str | None = None
    packages: tuple[str, ...] = ()

    def sandbox(self) -> Sandbox:
        """A sandbox of this machine, which is opened by entering it."""
        return Sandbox(
            limits=self.limits,
            workers=self.workers,
            isolation=self.isolation,
            consent=self.consent,
            python=self.python,
            packages=self.packages,
        )


class NodeSupervisor:
    """The actor of one node: owns its sandbox."""

    def __init__(self, options: SandboxOptions) -> None:
        self._sandbox = options.sandbox()

    def open(self) -> str:
        """Open the sandbox; the isolation that this node has."""
        return self._sandbox.__enter__().isolation.level

    def run(self, programs: list[Program]) -> list[Outcome]:
        """The outcomes of a shard."""
        return list(self._sandbox.run(programs))


class RayRunner:
    """The nodes of a Ray cluster as one place to run programs; entered as a context manager, which starts the actors.

    Raises (on entering):
        MissingPackageError: ray is not installed. SandboxError: no node can run programs at the `level` of isolation
            that this machine has, or all nodes are lost.
    """

    def __init__(self, options: SandboxOptions, level: str, *, shard: int = SHARD) -> None:
        self._options = options
        self._level = level
        self._shard = shard
        self._connection = ExitStack()
        self._ray: Any = None
        self.actors: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._ray = self._connection.enter_context(connected())
        try:
            self._start_actors()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the actors, and Ray if it was started here."""
        for actor in self.actors.values():
            self._ray.kill(actor)
        self.actors.clear()
        self._connection.close()

    def _start_actors(self) -> None:
        """One on each living node that has cores and no actor yet."""
        for node in self._ray.nodes():
            cores = int(node["Resources"].get("CPU", 0))
            if node["Alive"] and cores and node["NodeID"] not in self.actors:
                self.actors[node["NodeID"]] = self._start_actor(node["NodeID"], cores)
        if not self.actors:
            raise SandboxError("no node of the Ray cluster can run programs")

    def _start_actor(self, node_id: str, cores: int) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        pinned = NodeAffinitySchedulingStrategy(node_id, soft=False)
        workers = min(self._options.workers or default_workers(), cores)
        actor = self._ray.remote(NodeSupervisor).options(num_cpus=workers, scheduling_strategy=pinned)
        started = actor.remote(self._options)
        try:
            level = self._ray.get(started.open.remote())
        except self._ray.exceptions.RayError as error:
            raise SandboxError(f"a node of the Ray cluster can't start its sandbox: {str(error)[-300:]}") from None
        if level != self._level:
            self._ray.kill(started)
            raise SandboxError(f"a node of the Ray cluster isolates at level {level}, this machine at {self._level}")
        return started

    def run(self, programs: Iterable[Program]) -> Iterator[Outcome]:
        """One outcome a program, shard by shard in order of their completion.

        Programs are taken from the iterable as nodes have room for them.
        """
        source = iter(programs)
        again: deque[tuple[list[Program], int]] = deque()
        under_way: dict[Any, tuple[str, list[Program], int]] = {}
        while True:
            self._give_out(source, again, under_way)
            if not under_way:
                return
            ready, _ = self._ray.wait(list(under_way), num_returns=1)
            node_id, shard, losses = under_way.pop(ready[0])
            try:
                outcomes: list[Outcome] = self._ray.get(ready[0])
            except self._ray.exceptions.RayActorError:
                if losses + 1 >= _LOSSES_OF_A_SHARD:
                    raise SandboxError(f"a shard of {len(shard)} programs was lost {losses + 1} times") from None
                again.append((shard, losses + 1))
                self._replace(node_id)
                continue
            except self._ray.exceptions.RayTaskError as error:
                raise SandboxError(f"a node of the Ray cluster: {shortened(str(error.cause), 300)}") from None
            yield from outcomes

    def _give_out(
        self,
        source: Iterator[Program],
        again: deque[tuple[list[Program], int]],
        under_way: dict[Any, tuple[str, list[Program], int]],
    ) -> None:
        """Fill up the nodes' queues, lost shards first."""
        for node_id, actor in self.actors.items():
            while sum(entry[0] == node_id for entry in under_way.values()) < _SHARDS_AHEAD:
                shard, losses = again.popleft() if again else (list(itertools.islice(source, self._shard)), 0)
                if not shard:
                    return
                under_way[actor.run.remote(shard)] = (node_id, shard, losses)

    def _replace(self, node_id: str) -> None:
        """A lost actor is started again where its node still lives."""
        if self.actors.pop(node_id, None) is not None:
            self._start_actors()
