"""What the Hub's client raises, as errors that say what to do; and which of it may be gone at the next try."""

import re
import traceback
from collections.abc import Iterator

from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.words import shortened

_HTTP_LIBRARIES = frozenset({"httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3"})
_CLIENT = "huggingface_hub"
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
AFTER_THE_WORK = "The run is complete: the same command pushes it when that is solved."
BEFORE_THE_WORK = "Without --push-to-hub the work is done now; the same command with it pushes the run later."
_TOKEN_PAGE = "https://huggingface.co/settings/tokens"  # noqa: S105  # an address
_HF_TOKEN = re.compile(r"\bhf_\w{6,}")


def no_token() -> MissingInputError:
    """The error where nobody is logged in."""
    return MissingInputError(
        "There is no token for the Hugging Face Hub.", f"hf auth login, or export HF_TOKEN=... ({_TOKEN_PAGE})"
    )


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it, outermost first."""
    step: BaseException | None = error
    seen: set[int] = set()
    while step is not None and id(step) not in seen:
        seen.add(id(step))
        yield step
        step = step.__cause__ or step.__context__


def status_of(error: BaseException) -> int | None:
    """The status of the answer that an error is about; None where there was no answer."""
    for cause in causes(error):
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if isinstance(status, int):
            return status
    return None


def may_pass(error: BaseException) -> bool:
    """Whether another try may succeed: a server in trouble, or a connection that was cut."""
    status = status_of(error)
    if status is not None:
        return status in _PASSING
    return not _is_offline(error) and any(_is_network(cause) for cause in causes(error))


def _is_network(error: BaseException) -> bool:
    if isinstance(error, (ConnectionError, TimeoutError)):
        return True
    return type(error).__module__.split(".")[0] in _HTTP_LIBRARIES


def _is_offline(error: BaseException) -> bool:
    return any(type(cause).__name__ == "OfflineModeIsEnabled" for cause in causes(error))


def is_of_the_hub(error: BaseException) -> bool:
    """Whether an error was raised within the Hub's client or its HTTP library."""
    return any(_packages_of(cause) & {_CLIENT, *_HTTP_LIBRARIES} for cause in causes(error))


def _packages_of(error: BaseException) -> set[str]:
    """The packages whose code an error went through."""
    names = {str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)}
    return {name.partition(".")[0] for name in names}


def explained(error: BaseException, repository: str, later: str = AFTER_THE_WORK) -> CliError:
    """The error to show for what the Hub's client raised while `repository` was looked at, made or written.

    `later` says how the push can be done another time.
    """
    owner = repository.partition("/")[0]
    status, said = status_of(error), _said(error)
    if _is_offline(error):
        return MissingInputError("HF_HUB_OFFLINE is set, so nothing can be pushed.", f"unset HF_HUB_OFFLINE. {later}")
    if status == 401:
        return MissingInputError(
            f"The Hugging Face Hub refuses the token: {said}", f"hf auth login, or a valid HF_TOKEN ({_TOKEN_PAGE})"
        )
    if status == 403:
        return MissingInputError(
            f"The token may not write to {repository}: {said}",
            f"Use a token with the right to write to {owner} ({_TOKEN_PAGE}), or another OWNER.",
        )
    if status == 409:
        return UsageError(f"{repository} is taken, and this token can't see it.", "Choose another NAME.")
    if status == 412:
        return CliError(f"{repository} was changed by somebody else meanwhile.", f"Look at it. {later}")
    if status == 413:
        return CliError(f"{repository} has no room for these files: {said}", "Free storage of its owner, or push less.")
    if "Invalid metadata in README.md" in str(error):
        return CliError(f"The Hugging Face Hub refuses the card: {said}", "This is a fault of coma: please report it.")
    if status is not None:
        return CliError(f"The Hugging Face Hub answered {status}: {said}", later)
    if not any(_is_network(cause) for cause in causes(error)):
        return CliError(f"The upload to {repository} failed: {said}", later)
    return MissingInputError(f"The Hugging Face Hub can't be reached: {said}", f"Check the network. {later}")


def _said(error: BaseException) -> str:
    """What the server or the network said, in one line without tokens."""
    told = next((cause for cause in causes(error) if getattr(cause, "server_message", None)), None)
    text = " ".join((str(getattr(told, "server_message", "")) or str(_innermost(error))).split())
    return shortened(_HF_TOKEN.sub("hf_...", text) or type(error).__name__, 240)


def _innermost(error: BaseException) -> BaseException:
    """The cause that says something and is nearest to the fault."""
    told = [cause for cause in causes(error) if str(cause).strip()]
    if any(status_of(cause) is not None for cause in told) or isinstance(error, ValueError):
        return told[0]
    return told[-1] if told else error
