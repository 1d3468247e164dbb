"""A completion while it is being sampled, and how its requests become rows."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch

from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.engines.reasoning import AnswerLimit
from coma_cli.engines.stopping import StopTexts
from coma_cli.errors import UsageError
from coma_cli.records import FinishReason

# The text that answer tokens add after prompt tokens.
DecodeAnswer = Callable[[Sequence[int], Sequence[int]], str]


@dataclass
class Row:
    """A completion being sampled: `drawn` holds its tokens including the stop token, `answer_ids` excludes it.

    `uniforms` has one number in [0, 1) per token, from the generator of the request's seed, once the first is needed.
    """

    request: GenerationRequest
    limit: AnswerLimit
    stops: StopTexts
    decode: DecodeAnswer
    uniforms: list[float] = field(default_factory=list)
    drawn: list[int] = field(default_factory=list)
    log_probability: float = 0.0
    finish_reason: FinishReason | None = None
    text: str | None = None

    @classmethod
    def of(cls, request: GenerationRequest, context: int, decode: DecodeAnswer) -> "Row":
        """The row of a request whose prompt is shorter than `context` tokens."""

        def text_from(token_ids: Sequence[int], start: int) -> str:
            return decode([*request.prompt_ids, *token_ids[:start]], token_ids[start:])

        room = context - len(request.prompt_ids)
        limit = AnswerLimit(request.decoding.max_new_tokens, room, request.reasoning, text_from)
        stops = StopTexts(request.stop_texts, text_from)
        return cls(request, limit, stops, decode)

    @property
    def budget(self) -> int:
        """The most tokens that it may have."""
        return self.limit.most

    @property
    def next_uniform(self) -> float:
        """The number that decides the next token."""
        if not self.uniforms:
            self.uniforms = uniform_numbers(self.request.seed, self.budget)
        return self.uniforms[len(self.drawn)]

    @property
    def answer_ids(self) -> list[int]:
        """The tokens of the answer, without the stop token."""
        ended = bool(self.drawn) and self.drawn[-1] in self.request.stop_ids
        return self.drawn[:-1] if ended else self.drawn

    @property
    def stop_reason(self) -> str:
        """The stop text, or the id of the end token, that ended it."""
        return str(self.drawn[-1]) if self.finish_reason == "eos" else self.stops.found

    def take(self, token: int, log_probability: float) -> bool:
        """Add a token; returns whether the row ends with it."""
        self.drawn.append(token)
        self.log_probability += log_probability
        if math.isnan(log_probability):
            self.finish_reason = "error"
        elif token in self.request.stop_ids:
            self.finish_reason = "eos"
        else:
            full = self.limit.reached(self.drawn)
            cut = None if self.limit.reasons else self.stops.cut(self.drawn, self.limit.answer_start)
            if cut is not None:
                self.text, self.finish_reason = cut, "stop"
            elif full:
                self.finish_reason = "length"
        return self.finish_reason is not None

    def response(self) -> GenerationResponse:
        """The response to the request of a row that has ended."""
        assert self.finish_reason is not None
        failed = self.finish_reason == "error"
        text = self.text if self.text is not None else self.decode(self.request.prompt_ids, self.answer_ids)
        return GenerationResponse(
            key=self.request.key,
            text="" if failed else text,
            finish_reason=self.finish_reason,
            prompt_tokens=len(self.request.prompt_ids),
            completion_tokens=len(self.drawn),
            log_probability=None if failed else self.log_probability,
            reasoning_tokens=len(self.drawn) if self.limit.reasons else self.limit.answer_start,
            stop_reason=self.stop_reason,
            error="The model's probabilities are not numbers; another dtype may help." if failed else "",
        )


def fitting_requests(
    requests: Iterable[GenerationRequest], context: int, too_long: list[GenerationResponse]
) -> Iterator[GenerationRequest]:
    """The requests whose prompts leave room for an answer; responses to the others are added to `too_long`.

    Raises:
        UsageError: a request has no prompt tokens.
    """
    for request in requests:
        length = len(request.prompt_ids)
        if not length:
            raise UsageError(f"The prompt of {request.key} has no tokens.", "Choose another --template.")
        if length < context:
            yield request
        else:
            error = prompt_too_long(length, context)
            too_long.append(GenerationResponse(request.key, "", "error", length, 0, error=error))


def prompt_too_long(length: int, context: int) -> str:
    """Why a prompt can't be completed."""
    return f"The prompt's {length} tokens leave no room in a context of {context}."


def uniform_numbers(seed: int, count: int) -> list[float]:
    """`count` numbers in [0, 1) from a generator of their own, on the CPU for any device."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, generator=generator, dtype=torch.float64).tolist()  # type: ignore[no-any-return]
