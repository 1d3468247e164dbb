"""A completion while it is being sampled, and how its requests become rows."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from coma_cli.engines.interface import GenerationRequest
from coma_cli.engines.reasoning import AnswerLimit
from coma_cli.engines.stopping import StopTexts
from coma_cli.records import FinishReason

# The text that answer tokens add after prompt tokens.
DecodeAnswer = Callable[[Sequence[int], Sequence[int]], str]


@dataclass
class Row:
    """A completion being sampled: `drawn` holds its tokens including the stop token, `answer_ids` excludes it.

    `uniforms` has one number in [0, 1) per token, from the generator of the request's seed.
    """

    request: GenerationRequest
    limit: AnswerLimit
    stops: StopTexts
    uniforms: list[float]
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
        return cls(request, limit, stops, uniform_numbers(request.seed, limit.most))

    @property
    def budget(self) -> int:
        """The most tokens that it may have."""
        return self.limit.most

    @property
    def next_uniform(self) -> float:
        """The number that decides the next token."""
        return self.uniforms[len(self.drawn)]

    @property
    def answer_ids(self) -> list[int]:
        """The tokens of the answer, without the stop token."""
        ended = bool(self.drawn) and self.drawn[-1] in self.request.stop_ids
        return self.drawn[:-1] if ended else self.drawn

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


def uniform_numbers(seed: int, count: int) -> list[float]:
    """`count` numbers in [0, 1) from a generator of their own, on the CPU for any device."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, generator=generator, dtype=torch.float64).tolist()  # type: ignore[no-any-return]
