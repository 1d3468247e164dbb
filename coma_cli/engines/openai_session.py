"""The asynchronous part of the chat engine: a thread with an event loop, the calls in flight, and a queue for results.

One session is one call of `OpenAIEngine.generate`. A call is claimed, paced, granted, sent, stored and settled, in this
order; a failure is explained and then either retried after a wait or returned.
"""

import asyncio
import os
import queue
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from coma_cli import console
from coma_cli.engines.answers import Answer, AnswerJournal, now, request_sha256
from coma_cli.engines.chat import Connection, content_of, texts_of, wire_of
from coma_cli.engines.counting import TokenCounter
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.engines.metering import Meter, NoMeter
from coma_cli.engines.openai_failures import Failure, explain
from coma_cli.engines.openai_key import api_key, without_key
from coma_cli.engines.pacing import Pacer, backoff_s, sleep_unless
from coma_cli.engines.replies import Reply, finish_reason, read_reply
from coma_cli.errors import CliError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

ORGANISATION_VARIABLE = "OPENAI_ORG"
NO_KEY = "none"  # sent to servers without keys, since the client requires one
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

    `refused` are the fields that the server turned out not to take.
    """

    model: str
    connection: Connection
    answers: AnswerJournal | None
    counter: TokenCounter
    meter: Meter = field(default_factory=NoMeter)
    traffic: Traffic = field(default_factory=Traffic)
    server: str = ""
    refused: set[str] = field(default_factory=set)

    def content(self, request: GenerationRequest) -> dict[str, Any]:
        """The content of a request."""
        return content_of(request, self.model, self.server)

    def stored(self, request: GenerationRequest) -> GenerationResponse | None:
        """The stored response to a request, or None."""
        answer = self.answers.get(request_sha256(self.content(request))) if self.answers else None
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


def _fields(wire: dict[str, Any]) -> frozenset[str]:
    """The fields of a call, and `system` if it has such a message."""
    roles = {message["role"] for message in wire.get("messages", ())}
    return frozenset({*wire, *(roles & {"system"})})


class Session:
    """One session of calls: the thread with its event loop, the client, and the queue of results."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._connection = parts.connection
        self._results: queue.SimpleQueue[GenerationResponse | BaseException | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: AsyncOpenAI | None = None
        self._pacer = Pacer(parts.connection.concurrency)
        self._stopped = asyncio.Event()
        self._settled = asyncio.Event()
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
            while more and self._ending is None and in_flight < self._connection.concurrency:
                request = next(waiting, None)
                if request is None:
                    more = False
                elif (known := self._parts.stored(request)) is not None:
                    self._parts.traffic.reused += 1
                    yield known
                else:
                    self._open_client()
                    self._loop.call_soon_threadsafe(self._start, request)
                    in_flight += 1
            if not in_flight:
                break
            result = self._results.get()
            in_flight -= 1
            if isinstance(result, BaseException):
                self._ending = self._ending or result
            elif result is not None:
                yield result
        if self._ending is not None:
            raise self._ending

    # The event loop's side.

    def _start(self, request: GenerationRequest) -> None:
        task = self._loop.create_task(self._call(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self, request: GenerationRequest) -> None:
        """Put one item into the queue: a response, a fatal error, or None if nothing was sent."""
        try:
            result: GenerationResponse | BaseException | None = await self._claimed(request)
        except Exception as error:  # passed to the caller's thread, which raises it
            result = error
            self._stopped.set()
        self._results.put(result)

    async def _claimed(self, request: GenerationRequest) -> GenerationResponse | None:
        content = self._parts.content(request)
        key = request_sha256(content)
        answers = self._parts.answers
        if answers is None:
            return await self._attempts(request, content, key)
        while not answers.claim(key):
            if not await sleep_unless(self._stopped, _CLAIM_WAIT_S):
                return None
        try:
            # Another process may have stored the answer between the first lookup and the claim.
            known = answers.get(key)
            if known is None:
                answers.require_room(len(self._tasks))
                return await self._attempts(request, content, key)
            self._parts.traffic.reused += 1
            return response_of(request.key, known)
        finally:
            answers.release(key)

    async def _attempts(
        self, request: GenerationRequest, content: dict[str, Any], key: str
    ) -> GenerationResponse | None:
        connection = self._connection
        failure: Failure | None = None
        for attempt in range(connection.attempts):
            result = await self._once_as_the_server_takes_it(content, key)
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
                self._pacer.refused(wait)
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

    async def _once_as_the_server_takes_it(self, content: dict[str, Any], key: str) -> Answer | Failure | None:
        """One attempt, and another one at once for each field that the server refuses."""
        while True:
            result = await self._once(content, key)
            field = result.refused_field if isinstance(result, Failure) else None
            if field is None or not isinstance(result, Failure):
                return result
            if field not in self._parts.refused:  # calls in flight are refused for the same field
                self._parts.refused.add(field)
                console.warn(f"The server refuses {field!r}, which is not sent to it any more ({result.message}).")

    async def _once(self, content: dict[str, Any], key: str) -> Answer | Failure | None:
        """One attempt, paced and metered; None if the session was stopped before it was sent."""
        while (wait := self._pacer.admit()) > 0:
            if not await sleep_unless(self._stopped, wait):
                return None
        try:
            ticket = await self._reserve(content, key)
            if ticket is None:
                return None
            return await self._send(content, key, ticket)
        finally:
            self._pacer.leave()
            self._settled.set()

    async def _reserve(self, content: dict[str, Any], key: str) -> str | None:
        meter = self._parts.meter
        prompt = self._parts.counter.at_most(texts_of(content))
        while not self._stopped.is_set():
            ticket = meter.reserve(key, prompt, content["max_new_tokens"])
            if ticket is not None:
                return ticket
            if meter.open == 0:
                raise meter.exhausted()
            self._settled.clear()
            settled = asyncio.ensure_future(self._settled.wait())
            stopped = asyncio.ensure_future(self._stopped.wait())
            await asyncio.wait({settled, stopped}, return_when=asyncio.FIRST_COMPLETED)
            settled.cancel()
            stopped.cancel()
        return None

    async def _send(self, content: dict[str, Any], key: str, ticket: str) -> Answer | Failure:
        meter = self._parts.meter
        self._parts.traffic.sent += 1
        refused = frozenset(self._parts.refused)
        wire = wire_of(content, self._connection, refused)
        try:
            async with asyncio.timeout(self._connection.timeout_s):
                client = self._open_client()
                calls = client.completions if "prompt" in content else client.chat.completions
                raw = await calls.with_raw_response.create(**wire)
                reply = read_reply(raw.content)
        except Exception as error:
            failure = explain(error, self._parts.model, _fields(wire))
            if failure is None:
                meter.forfeit(ticket, type(error).__name__)
                raise
            (meter.forfeit if failure.maybe_paid else meter.release)(ticket, failure.message)
            if failure.fatal is not None:
                raise failure.fatal from None
            return failure
        answer = self._answer(content, key, reply, refused)
        if self._parts.answers is not None:
            self._parts.answers.append(answer)
        self._parts.traffic.note(answer)
        meter.settle(ticket, answer.prompt_tokens, answer.completion_tokens)
        self._pacer.succeeded()
        self._parts.traffic.answered += 1
        return answer

    def _answer(self, content: dict[str, Any], key: str, reply: Reply, refused: frozenset[str]) -> Answer:
        """A reply as a row; token counts that the server did not give are upper bounds."""
        counter = self._parts.counter
        prompt, completion = reply.prompt_tokens, reply.completion_tokens
        if prompt is None:
            prompt = counter.at_most(texts_of(content))
        if completion is None:
            completion = min(content["max_new_tokens"], counter.at_most([reply.reasoning, reply.text]))
        return Answer(
            request_sha256=key,
            request=content,
            text=reply.text,
            finish_reason=reply.finish_reason,
            prompt_tokens=prompt,
            completion_tokens=completion,
            usage_reported=None not in (reply.prompt_tokens, reply.completion_tokens),
            served_by=reply.served_by,
            created=now(),
            reasoning=reply.reasoning,
            reasoning_tokens=reply.reasoning_tokens,
            system_fingerprint=reply.system_fingerprint,
            not_sent=tuple(sorted(refused)),
        )

    def _open_client(self) -> "AsyncOpenAI":
        """The client, created before the first call, since its import may take seconds.

        It makes one attempt per call: retries are handled here.

        Raises:
            CliError: the environment's proxy or certificates can't be used.
        """
        if self._client is None:
            from httpx2 import InvalidURL
            from openai import AsyncOpenAI

            try:
                self._client = AsyncOpenAI(
                    api_key=api_key() or NO_KEY,
                    organization=(os.environ.get(ORGANISATION_VARIABLE) or "").strip() or None,
                    base_url=self._connection.base_url,
                    timeout=self._connection.timeout_s,
                    max_retries=0,
                )
            except (ImportError, OSError, ValueError, InvalidURL) as error:
                raise CliError(
                    f"No connection can be set up: {without_key(str(error)) or type(error).__name__}.",
                    "Check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE (a SOCKS proxy: pip install socksio).",
                ) from None
        return self._client

    async def _shut_down(self, grace_s: float) -> None:
        """Stop sending, wait for answers in flight for a while, drop the rest."""
        self._stopped.set()
        if self._tasks and grace_s:
            await asyncio.wait(set(self._tasks), timeout=grace_s)
        rest = set(self._tasks)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        if self._client is not None:
            await self._client.close()
