"""What an engine that costs money tells before and after each call, so that a limit holds with calls in flight."""

from typing import Protocol

from coma_cli.errors import CliError


class Meter(Protocol):
    """Grants calls and counts what they cost. An engine uses it from one thread only.

    Every ticket ends in exactly one of `settle`, `release` and `forfeit`; one that does not (the process died) counts
    as forfeited.
    """

    @property
    def open(self) -> int:
        """How many tickets are out."""
        ...

    def reserve(self, call: str, prompt_tokens: int, completion_tokens: int) -> str | None:
        """A ticket for a call of at most that many tokens, or None while it does not fit beside those in flight."""
        ...

    def settle(self, ticket: str, prompt_tokens: int, completion_tokens: int) -> None:
        """The call was answered and used so many tokens."""
        ...

    def release(self, ticket: str, error: str) -> None:
        """The call failed in a way that nobody is charged for."""
        ...

    def forfeit(self, ticket: str, error: str) -> None:
        """The call was sent and its answer lost: it counts with all that was reserved."""
        ...

    def exhausted(self) -> CliError:
        """The error to stop with when a call does not fit and none is in flight."""
        ...


class NoMeter:
    """For servers that cost nothing: grants everything, counts nothing."""

    open = 0

    def reserve(self, call: str, prompt_tokens: int, completion_tokens: int) -> str | None:
        """Always granted."""
        return call

    def settle(self, ticket: str, prompt_tokens: int, completion_tokens: int) -> None:
        """Nothing to count."""

    def release(self, ticket: str, error: str) -> None:
        """Nothing to count."""

    def forfeit(self, ticket: str, error: str) -> None:
        """Nothing to count."""

    def exhausted(self) -> CliError:
        """Never the case."""
        return CliError("A call without limit was refused.", "Report this as a bug.")
