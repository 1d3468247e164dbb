"""Maps one function over shards: in this process, in worker processes, or on a Ray cluster. Stages don't know which."""

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import forkserver
from multiprocessing.connection import wait
from typing import Any, TypeVar

from coma_cli.errors import CliError
from coma_cli.parallel.ray_cluster import Cluster, connected
from coma_cli.words import shortened

C = TypeVar("C")
S = TypeVar("S")
R = TypeVar("R")

_SHARDS_AHEAD = 2  # each worker has the next shard queued, and few results wait for the driver
# New objects between two searches for reference cycles. The default is 700: the syntax tree of a few lines has more and
# is in no cycle, and the searches took a tenth of the time of such work.
_COLLECT_AFTER = 20_000
PROCESSES = multiprocessing.get_context("forkserver")
_context: Any = None


def map_shards(
    work: Callable[[C, S], R], context: C, shards: Sequence[S], workers: int, cluster: Cluster | None = None
) -> Iterator[R]:
    """Results of `work(context, shard)` in order of completion; `context` is sent to each worker once.

    With one worker everything runs in this process. Workers end with this process, however it ends. On a cluster the
    shards of lost nodes are retried on other nodes.

    Raises:
        CliError: a worker process died (out of memory, for example). Errors raised by `work` are passed on unchanged.
    """
    if cluster is not None and shards:
        yield from _on_ray(work, context, shards)
    elif _is_done_here(shards, workers):
        with collecting_rarely():
            yield from (work(context, shard) for shard in shards)
    else:
        yield from _in_processes(work, context, shards, workers)


def _is_done_here(shards: Sequence[Any], workers: int) -> bool:
    """Whether the work should run in this process."""
    return workers <= 1 or len(shards) <= 1


def warm_up(work: Callable[[C, S], R], shards: Sequence[S], workers: int, cluster: Cluster | None = None) -> None:
    """Start loading what `work` needs in the fork server, while the caller still prepares the context.

    Call it before `map_shards` with the same arguments: each worker then starts with everything loaded.
    """
    if cluster is None and not _is_done_here(shards, workers):
        PROCESSES.set_forkserver_preload(["__main__", work.__module__])
        forkserver.ensure_running()


def _in_processes(work: Callable[[C, S], R], context: C, shards: Sequence[S], workers: int) -> Iterator[R]:
    pool = ProcessPoolExecutor(
        min(workers, len(shards)),
        mp_context=PROCESSES,
        initializer=begin_worker,
        initargs=(context,),
    )
    try:
        for done in as_completed([pool.submit(_do, work, shard) for shard in shards]):
            yield done.result()
    except BrokenProcessPool as error:
        raise CliError(
            "A worker process was killed from outside (out of memory?).", "Try again with --workers 1."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def begin_worker(context: object) -> None:
    """What a worker process does first: it leaves Ctrl-C to the parent, ends with it, and keeps the `context`."""
    global _context
    _context = context
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Search for reference cycles in this process as rarely as workers do, for work on many syntax trees."""
    before = gc.get_threshold()
    gc.set_threshold(_COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _end_with_parent() -> None:
    """End this worker with its parent; otherwise it would wait for work forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _do(work: Callable[[Any, S], R], shard: S) -> R:
    return work(_context, shard)


def _on_ray(work: Callable[[C, S], R], context: C, shards: Sequence[S]) -> Iterator[R]:
    """Map on Ray with one-core tasks; Ray restarts those of a lost node."""
    with connected() as ray:
        task = ray.remote(work).options(num_cpus=1, max_retries=3)
        shared = ray.put(context)
        waiting = iter(shards)
        ahead = _SHARDS_AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        under_way = [task.remote(shared, shard) for shard in islice(waiting, ahead)]
        try:
            while under_way:
                (done, *_), under_way = ray.wait(under_way, num_returns=1)
                under_way += [task.remote(shared, shard) for shard in islice(waiting, 1)]
                yield _result(ray, done)
        finally:
            for left in under_way:
                ray.cancel(left, force=True)


def _result(ray: Any, done: Any) -> Any:
    try:
        return ray.get(done)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        if isinstance(cause, CliError):
            raise cause from None
        raise
    except ray.exceptions.RayError as error:
        raise CliError(
            f"A shard was lost on the Ray cluster: {shortened(str(error), 200)}", "Rerun the same command to resume."
        ) from error
