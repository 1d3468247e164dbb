"""What every engine offers: requests in, responses out in order of completion, batching and concurrency inside."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from coma_cli.records import FinishReason


@dataclass(frozen=True)
class Decoding:
    """How tokens are drawn. Temperature 0 is greedy; top_k 0 and top_p 1 cut nothing."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    max_new_tokens: int = 512


@dataclass(frozen=True)
class GenerationRequest:
    """One completion that is wanted.

    Engines that run the model themselves take `prompt_ids` (template applied); remote chat engines take
    `instruction` as the user's message and `system`, if any, before it. Requests that share a `batch` are computed
    together, in the order given: rows of one batch influence one another's last bits, so a resumed run asks for whole
    batches again and gets the very same rows. Engines whose rows are independent ignore it.
    """

    key: str
    decoding: Decoding
    seed: int
    instruction: str = ""
    system: str = ""
    prompt_ids: tuple[int, ...] = ()
    stop_ids: tuple[int, ...] = ()
    stop_texts: tuple[str, ...] = ()
    batch: int = 0


@dataclass(frozen=True)
class GenerationResponse:
    """One completion, or the reason why there is none (`finish_reason` "error").

    `permanent` marks an error that asking again would only repeat (a prompt too long for the model, say).
    """

    key: str
    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    log_probability: float | None = None
    error: str = ""
    permanent: bool = False


class Engine(Protocol):
    """A source of completions."""

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[GenerationResponse]:
        """Yield a response for every request, in order of completion, each under its request's key."""
        ...
