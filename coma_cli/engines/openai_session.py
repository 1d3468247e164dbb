"""The asynchronous part of the chat engine: a thread with an event loop, the calls in flight, and a queue for results.

One session is one call of `OpenAIEngine.generate`. A call is claimed, paced, granted, sent, stored and settled, in this
order; a failure is explained and then either retried after a wait or returned. What is granted, stored and settled is
booked on the thread of `openai_recording.py`.
"""

import asyncio
import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from coma_cli import console
from coma_cli.engines.answers import Answer, AnswerJournal, request_sha256
from coma_cli.engines.chat import Connection, content_of, texts_of, wire_of
from coma_cli.engines.counting import TokenCounter
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.engines.metering import Meter, NoMeter
from coma_cli.engines.openai_failures import Failure, explain
from coma_cli.engines.openai_recording import PaidCall, Recorder
from coma_cli.engines.openai_transport import Transport, encode_call
from coma_cli.engines.pacing import Gate, Pacer, backoff_s, sleep_unless
from coma_cli.engines.replies import finish_reason
from coma_cli.errors import CliError

GRACE_S = 2.0  # how long an interrupted run waits for answers in flight
_CLAIM_WAIT_S = 0.1
_GIVE_UP_AFTER = 5  # consecutive calls without an answer


@dataclass
class Traffic:
    """Counts: attempts sent, calls answered, answers read from the journal, calls given up; and by answer what the
    server called its configuration and its model.
    """

    sent: int = 0
    answered: int = 0
    reused: int = 0
    failed: int = 0
    failed_in_a_row: int = 0
    system_fingerprints: Counter[str] = field(default_factory=Counter)
    served_by: Counter[str] = field(default_factory=Counter)

    def note(self, answer: Answer) -> None:
        """Count what the server stated about itself with an answer."""
        self.system_fingerprints.update([answer.system_fingerprint] if answer.system_fingerprint else [])
        self.served_by.update([answer.served_by] if answer.served_by else [])


@dataclass(frozen=True)
class Parts:
    """The parts a session uses, which outlive it; `server` tells apart servers under one model name.

    `refused` are the fields that the server turned out not to take; `pacer` knows its limits, set or learnt.
    """

    model: str
    connection: Connection
    answers: AnswerJournal | None
    counter: TokenCounter
    meter: Meter = field(default_factory=NoMeter)
    traffic: Traffic = field(default_factory=Traffic)
    server: str = ""
    refused: set[str] = field(default_factory=set)
    pacer: Pacer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pacer", pacer_of(self.connection))

    def content(self, request: GenerationRequest) -> dict[str, Any]:
        """The content of a request."""
        return content_of(request, self.model, self.server)

    def stored(self, request: GenerationRequest) -> GenerationResponse | None:
        """The stored response to a request, or None."""
        return self.found(request, request_sha256(self.content(request)))

    def found(self, request: GenerationRequest, key: str) -> GenerationResponse | None:
        """The stored response to a request whose hash is `key`, or None."""
        answer = self.answers.get(key) if self.answers else None
        if answer is None:
            return None
        self.traffic.note(answer)
        return response_of(request.key, answer)


def response_of(key: str, answer: Answer) -> GenerationResponse:
    """An answer as the response to the request `key`."""
    return GenerationResponse(
        key,
        answer.text,
        finish_reason(answer.finish_reason, with_stops=bool(answer.request.get("stop"))),
        answer.prompt_tokens,
        answer.completion_tokens,
        reasoning=answer.reasoning,
        reasoning_tokens=answer.reasoning_tokens,
    )


def fields_of(wire: dict[str, Any]) -> frozenset[str]:
    """The fields of a call, and `system` if it has such a message."""
    roles = {message["role"] for message in wire.get("messages", ())}
    return frozenset({*wire, *(roles & {"system"})})


