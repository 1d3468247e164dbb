"""The API key of a chat server: read from the environment, checked before the first call, and never shown."""

import json
import os
from urllib.parse import quote, quote_plus

from coma_cli.errors import UsageError

KEY_VARIABLE = "OPENAI_API_KEY"
_HIDDEN = "***"
_FEWEST_CHARS = 6  # shorter parts of a key occur in ordinary text


def api_key() -> str:
    """The key without white space around it, such as the line end of a file it was read from; "" if there is none."""
    return os.environ.get(KEY_VARIABLE, "").strip()


def flaw_of_key() -> UsageError | None:
    """Why no request can carry the key, or None; the key is not part of the message."""
    if all("!" <= sign <= "~" for sign in api_key()):
        return None
    return UsageError(
        f"{KEY_VARIABLE} contains a character that no HTTP header can hold (a line end, a space, or one beyond ASCII).",
        f"Copy the key again: export {KEY_VARIABLE}=...",
    )


def without_key(text: str) -> str:
    """The text with every form of the key replaced: as it is, escaped, URL-encoded, and each part of it."""
    for form in _forms(os.environ.get(KEY_VARIABLE, "")):
        text = text.replace(form, _HIDDEN)
    return text


def _forms(key: str) -> list[str]:
    """What the key may look like in a message, longest first."""
    parts = {key, key.strip(), *key.split()}
    forms = {
        form
        for part in parts
        for form in (
            part,
            repr(part)[1:-1],
            repr(part.encode("utf-8", "surrogateescape"))[2:-1],
            json.dumps(part)[1:-1],
            quote(part, safe="", errors="replace"),
            quote_plus(part, errors="replace"),
        )
    }
    long = {form for form in forms if len(form) >= _FEWEST_CHARS} | ({key} if key.strip() == key else set())
    return sorted(filter(None, long), key=len, reverse=True)
