"""What a failed call to a chat server means: retry, give up, or stop; and whether it may have been charged."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from coma_cli.engines.chat import LEFT_OUT, OTHER_LIMIT
from coma_cli.engines.openai_key import without_key
from coma_cli.engines.rate_limits import wait_of
from coma_cli.engines.replies import BadReplyError, ErrorReplyError, message_in
from coma_cli.errors import CliError, UsageError
from coma_cli.words import shortened

_MESSAGE_LIMIT = 240
_BUSY = frozenset({429, 503, 529})
_AGAIN = frozenset({408, 409, 425})
_FIELD_REFUSED = frozenset({400, 422})
# How servers say that they don't take a field, as opposed to its value.
_NOT_TAKEN = re.compile(
    r"unsupported|not supported|n't support|not support|unrecognized|unknown|unexpected|extra (?:input|field)"
    r"|not (?:permitted|allowed|enabled)|must (?:alternate|be omitted)|cannot be (?:specified|used)|deprecated"
    r"|only the default",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Failure:
    """A call without an answer.

    `fatal` is an error that stops everything, since every other call would fail too. `maybe_paid` means that the server
    received the request and may have charged for it; error statuses are not charged. `late` is a call whose answer did
    not come in time.
    """

    message: str
    retry: bool
    maybe_paid: bool = False
    busy: bool = False
    retry_after_s: float | None = None
    fatal: CliError | None = None
    refused_field: str | None = None
    late: bool = False


def explain(error: Exception, model: str, sent: Collection[str] = ()) -> Failure | None:
    """The meaning of a client exception; None if it is a bug. `sent` are the fields of the call."""
    import openai

    if isinstance(error, BadReplyError):
        return Failure(_clean(str(error)), retry=True, maybe_paid=True)
    if isinstance(error, ErrorReplyError):
        return explain_status(error.status, str(error), model, maybe_paid=error.counted)
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return Failure("no answer in time", retry=True, maybe_paid=not _never_connected(error), late=True)
    if isinstance(error, openai.APIConnectionError):
        cause = error.__cause__ or error
        message = _clean(f"{type(cause).__name__}: {cause}")
        return Failure(message, retry=True, maybe_paid=not _never_connected(error))
    if isinstance(error, openai.APIStatusError):
        said = message_in(error.body) or error.response.text or error.message
        wait = wait_of(error.response.headers)
        return explain_status(error.status_code, said, model, code=error.code, retry_after=wait, sent=sent)
    return None


def _never_connected(error: Exception) -> bool:
    """Whether the request can't have reached the server."""
    import aiohttp
    import httpx2

    unsent = aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.ClientHttpProxyError
    return isinstance(error.__cause__, unsent | httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)


def explain_status(
    status: int,
    said: str,
    model: str,
    sent: Collection[str] = (),
    *,
    code: Any = None,
    retry_after: float | None = None,
    maybe_paid: bool = False,
) -> Failure:
    """The meaning of a reply with an error status; `said` is what it says, `sent` are the fields of the call."""
    message = _clean(f"{status}: {said}")
    if status in (401, 403):
        return Failure(message, retry=False, fatal=_refused_key(status))
    if status == 404:
        return Failure(message, retry=False, fatal=_not_there(model, message))
    if status == 402 or code == "insufficient_quota":
        hint = "Add credit at the provider; then rerun the same command to resume."
        return Failure(message, retry=False, fatal=CliError(f"The account has no credit left ({message}).", hint))
    busy = status in _BUSY
    field = refused_field(said, sent) if status in _FIELD_REFUSED else None
    again = busy or status in _AGAIN or status >= 500 or field is not None
    return Failure(message, again, maybe_paid, busy, retry_after, refused_field=field)


def refused_field(said: str, sent: Collection[str]) -> str | None:
    """The field that a server says it does not take, if calls are possible without it; `sent` are those of the call."""
    if not _NOT_TAKEN.search(said):
        return None
    named = [name for name in (*sorted(LEFT_OUT), *OTHER_LIMIT) if name in sent and re.search(rf"\b{name}\b", said)]
    if named:
        return named[0]
    return "system" if "system" in sent and re.search(r"\b(?:system|developer)\b", said, re.IGNORECASE) else None


def _refused_key(status: int) -> UsageError:
    # The server's own message is omitted: it may quote the key.
    return UsageError(
        f"The server rejected the key ({status}).", "export OPENAI_API_KEY=... with a key for this --base-url"
    )


def _not_there(model: str, message: str) -> UsageError:
    return UsageError(
        f"The server has no model {model!r}, or no such endpoint at this URL ({message}).",
        "Check --model and --base-url (which ends in /v1 for most servers).",
    )


def _clean(text: str) -> str:
    """One short line without the key."""
    return shortened(" ".join(without_key(text).split()), _MESSAGE_LIMIT)
