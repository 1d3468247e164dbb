"""Completions from any server that supports OpenAI's chat-completions protocol, many calls at a time.

From outside it is a plain iterator; inside, an event loop runs in its own thread (`openai_session.py`). Every answer is
stored as soon as it arrives, before it is returned; stored answers are not requested again. Costs are counted by the
engine's meter, before and after every call.
"""

import os
from collections.abc import Generator, Iterable
from urllib.parse import urlsplit

from coma_cli.engines.answers import AnswerJournal
from coma_cli.engines.batch_records import has_batches
from coma_cli.engines.chat import Connection
from coma_cli.engines.counting import TokenCounter
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.engines.metering import Meter, NoMeter
from coma_cli.engines.openai_key import KEY_VARIABLE, api_key, flaw_of_key
from coma_cli.engines.openai_session import Parts, Session, Traffic
from coma_cli.errors import UsageError

ADDRESS_VARIABLE = "OPENAI_BASE_URL"
OWN_ADDRESS = "https://api.openai.com/v1"  # where the client goes without a base URL


def address(connection: Connection) -> str | None:
    """The base URL in use, None for OpenAI's own."""
    return connection.base_url or os.environ.get(ADDRESS_VARIABLE) or None


def counts_as(connection: Connection) -> str:
    """The URL that identifies the server's answers: the one that it is declared to be the same as, else its own."""
    return (connection.same_as or address(connection) or OWN_ADDRESS).rstrip("/")


def has_key() -> bool:
    """Whether an API key is set in the environment."""
    return bool(api_key())


def check_access(connection: Connection) -> UsageError | None:
    """Why no request can be made, or None."""
    url = address(connection)
    if url is not None and not url.startswith(("http://", "https://")):
        return UsageError(f"{url!r} is not a URL.", "For example: --base-url http://localhost:8000/v1")
    if url is not None and "@" in urlsplit(url).netloc:
        return UsageError(
            "The URL contains a user name or password, and settings are stored in files.",
            f"export {KEY_VARIABLE}=...",
        )
    if url is None and not has_key():
        return UsageError(
            f"{KEY_VARIABLE} is not set, and no other server is given.",
            f"export {KEY_VARIABLE}=... ; or --base-url http://localhost:8000/v1 for your own server; "
            "or --engine transformers, which needs neither",
        )
    return flaw_of_key()


class OpenAIEngine:
    """A remote chat model as an engine.

    Requests have `instruction` and `system`. With `answers`, every answer is stored and none is requested twice; with
    `meter`, no call is sent that it does not grant. `server` is part of what identifies an answer.
    """

    def __init__(
        self,
        model: str,
        connection: Connection,
        *,
        answers: AnswerJournal | None = None,
        meter: Meter | None = None,
        server: str = "",
    ) -> None:
        counter = TokenCounter(None)  # a session only asks for bounds, which need no vocabulary
        self._parts = Parts(model, connection, answers, counter, meter or NoMeter(), server=server)

    @property
    def traffic(self) -> Traffic:
        """Counts of calls and answers so far."""
        return self._parts.traffic

    def generate(self, requests: Iterable[GenerationRequest]) -> Generator[GenerationResponse, None, None]:
        """Yield a response for every request, in order of completion.

        Requests are taken one by one as slots become free, so they may depend on responses that were yielded before.

        Raises:
            UsageError: the server rejects the key or has no such model. BudgetReachedError: the budget is used up;
                answers in flight are yielded first. CliError: the server does not respond.
        """
        server = (address(self._parts.connection) or OWN_ADDRESS).rstrip("/")
        if self._parts.connection.batch_api:
            from coma_cli.engines.openai_batches import by_batches

            yield from by_batches(self._parts, server, iter(requests))
            return
        if self._parts.answers is not None and has_batches(self._parts.answers.path.parent):
            from coma_cli.engines.openai_batches import collect_left

            collect_left(self._parts, server)
        with Session(self._parts) as session:
            yield from session.run(iter(requests))

    def stored(self, request: GenerationRequest) -> GenerationResponse | None:
        """The stored response to a request, or None."""
        return self._parts.stored(request)
