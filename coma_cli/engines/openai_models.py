"""What is known of a served model before a run: what its server says (`GET /v1/models`), and when it is shut down.

Servers differ in what they give beside the id: vLLM the path that was loaded (`root`), its parent and its context
length, llama.cpp the size and number of parameters (`meta`). Times of start and permissions change and tell nothing.
"""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

from coma_cli.engines.chat import Connection
from coma_cli.engines.openai_key import api_key
from coma_cli.errors import UsageError
from coma_cli.models.prices import remote_model

_CHANGING = frozenset({"created", "permission", "object"})
_MOST_BYTES = 1 << 20
_TIMEOUT_S = 10.0


def described_model(model: str, address: str | None, connection: Connection) -> dict[str, Any] | None:
    """The server's entry of a model, without what changes from start to start; None if it does not say.

    A server that is down or refuses says nothing here: the first request will name the reason.
    """
    if address is None:
        return None
    request = urllib.request.Request(f"{address.rstrip('/')}/models")  # noqa: S310  # checked by check_access
    if key := api_key():
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=min(_TIMEOUT_S, connection.timeout_s)) as reply:  # noqa: S310
            entries = json.loads(reply.read(_MOST_BYTES))["data"]
        found = next((entry for entry in entries if entry.get("id") == model), None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return None if found is None else {name: value for name, value in found.items() if name not in _CHANGING}


def today() -> str:
    """The day, in UTC, as dates of shutdowns are written."""
    return datetime.now(UTC).date().isoformat()


def why_shut_down(model: str, url: str | None, day: str) -> UsageError | None:
    """The error for a model that OpenAI's own server no longer has on a day; None for other servers."""
    known = remote_model(model) if url is None else None
    if known is None or not known.shut_down or day < known.shut_down:
        return None
    return UsageError(
        f"OpenAI shut {model} down on {known.shut_down}.",
        f"--model {known.successor}, or --base-url URL of a server that has {model}",
    )


def shutdown_note(model: str, described: dict[str, Any] | None) -> str | None:
    """A line on a model whose server names the day of its shutdown (`shutdown_date`)."""
    day = (described or {}).get("shutdown_date")
    return f"The server shuts {model} down on {day}." if isinstance(day, str) and day else None
