"""Completions from any server that speaks OpenAI's chat-completions protocol, many calls at a time.

Outside it is a plain iterator, inside an event loop in a thread of its own (`openai_session.py`). Every answer is
written down the moment it arrives, before anybody sees it; one that is there already is not asked for again. Money is
not counted here: the meter that the engine is given does that, before and after every call.
"""

import os
from collections.abc import Generator, Iterable
from urllib.parse import urlsplit

from coma_cli.engines.answers import AnswerJournal
from coma_cli.engines.chat import Connection
from coma_cli.engines.counting import TokenCounter
from coma_cli.engines.interface import GenerationRequest, GenerationResponse
from coma_cli.engines.metering import Meter, NoMeter
from coma_cli.engines.openai_session import KEY_VARIABLE, Parts, Session, Traffic
from coma_cli.errors import UsageError

ADDRESS_VARIABLE = "OPENAI_BASE_URL"


def address(connection: Connection) -> str | None:
    """The address in force, None for OpenAI's own."""
    return connection.base_url or os.environ.get(ADDRESS_VARIABLE) or None


def has_key() -> bool:
    """Whether the environment holds a key."""
    return bool(os.environ.get(KEY_VARIABLE))


def check_access(connection: Connection) -> UsageError | None:
    """What stands in the way of asking at all, None if nothing does."""
    url = address(connection)
    if url is not None and not url.startswith(("http://", "https://")):
        return UsageError(f"{url!r} is no address.", "For example: --base-url http://localhost:8000/v1")
    if url is not None and "@" in urlsplit(url).netloc:
        return UsageError(
            "The address holds a name or a password, and settings are kept in files.", f"export {KEY_VARIABLE}=..."
        )
    if url is None and not has_key():
        return UsageError(
            f"{KEY_VARIABLE} is not set, and no other server is named.",
            f"export {KEY_VARIABLE}=... ; or --base-url http://localhost:8000/v1 for a server of your own",
        )
    return None


class OpenAIEngine:
    """A remote chat model as an engine.

    Requests give `instruction` and `system`. With `answers` every answer is journalled and none asked for twice; with
    `meter` no call is sent that it does not grant.
    """

    def __init__(
        self, model: str, connection: Connection, *, answers: AnswerJournal | None = None, meter: Meter | None = None
    ) -> None:
        counter = TokenCounter(None)  # a session only asks for bounds, which need no vocabulary
        self._parts = Parts(model, connection, answers, counter, meter or NoMeter())

    @property
    def traffic(self) -> Traffic:
        """What went over the wire so far."""
        return self._parts.traffic

    def generate(self, requests: Iterable[GenerationRequest]) -> Generator[GenerationResponse, None, None]:
        """Yield a response for every request, in order of completion.

        Requests are taken one by one as places get free, so they may depend on responses that were yielded before.

        Raises:
            UsageError: the server refuses the key or has no such model. BudgetReachedError: the meter grants no more;
                answers in flight are yielded first. CliError: the server does not answer at all.
        """
        with Session(self._parts) as session:
            yield from session.run(iter(requests))

    def stored(self, request: GenerationRequest) -> GenerationResponse | None:
        """The response to a request that was answered before, from the journal."""
        return self._parts.stored(request)
