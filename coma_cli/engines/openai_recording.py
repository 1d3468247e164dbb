"""Books the calls of a session on a thread of their own, in batches: what is reserved, answered, stored, or lost.

While one batch is on its way to the disk, the next one gathers: the more calls, the fewer writes. Answers are on disk
before they are settled, and reservations before their calls are sent.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from coma_cli.engines.answers import Answer, AnswerJournal, now
from coma_cli.engines.chat import texts_of
from coma_cli.engines.counting import TokenCounter
from coma_cli.engines.metering import Meter
from coma_cli.engines.replies import BadReplyError, ErrorReplyError, Reply, read_reply


@dataclass(frozen=True)
class PaidCall:
    """A request as it is sent and booked: its content and key, and bounds on its tokens."""

    content: dict[str, Any]
    key: str
    prompt_bound: int

    @property
    def completion_bound(self) -> int:
        """The limit of the answer's tokens."""
        return int(self.content["max_new_tokens"])

    @property
    def bound(self) -> int:
        """A bound on all its tokens."""
        return self.prompt_bound + self.completion_bound


@dataclass(frozen=True)
class _Reserve:
    call: PaidCall


@dataclass(frozen=True)
class _Answered:
    call: PaidCall
    ticket: str
    body: bytes
    not_sent: frozenset[str]


@dataclass(frozen=True)
class _Failed:
    ticket: str
    error: str
    maybe_paid: bool


_Event = _Reserve | _Answered | _Failed
_Entry = tuple[_Event, asyncio.Future[Any]]


class Recorder:
    """Books calls; its methods are called on one event loop, `close` after all others."""

    def __init__(self, answers: AnswerJournal | None, meter: Meter, counter: TokenCounter) -> None:
        self._answers = answers
        self._meter = meter
        self._counter = counter
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="openai-recorder")
        self._gathered: list[_Entry] = []
        self._waiting: deque[_Entry] = deque()  # reservations that do not fit beside the calls in flight
        self._work: asyncio.Future[list[tuple[asyncio.Future[Any], Any]]] | None = None
        self._stopped = False

    async def reserve(self, call: PaidCall) -> str | None:
        """A ticket for a call; None if the recorder was stopped before it was granted.

        Raises:
            CliError: the call exceeds the budget, and no call is in flight.
        """
        ticket: str | None = await self._booked(_Reserve(call))
        return ticket

    async def answered(self, call: PaidCall, ticket: str, body: bytes, not_sent: frozenset[str]) -> Answer:
        """The answer that a reply's body is, stored and settled.

        Raises:
            BadReplyError, ErrorReplyError: it is none; the ticket is still open.
        """
        answer: Answer = await self._booked(_Answered(call, ticket, body, not_sent))
        return answer

    async def failed(self, ticket: str, error: str, *, maybe_paid: bool) -> None:
        """Close the ticket of a call without an answer."""
        await self._booked(_Failed(ticket, error, maybe_paid))

    def stop(self) -> None:
        """Grant nothing more."""
        self._stopped = True
        if self._work is None:
            self._start()

    async def close(self) -> None:
        """Wait for what is being written, and end the thread."""
        while self._work is not None:
            await asyncio.wait([self._work])
            await asyncio.sleep(0)  # its callback may start another one
        self._thread.shutdown(wait=False)

    def _booked(self, event: _Event) -> asyncio.Future[Any]:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._gathered.append((event, done))
        if self._work is None:
            self._start()
        return done

    def _start(self) -> None:
        batch, self._gathered = self._gathered, []
        self._work = asyncio.get_running_loop().run_in_executor(self._thread, self._book, batch)
        self._work.add_done_callback(self._ended)

    def _ended(self, work: "asyncio.Future[list[tuple[asyncio.Future[Any], Any]]]") -> None:
        self._work = None
        for done, outcome in work.result():
            if done.done():  # its task was cancelled
                continue
            if isinstance(outcome, BaseException):
                done.set_exception(outcome)
            else:
                done.set_result(outcome)
        if self._gathered:
            self._start()

    # On the recorder's thread.

    def _book(self, batch: Sequence[_Entry]) -> list[tuple[asyncio.Future[Any], Any]]:
        """All outcomes of a batch: what ends calls first, since that makes room for the next ones."""
        ends = [entry for entry in batch if not isinstance(entry[0], _Reserve)]
        self._waiting.extend(entry for entry in batch if isinstance(entry[0], _Reserve))
        try:
            return self._close_calls(ends) + self._grant()
        except Exception as error:  # raised in every task that waits for this batch
            return [(done, error) for _, done in (*batch, *self._waiting)]

    def _close_calls(self, ends: Sequence[_Entry]) -> list[tuple[asyncio.Future[Any], Any]]:
        outcomes: list[tuple[asyncio.Future[Any], Any]] = []
        answered: list[tuple[_Answered, Answer]] = []
        for event, done in ends:
            if isinstance(event, _Failed):
                (self._meter.forfeit if event.maybe_paid else self._meter.release)(event.ticket, event.error)
                outcomes.append((done, None))
            elif isinstance(event, _Answered):
                try:
                    answer = answer_of(event.call, read_reply(event.body), event.not_sent, self._counter)
                except (BadReplyError, ErrorReplyError) as error:
                    outcomes.append((done, error))
                else:
                    answered.append((event, answer))
                    outcomes.append((done, answer))
        if self._answers is not None and answered:
            self._answers.append_all([answer for _, answer in answered])
        for event, answer in answered:
            self._meter.settle(event.ticket, answer.prompt_tokens, answer.completion_tokens)
        return outcomes

    def _grant(self) -> list[tuple[asyncio.Future[Any], Any]]:
        """Grant what fits, in order; nothing once stopped, and an error if not even one call fits."""
        outcomes: list[tuple[asyncio.Future[Any], Any]] = []
        while self._waiting:
            event, done = self._waiting[0]
            assert isinstance(event, _Reserve)
            ticket = None
            if not self._stopped and not done.done():
                call = event.call
                ticket = self._meter.reserve(call.key, call.prompt_bound, call.completion_bound)
                if ticket is None and self._meter.open > 0:
                    break
                if ticket is None:
                    outcomes.append((done, self._meter.exhausted()))
                    self._stopped = True
                    self._waiting.popleft()
                    continue
            outcomes.append((done, ticket))
            self._waiting.popleft()
        return outcomes


def answer_of(call: PaidCall, reply: Reply, not_sent: Collection[str], counter: TokenCounter) -> Answer:
    """A reply as a row; token counts that the server did not give are upper bounds."""
    prompt, completion = reply.prompt_tokens, reply.completion_tokens
    if prompt is None:
        prompt = counter.at_most(texts_of(call.content))
    if completion is None:
        completion = min(call.completion_bound, counter.at_most([reply.reasoning, reply.text]))
    return Answer(
        request_sha256=call.key,
        request=call.content,
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
        not_sent=tuple(sorted(not_sent)),
    )
