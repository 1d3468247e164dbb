"""Completions by OpenAI's Batch API: requests go to the server as files and come back within a day, at half the price.

A batch is on disk before anything is sent, its id before it is waited for; so a killed run goes on waiting, and nothing
is sent twice. What is finished of a batch that expired or failed in part is collected and charged, the rest is sent in
the next batch. Source: OpenAI's API reference, "Batch", and its guide "Batch API" (limits of a file).
"""

import io
import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from coma_cli import console
from coma_cli.engines.answers import Answer, AnswerJournal, now, request_sha256
from coma_cli.engines.batch_records import BatchBook, BatchRecord, new_id, opened
from coma_cli.engines.chat import texts_of, wire_of
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.engines.openai_failures import Failure, explain, explain_status
from coma_cli.engines.openai_recording import PaidCall, answer_of
from coma_cli.engines.openai_session import Parts, fields_of, response_of
from coma_cli.engines.openai_transport import encode_call, open_blocking_client
from coma_cli.engines.pacing import backoff_s
from coma_cli.engines.replies import BadReplyError, ErrorReplyError, message_in, read_reply
from coma_cli.errors import CliError
from coma_cli.words import count_of

if TYPE_CHECKING:
    from openai.types import Batch

MOST_BYTES = 200_000_000  # of a batch's file
_ENDED = frozenset({"completed", "expired", "cancelled", "failed"})
_CLAIM_WAIT_S = 0.5
_TAG = "coma"
T = TypeVar("T")


@dataclass
class _Waiting:
    """A request on its way: how often it was sent, and why it failed last."""

    request: GenerationRequest
    call: PaidCall
    attempts: int = 0
    failure: Failure | None = None


