"""What a failed call to a chat server means: retry, give up, or stop; and whether it may have been charged."""

from dataclasses import dataclass

from coma_cli.engines.chat import BadReplyError
from coma_cli.engines.pacing import retry_after_s
from coma_cli.errors import CliError, UsageError
from coma_cli.words import shortened

_MESSAGE_LIMIT = 240
_BUSY = frozenset({429, 503, 529})
_AGAIN = frozenset({408, 409, 425})


@dataclass(frozen=True)
class Failure:
    """A call without an answer.

    `fatal` is an error that stops everything, since every other call would fail too. `maybe_paid` means that the server
    received the request and may have charged for it; error statuses are not charged.
    """

    message: str
    retry: bool
    maybe_paid: bool = False
    busy: bool = False
    retry_after_s: float | None = None
    fatal: CliError | None = None


def explain(error: Exception, model: str, secret: str) -> Failure | None:
    """The meaning of a client exception; None if it is a bug. `secret` is removed from all messages."""
    import openai

    if isinstance(error, BadReplyError):
        return Failure(_clean(str(error), secret), retry=True, maybe_paid=True)
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return Failure("no answer in time", retry=True, maybe_paid=not _never_connected(error))
    if isinstance(error, openai.APIConnectionError):
        cause = error.__cause__ or error
        message = _clean(f"{type(cause).__name__}: {cause}", secret)
        return Failure(message, retry=True, maybe_paid=not _never_connected(error))
    if isinstance(error, openai.APIStatusError):
        return _by_status(error, model, secret)
    return None


def _never_connected(error: Exception) -> bool:
    """Whether the request can't have reached the server."""
    import httpx2

    return isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)


def _by_status(error: "openai.APIStatusError", model: str, secret: str) -> Failure:  # type: ignore[name-defined]  # noqa: F821  # imported late
    status: int = error.status_code
    message = _clean(f"{status}: {error.message}", secret)
    if status in (401, 403):
        return Failure(message, retry=False, fatal=_refused_key(status))
    if status == 404:
        return Failure(message, retry=False, fatal=_not_there(model, message))
    if status == 402 or error.code == "insufficient_quota":
        hint = "Add credit at the provider; then rerun the same command to resume."
        return Failure(message, retry=False, fatal=CliError(f"The account has no credit left ({message}).", hint))
    busy = status in _BUSY
    again = busy or status in _AGAIN or status >= 500
    wait = retry_after_s(error.response.headers.get("retry-after"))
    return Failure(message, retry=again, busy=busy, retry_after_s=wait)


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


def _clean(text: str, secret: str) -> str:
    """One short line without the key."""
    line = " ".join(text.split())
    if secret:
        line = line.replace(secret, "***")
    return shortened(line, _MESSAGE_LIMIT)
