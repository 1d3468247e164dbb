"""An engine that shares requests among worker processes, one per device, on this machine or on others.

Responses come in the order of completion. The requests of a worker that is lost go to the others; if none is left,
that is an error, and what was answered so far is kept if the caller stores it.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any, Protocol, Self

from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.engines.shared_requests import SharedRequests
from coma_cli.engines.worker_messages import (
    Failed,
    Loaded,
    OpenEngine,
    Probability,
    ProbabilityQuestion,
    Remark,
    RowAnswered,
    Start,
    Work,
    WorkWanted,
)
from coma_cli.errors import CliError
from coma_cli.parallel.worker_links import WorkerLink
from coma_cli.words import count_of

# Workers that load slowly are waited for, so that work is dealt evenly; but not for long once one of them could begin.
PATIENCE_S = 30.0
END_WITHIN_S = 10.0
_LOOK_EVERY_S = 0.2  # for workers that connect, while some are still expected


class WorkerSource(Protocol):
    """Where workers come from."""

    @property
    def expected(self) -> int:
        """How many more will come."""
        ...

    def open(self) -> None:
        """Start them."""
        ...

    def arrived(self) -> Sequence[tuple[WorkerLink, str]]:
        """Those that came since this was last called, and the device that each is to use."""
        ...

    def close(self, *, kill: bool) -> None:
        """Wait until all have ended, or end them."""
        ...


class ManyWorkersEngine:
    """Completions from several workers, each of which opens an engine of its own; a context manager.

    `path` says how rows are computed, and `devices` who computes them.
    """

    def __init__(self, source: WorkerSource, open_engine: OpenEngine, on_remark: Callable[[str], None]) -> None:
        self.path = ""
        self.devices: list[str] = []
        self._source = source
        self._open_engine = open_engine
        self._on_remark = on_remark
        self._workers: dict[Any, WorkerLink] = {}
        self._loaded: set[WorkerLink] = set()
        self._idle: list[WorkerLink] = []
        self._shared: SharedRequests | None = None
        self._answer: float | None = None

    def __enter__(self) -> Self:
        try:
            self._source.open()
            self._wait_until_loaded()
        except BaseException:
            self._close(kill=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(kill=error is not None or self._shared is not None)

    def _close(self, *, kill: bool) -> None:
        """End all workers; without `kill` each may finish what it does."""
        for link in self._workers.values():
            try:
                link.connection.send(None)
            except OSError:
                continue  # it has just ended
        deadline = time.monotonic() + (0 if kill else END_WITHIN_S)
        left = set(self._workers)
        while left and (seconds := deadline - time.monotonic()) > 0:
            left -= {connection for connection in wait(list(left), seconds) if _has_ended(connection)}
        for connection in self._workers:
            connection.close()
        self._workers.clear()
        self._source.close(kill=kill)

    def _wait_until_loaded(self) -> None:
        first: float | None = None
        while self._source.expected or len(self._loaded) < len(self._workers) or not self._workers:
            for _ in self._events():
                raise AssertionError("nothing was requested yet")
            if self._loaded and first is None:
                first = time.monotonic()
            if first is not None and time.monotonic() - first > PATIENCE_S:
                self._on_remark(f"Beginning with {count_of(len(self._loaded), 'worker')}; others may join")
                return

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[GenerationResponse]:
        """Yield a response for every request, in order of completion.

        Raises:
            CliError: a worker reports an error, or no worker is left.
        """
        self._shared = SharedRequests(requests)
        self._employ_idle()
        while self._shared.unfinished:
            yield from self._events()
        self._shared = None

    def log_probability(self, prompt_ids: Sequence[int], continuation_ids: Sequence[int]) -> float:
        """The natural logarithm of the probability that the model continues a prompt so, from one of the workers.

        Raises:
            CliError: it does not fit in memory, or no worker is left.
        """
        question = ProbabilityQuestion(tuple(prompt_ids), tuple(continuation_ids))
        asked: WorkerLink | None = None
        self._answer = None
        while self._answer is None:
            if asked not in self._workers.values():
                asked = self._idle.pop() if self._idle else None
                if asked is not None:
                    self._send(asked, question)
            for _ in self._events():
                raise AssertionError("nothing was requested")
        return self._answer

    def _events(self) -> Iterator[GenerationResponse]:
        """Wait for what workers say, and do what follows from it; the responses among it."""
        for link, device in self._source.arrived():
            self._workers[link.connection] = link
            self.devices.append(link.name)
            self._send(link, Start(self._open_engine, device))
        complete = not self._source.expected and len(self._loaded) == len(self._workers) > 0
        ready: list[Any] = wait(list(self._workers), None if complete else _LOOK_EVERY_S)
        for connection in ready:
            speaker = self._workers.get(connection)
            if speaker is None:
                continue  # found to be lost while another one was served
            try:
                message = connection.recv()
            except (EOFError, OSError):
                self._lose(speaker)
                continue
            response = self._respond(speaker, message)
            if response is not None:
                yield response

    def _respond(self, link: WorkerLink, message: object) -> GenerationResponse | None:
        if isinstance(message, RowAnswered):
            assert self._shared is not None
            self._shared.answered(link, message.response.key)
            return message.response
        if isinstance(message, WorkWanted):
            self._hand_out(link, idle=message.idle)
        elif isinstance(message, Loaded):
            self.path = message.path
            self._loaded.add(link)
        elif isinstance(message, Probability):
            self._answer = message.value
        elif isinstance(message, Remark):
            self._on_remark(f"{link.name}: {message.text}")
        elif isinstance(message, Failed):
            raise message.error or RuntimeError(f"{link.name} failed:\n{message.traceback}")
        return None

    def _hand_out(self, link: WorkerLink, *, idle: bool) -> None:
        """Give a worker the next requests; an idle one waits for them if there are none."""
        requests = self._shared.take(link, len(self._workers)) if self._shared is not None else ()
        if requests or not idle:
            self._send(link, Work(requests))
        else:
            self._idle.append(link)

    def _employ_idle(self) -> None:
        idle, self._idle = self._idle, []
        for link in idle:
            self._hand_out(link, idle=True)

    def _send(self, link: WorkerLink, message: object) -> None:
        try:
            link.connection.send(message)
        except OSError:
            self._lose(link)

    def _lose(self, link: WorkerLink) -> None:
        """Go on without a worker that is gone.

        Raises:
            CliError: it was the last one.
        """
        if self._workers.pop(link.connection, None) is None:
            return
        link.connection.close()
        self._loaded.discard(link)
        self._idle = [other for other in self._idle if other is not link]
        left = self._shared.lose(link) if self._shared is not None else 0
        what = f"The worker {link.name} {link.how_it_ended()} (out of memory?)"
        if not self._workers and not self._source.expected:
            raise CliError(
                f"{what}, and no other is left.", "Rerun the same command to resume; finished rows are kept."
            )
        self._on_remark(f"Warning: {what}; {count_of(left, 'row goes', 'rows go')} to the others")
        self._employ_idle()


def _has_ended(connection: Any) -> bool:
    """Take what a worker still says; whether that was all."""
    try:
        connection.recv()
    except (EOFError, OSError):
        return True
    return False