class BatchRun:
    """One call of `OpenAIEngine.generate` by batches. `parts.answers` must be there."""

    def __init__(self, parts: Parts, answers: AnswerJournal, server: str, book: BatchBook) -> None:
        self._parts = parts
        self._connection = parts.connection
        self._answers = answers
        self._server = server
        self._book = book
        self._client = open_blocking_client(parts.connection)
        self._tickets: dict[str, str] = {}
        self._queue: deque[_Waiting] = deque()

    def run(self, requests: Iterator[GenerationRequest]) -> Iterator[GenerationResponse]:
        """The responses: stored ones at once, the others as their batches end."""
        self.collect_all()
        while True:
            yield from self._take_in(requests)
            if not self._queue:
                return
            sent = self._send_one()
            yield from self._yield_after(sent)

    def collect_all(self) -> None:
        """Wait for the batches that earlier starts left at the server, and store their answers."""
        for record in self._book.left(self._server):
            console.note(
                f"Batch {record.batch_id or record.id}: {count_of(record.requests, 'request')} of an earlier start"
            )
            calls = {row["key"]: self._call(row["content"], row["key"]) for row in self._book.requests(record)}
            for key in calls:
                ticket = self._parts.meter.held(key)
                if ticket is not None:
                    self._tickets[key] = ticket
            self._finish(record, calls)

    def _take_in(self, requests: Iterator[GenerationRequest]) -> Iterator[GenerationResponse]:
        """Queue all requests that can be made now, up to a batch; yield what is stored."""
        while len(self._queue) < self._connection.batch_requests:
            request = next(requests, None)
            if request is None:
                return
            content = self._parts.content(request)
            key = request_sha256(content)
            while (known := self._parts.found(request, key)) is None and not self._answers.claim(key):
                time.sleep(_CLAIM_WAIT_S)  # another process is asking
            if known is not None:
                self._parts.traffic.reused += 1
                yield known
            else:
                self._queue.append(_Waiting(request, self._call(content, key)))

    def _call(self, content: dict[str, Any], key: str) -> PaidCall:
        return PaidCall(content, key, self._parts.counter.at_most(texts_of(content)))

    def _send_one(self) -> list[_Waiting]:
        """Send one batch and collect it; the requests that were in it.

        Raises:
            BudgetReachedError: not even one request fits the budget.
        """
        sent: list[_Waiting] = []
        size, refused = 0, tuple(sorted(self._parts.refused))
        while self._queue and len(sent) < self._connection.batch_requests:
            waiting = self._queue[0]
            size += len(self._line(waiting.call, refused))
            if size > MOST_BYTES and sent:
                break
            call = waiting.call
            ticket = self._parts.meter.reserve(call.key, call.prompt_bound, call.completion_bound)
            if ticket is None:
                break
            self._tickets[call.key] = ticket
            waiting.attempts += 1
            sent.append(self._queue.popleft())
        if not sent:
            raise self._parts.meter.exhausted()
        self._answers.require_room(len(sent))
        endpoint = "/v1/completions" if "prompt" in sent[0].call.content else "/v1/chat/completions"
        record = self._book.add(
            BatchRecord(
                id=new_id(),
                state="prepared",
                server=self._server,
                endpoint=endpoint,
                requests=len(sent),
                not_sent=refused,
                time=now(),
            ),
            [{"key": waiting.call.key, "content": waiting.call.content} for waiting in sent],
        )
        failures = self._finish(record, {waiting.call.key: waiting.call for waiting in sent})
        for waiting in sent:
            waiting.failure = failures.get(waiting.call.key)
        return sent

    def _yield_after(self, sent: list[_Waiting]) -> Iterator[GenerationResponse]:
        """The responses of a batch's requests; those that may be tried again go back into the queue."""
        for waiting in sent:
            key, failure = waiting.call.key, waiting.failure
            if failure is None:
                answer = self._answers.get(key)
                assert answer is not None
                self._answers.release(key)
                yield response_of(waiting.request.key, answer)
            elif failure.retry and waiting.attempts < self._connection.attempts:
                self._queue.append(waiting)
            else:
                self._parts.traffic.failed += 1
                self._answers.release(key)
                yield GenerationResponse(
                    waiting.request.key, "", "error", 0, 0, error=failure.message, permanent=not failure.retry
                )

    # One batch, from wherever it is to its end.

    def _finish(self, record: BatchRecord, calls: dict[str, PaidCall]) -> dict[str, Failure]:
        """Complete a batch, wherever it is; answers are stored, failures are returned by key."""
        if record.state == "prepared":
            lines = b"".join(self._line(call, record.not_sent) for call in calls.values())
            file = ("requests.jsonl", io.BytesIO(lines))
            uploaded = self._asked(lambda: self._client.files.create(file=file, purpose="batch"))
            record = self._book.note(record, state="uploaded", file_id=uploaded.id)
        if record.state == "uploaded":
            batch = self._asked(lambda: self._found_at_server(record) or self._started(record))
            record = self._book.note(record, state="started", batch_id=batch.id)
            self._parts.traffic.sent += len(calls)
        batch = self._waited_for(record)
        failures = self._collected(batch, record, calls)
        self._book.note(record, state="collected")
        return failures

    def _line(self, call: PaidCall, not_sent: tuple[str, ...]) -> bytes:
        """A request's line in the file of a batch."""
        body = json.loads(encode_call(wire_of(call.content, self._connection, not_sent)))
        url = "/v1/completions" if "prompt" in call.content else "/v1/chat/completions"
        row = {"custom_id": call.key, "method": "POST", "url": url, "body": body}
        return json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n"

    def _started(self, record: BatchRecord) -> "Batch":
        endpoint: Any = record.endpoint
        return self._client.batches.create(
            completion_window="24h", endpoint=endpoint, input_file_id=record.file_id, metadata={_TAG: record.id}
        )

    def _found_at_server(self, record: BatchRecord) -> "Batch | None":
        """A batch of this file that was started by a run that died before it heard so."""
        return next((batch for batch in self._client.batches.list() if batch.input_file_id == record.file_id), None)

    def _waited_for(self, record: BatchRecord) -> "Batch":
        """The batch, once it has ended in any way."""
        batch = self._asked(lambda: self._client.batches.retrieve(record.batch_id))
        if batch.status not in _ENDED:
            console.note(
                f"Batch {batch.id} of {count_of(record.requests, 'request')} is at the server; Ctrl-C leaves it there, "
                "and the same command waits for it again"
            )
        while batch.status not in _ENDED:
            time.sleep(self._connection.batch_poll_s)
            batch = self._asked(lambda: self._client.batches.retrieve(record.batch_id))
        return batch

    def _collected(self, batch: "Batch", record: BatchRecord, calls: dict[str, PaidCall]) -> dict[str, Failure]:
        """Store and settle what is finished; the other requests and why they have no answer."""
        left, failures = dict(calls), {}
        stored: list[tuple[str, Answer]] = []
        for file in filter(None, (batch.output_file_id, batch.error_file_id)):
            for line in self._asked(lambda file=file: self._client.files.content(file).content).splitlines():  # type: ignore[misc]
                key, outcome = self._outcome(line, calls, record)
                if key is None or left.pop(key, None) is None:
                    continue
                if isinstance(outcome, Answer):
                    stored.append((key, outcome))
                else:
                    failures[key] = outcome
        self._answers.append_all([answer for _, answer in stored])
        for key, answer in stored:
            self._parts.traffic.note(answer)
            self._parts.traffic.answered += 1
            if (ticket := self._tickets.pop(key, None)) is not None:
                self._parts.meter.settle(ticket, answer.prompt_tokens, answer.completion_tokens)
        if batch.status == "failed":
            said = "; ".join(str(error.message) for error in (batch.errors.data or [] if batch.errors else []))
            failures |= {key: Failure(f"the batch was refused: {said}", retry=False) for key in left}
        else:
            failures |= {key: Failure(f"the batch {batch.status} without it", retry=True) for key in left}
        for key, failure in failures.items():
            if (ticket := self._tickets.pop(key, None)) is not None:
                close = self._parts.meter.forfeit if failure.maybe_paid else self._parts.meter.release
                close(ticket, failure.message)
        self._learn(failures)
        return failures

    def _outcome(
        self, line: bytes, calls: dict[str, PaidCall], record: BatchRecord
    ) -> tuple[str | None, Answer | Failure]:
        """What a line of a result file says: the key of its request, and the answer or why there is none."""
        model, broken = self._parts.model, Failure("a line of the results can't be read", retry=True, maybe_paid=True)
        try:
            row = json.loads(line)
            key, response = row["custom_id"], row.get("response") or {}
            status, body = int(response.get("status_code") or 0), response.get("body")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None, broken
        if key not in calls:
            return None, broken
        if not 200 <= status < 300:
            said = message_in(body) or message_in({"error": row.get("error")})
            sent = fields_of(wire_of(calls[key].content, self._connection, record.not_sent))
            return key, explain_status(status or 503, said, model, sent)
        try:
            reply = read_reply(json.dumps(body).encode())
            return key, answer_of(calls[key], reply, record.not_sent, self._parts.counter)
        except (BadReplyError, ErrorReplyError) as error:
            return key, explain(error, model) or broken

    def _learn(self, failures: dict[str, Failure]) -> None:
        """Note the fields that the server refuses; stop if every request would fail."""
        for failure in failures.values():
            if failure.refused_field and failure.refused_field not in self._parts.refused:
                self._parts.refused.add(failure.refused_field)
                console.warn(f"The server refuses {failure.refused_field!r} ({failure.message}).")
            if failure.fatal is not None:
                raise failure.fatal

    def _asked(self, action: Callable[[], T]) -> T:
        """The result of a call to the server, after as many attempts as are allowed.

        Raises:
            CliError: it refuses, or does not answer.
        """
        connection = self._connection
        for attempt in range(connection.attempts):
            try:
                return action()
            except Exception as error:
                failure = explain(error, self._parts.model)
                if failure is None:
                    raise
                if failure.fatal is not None:
                    raise failure.fatal from None
                if not failure.retry or attempt + 1 == connection.attempts:
                    raise CliError(
                        f"The server does not take batches: {failure.message}.",
                        "Check --base-url; or omit --batch-api.",
                    ) from None
                wait = failure.retry_after_s
                time.sleep(
                    backoff_s(attempt, connection.first_wait_s, connection.longest_wait_s) if wait is None else wait
                )
        raise AssertionError("there is at least one attempt")


def by_batches(parts: Parts, server: str, requests: Iterator[GenerationRequest]) -> Iterator[GenerationResponse]:
    """The responses to requests by batches; see `BatchRun`.

    Raises:
        CliError: there is no journal for the answers, or the server takes no batches.
    """
    if parts.answers is None:
        raise CliError("Batches need a journal of answers.", "Omit --batch-api.")
    with opened(parts.answers.path.parent) as book:
        yield from BatchRun(parts, parts.answers, server, book).run(requests)


def collect_left(parts: Parts, server: str) -> None:
    """Wait for batches that earlier starts left at the server, so that nothing is paid twice."""
    if parts.answers is None:
        return
    with opened(parts.answers.path.parent) as book:
        if book.left(server):
            BatchRun(parts, parts.answers, server, book).collect_all()
