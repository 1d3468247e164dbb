"""Connections to worker processes: those of this machine over a pair of sockets, others over the network.

Messages are pickled, so a connection over the network is only made with somebody who knows its secret.
"""

import os
import secrets
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, Self

_END_WITHIN_S = 10.0


@dataclass(frozen=True)
class WorkerAddress:
    """Where workers connect, and the secret that they have to know."""

    host: str
    port: int
    secret: str

    def to_text(self) -> str:
        """All of it in one line."""
        return f"{self.host} {self.port} {self.secret}"

    @classmethod
    def of_text(cls, text: str) -> Self:
        """The address that `to_text` wrote."""
        host, port, secret = text.split()
        return cls(host, int(port), secret)

    def connect(self) -> Any:
        """A connection from a worker.

        Raises:
            OSError, AuthenticationError: nobody listens there, or with another secret.
        """
        return Client((self.host, self.port), authkey=self.secret.encode())


@dataclass(eq=False)
class WorkerLink:
    """A worker as the process that leads it sees it; `process` is known for those of this machine."""

    name: str
    connection: Any
    process: subprocess.Popen[bytes] | None = None

    def how_it_ended(self) -> str:
        """What is known of its end, once its connection is closed."""
        if self.process is None:
            return "is lost"
        try:
            code = self.process.wait(_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            return "is lost"
        return f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"


class LocalProcesses:
    """Worker processes of this machine; a context manager that leaves none behind.

    Each is `python -m MODULE DESCRIPTOR ARGUMENTS...`, where the descriptor is its end of the connection.
    """

    def __init__(self) -> None:
        self.links: list[WorkerLink] = []

    def start(self, name: str, module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> WorkerLink:
        """Start one, with these environment variables alone."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(theirs.fileno()), *arguments],
                env={**environment, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
                stdin=subprocess.DEVNULL,
                stdout=2,  # results of this process go to standard output
                pass_fds=[theirs.fileno()],
            )
        link = WorkerLink(name, Connection(ours.detach()), process)
        self.links.append(link)
        return link

    def close(self, *, kill: bool) -> None:
        """Wait for all to end, or end them."""
        for link in self.links:
            assert link.process is not None
            if kill:
                link.process.kill()
            try:
                link.process.wait(_END_WITHIN_S)
            except subprocess.TimeoutExpired:
                link.process.kill()
                link.process.wait()
            link.connection.close()


class Reception:
    """Where workers of other places connect; they are let in by a thread."""

    def __init__(self, listener: Listener, address: WorkerAddress) -> None:
        """See `open`."""
        self.address = address
        self._listener = listener
        self._arrived: deque[WorkerLink] = deque()
        self._closed = False
        self._thread = threading.Thread(target=self._let_in, daemon=True)

    @classmethod
    def open(cls, host: str, *, reachable_at: str | None = None) -> Self:
        """Listen on a free port of an interface; workers know this machine by another name if one is given."""
        secret = secrets.token_hex(32)
        listener = Listener((host, 0), authkey=secret.encode(), backlog=64)
        reception = cls(listener, WorkerAddress(reachable_at or host, listener.address[1], secret))
        reception._thread.start()
        return reception

    def _let_in(self) -> None:
        while not self._closed:
            try:
                connection = self._listener.accept()
                name = connection.recv()
            except (OSError, EOFError, AuthenticationError):
                continue  # somebody else, or a worker that died at once
            self._arrived.append(WorkerLink(str(name), connection))

    def arrived(self) -> list[WorkerLink]:
        """The workers that connected since this was last called."""
        return [self._arrived.popleft() for _ in range(len(self._arrived))]

    def close(self) -> None:
        """Let nobody in anymore."""
        self._closed = True
        with suppress(OSError, EOFError, AuthenticationError):
            self.address.connect().close()  # wakes the thread
        self._thread.join(_END_WITHIN_S)
        self._listener.close()
