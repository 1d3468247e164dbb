"""The interface of engines: requests in, responses out in order of completion; batching and concurrency inside."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from coma_cli.engines.reasoning import ReasoningLimit
from coma_cli.records import FinishReason


@dataclass(frozen=True)
class Decoding:
    """Sampling settings. Temperature 0 is greedy; top_k 0 and top_p 1 disable the cuts.

    A `repetition_penalty` above 1 makes tokens of prompt and answer less likely; no answer ends by a token before
    `min_new_tokens`; `num_beams` above 1 is beam search. Not every engine has them (`unsupported`).
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    max_new_tokens: int = 512
    repetition_penalty: float = 1.0
    min_new_tokens: int = 0
    num_beams: int = 1


@dataclass(frozen=True)
class GenerationRequest:
    """A requested completion.

    Engines that run the model themselves use `prompt_ids` (template applied); remote chat engines send `instruction` as
    the user's message, after `system` if given, or `prompt` as a whole where they are to complete a text. `reasoning`
    limits a reasoning part; `chat_options` are variables of a server's chat template. `frame` are the texts that a
    usable answer begins and ends with: a model that coma runs itself is made to write between them, as `local_chat`
    does. `json_schema` (JSON text) is the form of an answer, for servers that hold a model to one. Requests with the
    same prompt should follow one another.
    """

    key: str
    decoding: Decoding
    seed: int
    instruction: str = ""
    system: str = ""
    prompt_ids: tuple[int, ...] = ()
    stop_ids: tuple[int, ...] = ()
    stop_texts: tuple[str, ...] = ()
    prompt: str = ""
    reasoning: ReasoningLimit | None = None
    chat_options: tuple[tuple[str, Any], ...] = ()
    frame: tuple[str, str] = ("", "")
    json_schema: str = ""


@dataclass(frozen=True)
class GenerationResponse:
    """A completion, or the reason why there is none (`finish_reason` "error").

    `permanent` marks an error that a retry would only repeat, such as a prompt that is too long for the model.
    `reasoning` is a part that a server reports apart from the text; `reasoning_tokens` counts that part of the
    completion's tokens, wherever it is. `stop_reason` is the stop text, or the id of the end token, that ended the
    completion; "" at a limit, or where an engine does not know. `answer` is the key of the stored answer that it was
    read from, where that is not the request's own.
    """

    key: str
    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    log_probability: float | None = None
    error: str = ""
    permanent: bool = False
    reasoning: str = ""
    reasoning_tokens: int = 0
    stop_reason: str = ""
    answer: str = ""


class Engine(Protocol):
    """A source of completions."""

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[GenerationResponse]:
        """Yield a response for every request, in order of completion, with the request's key."""
        ...
