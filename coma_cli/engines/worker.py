"""A worker process: it loads a model onto one device and answers the requests that another process hands out.

It writes no files. When its connection closes it ends at once, whatever it is doing, so that none outlives the process
that it works for. What the two say to each other: `worker_messages.py`.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from coma_cli.engines.interface import GenerationRequest
from coma_cli.engines.worker_messages import (
    Failed,
    Loaded,
    Probability,
    ProbabilityQuestion,
    Remark,
    RowAnswered,
    Work,
    WorkWanted,
)
from coma_cli.errors import CliError, machine_error
from coma_cli.parallel.machine import default_workers
from coma_cli.parallel.ranks import ProcessRank, announced, forget_rank
from coma_cli.parallel.worker_links import WorkerAddress


class Worker:
    """One worker at work."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._inbox: SimpleQueue[Any] = SimpleQueue()

    def run(self, threads: int, place: Callable[[str], str]) -> None:
        """Serve until told to end; `threads` are for a CPU, `place` chooses the device by the one that is wanted."""
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self._work(threads, place)
        except ConnectionError:
            os._exit(1)  # the leading process is gone, which may be noticed here first
        except Exception as error:
            self._fail(error)

    def _work(self, threads: int, place: Callable[[str], str]) -> None:
        start = self._inbox.get()
        if start is None:
            return
        device = place(start.device)
        if device == "cpu":
            import torch

            torch.set_num_threads(threads)
        engine = start.open_engine(device, lambda text: self._send(Remark(text)))
        self._send(Loaded(str(getattr(engine, "path", ""))))
        while True:
            self._send(WorkWanted(idle=True))
            message = self._inbox.get()
            if message is None:
                return
            if isinstance(message, ProbabilityQuestion):
                value = engine.log_probability(message.prompt_ids, message.continuation_ids)
                self._send(Probability(value))
            else:
                for response in engine.generate(self._requests(message)):
                    self._send(RowAnswered(response))

    def _requests(self, work: Work) -> Iterator[GenerationRequest]:
        """Requests until there are none to be had; the next ones are on their way while these are taken."""
        while work.requests:
            self._send(WorkWanted(idle=False))
            yield from work.requests
            work = self._inbox.get()

    def _send(self, message: object) -> None:
        self._connection.send(message)

    def _fail(self, error: Exception) -> None:
        """Report an error, and wait for the end: a launcher ends all ranks as soon as one of them has ended."""
        known = error if isinstance(error, CliError) else machine_error(error)
        try:
            self._send(Failed(known, traceback.format_exc()))
        except OSError:
            os._exit(1)
        while self._inbox.get() is not None:
            pass

    def _read(self) -> None:
        """Take messages in, also while rows are computed, so that the end of the leading process is noticed."""
        message: object = ""
        while message is not None:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                os._exit(1)
            except (
                Exception
            ) as error:  # what came can't be unpickled here, as when another version of coma is installed
                self._send(Failed(None, f"a worker can't read its task: {error!r}"))
                continue
            self._inbox.put(message)


def serve(connection: Any, threads: int, place: Callable[[str], str] = str) -> None:
    """Work for the process at the other end of a connection until it says that all is done, or is gone.

    `place` turns the device that it names into the one to use here.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the leading process decides
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    Worker(connection).run(threads, place)


def connect(address: WorkerAddress, name: str) -> Any:
    """A connection to the process that leads, which calls this worker by that name.

    Raises:
        CliError: it can't be reached.
    """
    try:
        connection = address.connect()
        connection.send(name)
    except (OSError, EOFError, AuthenticationError) as error:
        raise CliError(
            f"{name} can't reach the leading process at {address.host}:{address.port}: {error}",
            "Check that the machines may connect to each other.",
        ) from None
    return connection


def assist() -> None:
    """Do the work of a rank other than 0: help rank 0 if it has something to do."""
    from coma_cli.models.visible_device import claim, device_of_rank

    rank = ProcessRank.of_environment()
    assert rank is not None
    address = announced(rank.store())
    if address is None:
        return
    forget_rank()
    connection = connect(address, f"rank {rank.number}")
    threads = max(1, default_workers() // rank.local_world)
    serve(connection, threads, lambda wanted: claim(device_of_rank(wanted, rank.local, rank.local_world)))


def main() -> None:
    """The process that `LocalProcesses.start` starts: the descriptor of its connection, and its threads."""
    descriptor, threads = sys.argv[1:]
    serve(Connection(int(descriptor)), int(threads))


if __name__ == "__main__":
    main()