class Session:
    """One session of calls: the thread with its event loop, the transport, the recorder, and the queue of results."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._connection = parts.connection
        self._results: queue.SimpleQueue[GenerationResponse | BaseException | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: Transport | None = None
        self._gate = Gate(parts.pacer)
        self._recorder = Recorder(parts.answers, parts.meter, parts.counter)
        self._stopped = asyncio.Event()
        self._ending: BaseException | None = None

    # The caller's side.

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="openai-engine", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ended = asyncio.run_coroutine_threadsafe(self._shut_down(0.0 if error is None else GRACE_S), self._loop)
        try:
            ended.result(GRACE_S + 5)
        except FutureTimeoutError:
            pass
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        if not self._thread.is_alive():
            self._loop.close()

    def run(self, waiting: Iterator[GenerationRequest]) -> Iterator[GenerationResponse]:
        """Keep as many calls in flight as there are slots; yield the responses."""
        in_flight, more = 0, True
        while True:
            ready: list[tuple[GenerationRequest, PaidCall]] = []
            while more and self._ending is None and in_flight + len(ready) < self._connection.concurrency:
                request = next(waiting, None)
                if request is None:
                    more = False
                    break
                call = self._prepared(request)
                if (known := self._parts.found(request, call.key)) is None:
                    ready.append((request, call))
                    continue
                self._parts.traffic.reused += 1
                in_flight += self._send_off(ready)
                ready = []
                yield known
            in_flight += self._send_off(ready)
            if not in_flight:
                break
            for result in self._arrived():
                in_flight -= 1
                if isinstance(result, BaseException):
                    self._ending = self._ending or result
                elif result is not None:
                    yield result
        if self._ending is not None:
            raise self._ending

    def _prepared(self, request: GenerationRequest) -> PaidCall:
        content = self._parts.content(request)
        return PaidCall(content, request_sha256(content), self._parts.counter.at_most(texts_of(content)))

    def _send_off(self, calls: Sequence[tuple[GenerationRequest, PaidCall]]) -> int:
        """Hand calls to the event loop, all at once; their number."""
        if calls:
            self._open_transport()
            self._loop.call_soon_threadsafe(self._start, list(calls))
        return len(calls)

    def _arrived(self) -> Iterator[GenerationResponse | BaseException | None]:
        """The next result, when it comes, and those that are there with it."""
        yield self._results.get()
        for _ in range(self._results.qsize()):  # only this thread takes any
            yield self._results.get()

    # The event loop's side.

    def _start(self, calls: Sequence[tuple[GenerationRequest, PaidCall]]) -> None:
        for request, call in calls:
            task = self._loop.create_task(self._call(request, call))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _call(self, request: GenerationRequest, call: PaidCall) -> None:
        """Put one item into the queue: a response, a fatal error, or None if nothing was sent."""
        try:
            result: GenerationResponse | BaseException | None = await self._claimed(request, call)
        except Exception as error:  # passed to the caller's thread, which raises it
            result = error
            self._stop()
        self._results.put(result)

    def _stop(self) -> None:
        """Send nothing more."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._gate.close()
            self._recorder.stop()

    async def _claimed(self, request: GenerationRequest, call: PaidCall) -> GenerationResponse | None:
        answers = self._parts.answers
        if answers is None:
            return await self._attempts(request, call)
        while not answers.claim(call.key):
            if not await sleep_unless(self._stopped, _CLAIM_WAIT_S):
                return None
        try:
            # Another process may have stored the answer between the first lookup and the claim.
            known = answers.get(call.key)
            if known is None:
                answers.require_room(len(self._tasks))
                return await self._attempts(request, call)
            self._parts.traffic.reused += 1
            return response_of(request.key, known)
        finally:
            answers.release(call.key)

    async def _attempts(self, request: GenerationRequest, call: PaidCall) -> GenerationResponse | None:
        connection = self._connection
        failure: Failure | None = None
        for attempt in range(connection.attempts):
            result = await self._once_as_the_server_takes_it(call)
            if result is None:
                return None
            if isinstance(result, Answer):
                self._parts.traffic.failed_in_a_row = 0
                return response_of(request.key, result)
            failure = result
            wait = failure.retry_after_s
            if wait is None:
                wait = backoff_s(attempt, connection.first_wait_s, connection.longest_wait_s)
            if not failure.retry or wait > connection.longest_wait_s or attempt + 1 == connection.attempts:
                break
            if failure.busy:
                self._gate.pacer.refused(wait)
            if not await sleep_unless(self._stopped, wait):
                return None
        assert failure is not None
        return self._gave_up(request, failure)

    def _gave_up(self, request: GenerationRequest, failure: Failure) -> GenerationResponse:
        traffic = self._parts.traffic
        traffic.failed += 1
        traffic.failed_in_a_row += 1
        if traffic.failed_in_a_row >= _GIVE_UP_AFTER:
            raise CliError(
                f"The server did not answer {traffic.failed_in_a_row} calls in a row; last error: {failure.message}.",
                "Check --base-url and the server; then rerun the same command to resume.",
            )
        return GenerationResponse(request.key, "", "error", 0, 0, error=failure.message, permanent=not failure.retry)

    async def _once_as_the_server_takes_it(self, call: PaidCall) -> Answer | Failure | None:
        """One attempt, and another one at once for each field that the server refuses."""
        while True:
            result = await self._once(call)
            field = result.refused_field if isinstance(result, Failure) else None
            if field is None or not isinstance(result, Failure):
                return result
            if field not in self._parts.refused:  # calls in flight are refused for the same field
                self._parts.refused.add(field)
                console.warn(f"The server refuses {field!r}, which is not sent to it any more ({result.message}).")

    async def _once(self, call: PaidCall) -> Answer | Failure | None:
        """One attempt, paced and metered; None if the session was stopped before it was sent."""
        counted = await self._gate.enter(call.bound)
        if counted is None:
            return None
        used = 0
        try:
            ticket = await self._recorder.reserve(call)
            if ticket is None:
                return None
            result = await self._send(call, ticket)
            if isinstance(result, Answer):
                used = result.prompt_tokens + result.completion_tokens
            elif result.maybe_paid:
                used = round(counted)
            return result
        finally:
            self._gate.pacer.used(used, call.bound, counted)
            self._gate.leave()

    async def _send(self, call: PaidCall, ticket: str) -> Answer | Failure:
        self._parts.traffic.sent += 1
        refused = frozenset(self._parts.refused)
        wire = wire_of(call.content, self._connection, refused)
        path = "completions" if "prompt" in call.content else "chat/completions"
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._connection.timeout_s):
                reply = await self._open_transport().post(path, encode_call(wire))
            took = time.monotonic() - began
            answer = await self._recorder.answered(call, ticket, reply.body, refused)
        except Exception as error:
            return await self._failure(error, ticket, fields_of(wire))
        self._parts.traffic.note(answer)
        self._parts.traffic.answered += 1
        self._gate.pacer.succeeded(took)
        self._gate.pacer.learn(reply.headers)
        return answer

    async def _failure(self, error: Exception, ticket: str, sent: frozenset[str]) -> Failure:
        """The meaning of what went wrong, booked.

        Raises:
            CliError: every other call would fail too. Exception: the error is a bug.
        """
        failure = explain(error, self._parts.model, sent)
        if (response := getattr(error, "response", None)) is not None:
            self._gate.pacer.learn(response.headers)
        if failure is None:
            await self._recorder.failed(ticket, type(error).__name__, maybe_paid=True)
            raise error
        await self._recorder.failed(ticket, failure.message, maybe_paid=failure.maybe_paid)
        if failure.fatal is not None:
            raise failure.fatal from None
        if failure.late:
            self._gate.pacer.late(self._connection.timeout_s)
        return failure

    def _open_transport(self) -> Transport:
        """The transport, made before the first call, since its imports may take seconds."""
        if self._transport is None:
            self._transport = Transport(self._connection)
        return self._transport

    async def _shut_down(self, grace_s: float) -> None:
        """Stop sending, wait for answers in flight for a while, drop the rest."""
        self._stop()
        if self._tasks and grace_s:
            await asyncio.wait(set(self._tasks), timeout=grace_s)
        rest = set(self._tasks)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await self._recorder.close()
        if self._transport is not None:
            await self._transport.close()


def pacer_of(connection: Connection) -> Pacer:
    """The pacer for a connection."""
    return Pacer(
        connection.concurrency,
        requests_per_minute=connection.requests_per_minute or 0,
        tokens_per_minute=connection.tokens_per_minute or 0,
    )
