"""What an OpenAI-compatible server says about a model: `GET /v1/models`, asked once before a run.

Servers differ in what they give beside the id: vLLM the path that was loaded (`root`), its parent and its context
length, llama.cpp the size and number of parameters (`meta`). Times of start and permissions change and tell nothing.
"""

import json
import urllib.error
import urllib.request
from typing import Any

from coma_cli.engines.chat import Connection
from coma_cli.engines.openai_key import api_key

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
