"""A model that coma runs itself in the place of a chat server: the same requests, journal and meter, and no network.

A request's system text and instruction become one prompt in the model's template. The text that a usable answer begins
with (`GenerationRequest.frame`) is put after it, and the model stops at the text that such an answer ends with, which
is added if it ends by itself: small base models would otherwise rarely keep to a form. Answers are stored as those of
servers are, so a run that is killed computes none twice; the model is not loaded if all of them are there.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain

from coma_cli.engines.answers import Answer, AnswerJournal, now, request_sha256
from coma_cli.engines.chat import content_of
from coma_cli.engines.interface import Engine, GenerationRequest, GenerationResponse
from coma_cli.engines.metering import Meter
from coma_cli.engines.openai_session import Traffic, response_of
from coma_cli.errors import CliError
from coma_cli.prompting import PromptTemplate, Tokenizer, encode_prompt, plain_ids


@dataclass(frozen=True)
class LoadedWriter:
    """An engine with what turns requests into tokens for it: template, tokenizer, end tokens and stop texts."""

    engine: Engine
    template: PromptTemplate
    tokenizer: Tokenizer
    stop_ids: tuple[int, ...]
    stop_texts: tuple[str, ...] = ()

    def encoded(self, request: GenerationRequest) -> GenerationRequest:
        """The request with its prompt as tokens, up to where the answer's first text ends."""
        text = "\n\n".join(filter(None, (request.system, request.instruction)))
        start, end = request.frame
        ids = (*encode_prompt(self.template, self.tokenizer, text), *plain_ids(self.tokenizer, start))
        stops = (*self.stop_texts, *request.stop_texts, *([end] if end else []))
        return replace(request, prompt_ids=ids, stop_ids=self.stop_ids, stop_texts=stops)


class LocalChatEngine:
    """A model of this machine as an engine with a journal of answers and a meter.

    `load` is called before the first request without a stored answer. `server` is part of what identifies an answer.
    """

    def __init__(
        self, model: str, load: Callable[[], LoadedWriter], *, answers: AnswerJournal, meter: Meter, server: str
    ) -> None:
        self._model, self._server = model, server
        self._load = load
        self._loaded: LoadedWriter | None = None
        self._answers, self._meter = answers, meter
        self._known: deque[GenerationResponse] = deque()
        self._asked: dict[str, tuple[GenerationRequest, str]] = {}  # request and ticket by key, while in flight
        self._refused: CliError | None = None
        self.traffic = Traffic()

    def generate(self, requests: Iterable[GenerationRequest]) -> Generator[GenerationResponse, None, None]:
        """Yield a response for every request, in order of completion; requests are taken as rows become free.

        Raises:
            BudgetReachedError: the meter grants no more calls. CliError: the model can't be loaded or run.
        """
        waiting = iter(requests)
        for request in waiting:
            known = self.stored(request)
            if known is None:
                yield from self._computed(chain([request], waiting))
                break
            yield known
        if self._refused is not None:
            raise self._refused

    def stored(self, request: GenerationRequest) -> GenerationResponse | None:
        """The stored response to a request, or None."""
        answer = self._answers.get(request_sha256(content_of(request, self._model, self._server)))
        if answer is None:
            return None
        self.traffic.reused += 1
        return response_of(request.key, answer)

    def _computed(self, requests: Iterator[GenerationRequest]) -> Generator[GenerationResponse, None, None]:
        if self._loaded is None:
            self._loaded = self._load()
        try:
            with closing(_as_generator(self._loaded.engine.generate(self._missing(requests)))) as responses:
                for response in responses:
                    yield self._taken(response)
                    while self._known:
                        yield self._known.popleft()
        finally:
            for _, ticket in self._asked.values():
                self._meter.release(ticket, "stopped before its end")
            self._asked.clear()
        while self._known:
            yield self._known.popleft()

    def _missing(self, requests: Iterator[GenerationRequest]) -> Iterator[GenerationRequest]:
        """The requests to compute, encoded and entered into the ledger; stored answers are kept for later."""
        assert self._loaded is not None
        for request in requests:
            known = self.stored(request)
            if known is not None:
                self._known.append(known)
                continue
            encoded = self._loaded.encoded(request)
            key = request_sha256(content_of(request, self._model, self._server))
            ticket = self._meter.reserve(key, len(encoded.prompt_ids), request.decoding.max_new_tokens)
            if ticket is None:
                self._refused = self._meter.exhausted()
                return
            self._asked[request.key] = request, ticket
            self.traffic.sent += 1
            yield encoded

    def _taken(self, response: GenerationResponse) -> GenerationResponse:
        """A computed response, stored; a failure is the same each time, so it is final."""
        request, ticket = self._asked.pop(response.key)
        if response.finish_reason == "error":
            self._meter.release(ticket, response.error)
            self.traffic.failed += 1
            return replace(response, permanent=True)
        content = content_of(request, self._model, self._server)
        answer = Answer(
            request_sha256=request_sha256(content),
            request=content,
            text=framed(request, response),
            finish_reason="length" if response.finish_reason == "length" else "stop",
            prompt_tokens=response.prompt_tokens,
            completion_tokens=response.completion_tokens,
            served_by=self._server,
            created=now(),
            reasoning_tokens=response.reasoning_tokens,
        )
        self._answers.append(answer)
        self._meter.settle(ticket, answer.prompt_tokens, answer.completion_tokens)
        self.traffic.answered += 1
        self.traffic.note(answer)
        return response_of(request.key, answer)


def framed(request: GenerationRequest, response: GenerationResponse) -> str:
    """The whole answer: the text that it was begun with, what the model wrote, and the text that it stopped at.

    A model that ends its answer in another way has written all of what is between the two.
    """
    start, end = request.frame
    return start + response.text + ("" if response.finish_reason == "length" else end)


def _as_generator(responses: Iterator[GenerationResponse]) -> Generator[GenerationResponse, None, None]:
    """An engine's responses as a generator, which can be closed to stop it."""
    yield from responses
