"""Maps one function over shards in worker processes. Stages do not know where their shards are done."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any, TypeVar

from coma_cli.errors import CliError

C = TypeVar("C")
S = TypeVar("S")
R = TypeVar("R")

_context: Any = None


def map_shards(work: Callable[[C, S], R], context: C, shards: Sequence[S], workers: int) -> Iterator[R]:
    """Results of `work(context, shard)` in order of completion; `context` travels to each worker once.

    With one worker everything happens in this process. The workers end with it, however it ends.

    Raises:
        CliError: a worker process died (killed for memory, say). Errors of `work` come through as they are.
    """
    if workers <= 1 or len(shards) <= 1:
        yield from (work(context, shard) for shard in shards)
        return
    pool = ProcessPoolExecutor(
        min(workers, len(shards)),
        mp_context=multiprocessing.get_context("forkserver"),
        initializer=_begin,
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


def _begin(context: object) -> None:
    global _context
    _context = context
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Without this a worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _do(work: Callable[[Any, S], R], shard: S) -> R:
    return work(_context, shard)
