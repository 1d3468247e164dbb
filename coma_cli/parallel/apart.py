"""Work in a process of its own beside the caller's, which loads packages while the caller still makes the arguments."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

from coma_cli.errors import CliError
from coma_cli.parallel.shards import PROCESSES, begin_worker


class Doer(Protocol):
    """Does some work with its arguments, now or beside what the caller does next."""

    def __call__(self, work: Callable[..., object], *arguments: object) -> None:
        """Do it; what it returns is not kept."""


@contextmanager
def working_apart(load: Callable[[], object], *, apart: bool) -> Iterator[Doer]:
    """A process that has called `load` and does what it is given; all is done at the end. If not `apart`, this process.

    Raises:
        CliError: the process died. Errors raised by the work are passed on unchanged.
    """
    if not apart:
        yield _do_now
        return
    pool = ProcessPoolExecutor(1, mp_context=PROCESSES, initializer=begin_worker, initargs=(None,))
    under_way: list[Future[object]] = [pool.submit(load)]
    try:
        yield partial(_hand_over, pool, under_way)
        for one in under_way:
            one.result()
    except BrokenProcessPool as error:
        raise CliError("A process was killed from outside (out of memory?).", "Try again with --workers 1.") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _do_now(work: Callable[..., object], *arguments: object) -> None:
    work(*arguments)


def _hand_over(
    pool: ProcessPoolExecutor, under_way: list[Any], work: Callable[..., object], *arguments: object
) -> None:
    under_way.append(pool.submit(work, *arguments))
