"""What a paid engine reports before and after each call, so that a budget holds even with calls in flight."""

from typing import Protocol

from coma_cli.errors import CliError


class Meter(Protocol):
    """Grants calls and counts their cost. An engine uses it from one thread only.

    Every ticket ends in exactly one of `settle`, `release` and `forfeit`; one that does not (the process died) counts
    as forfeited.
    """

    @property
    def open(self) -> int:
        """The number of open tickets."""
        ...

    def reserve(self, call: str, prompt_tokens: int, completion_tokens: int) -> str | None:
        """A ticket for a call of at most that many tokens, or None if it does not fit beside those in flight."""
        ...

    def settle(self, ticket: str, prompt_tokens: int, completion_tokens: int) -> None:
        """The call was answered and used that many tokens."""
        ...

    def release(self, ticket: str, error: str) -> None:
        """The call failed without a charge."""
        ...

    def forfeit(self, ticket: str, error: str) -> None:
        """The call was sent but its answer was lost: the whole reservation counts."""
        ...

    def held(self, call: str) -> str | None:
        """The ticket of a call that an earlier start sent and that is still at the server, or None."""
        ...

    def exhausted(self) -> CliError:
        """The error to raise when a call does not fit and none is in flight."""
        ...


class NoMeter:
    """A meter for free servers: grants everything, counts nothing."""

    open = 0

    def reserve(self, call: str, prompt_tokens: int, completion_tokens: int) -> str | None:
        """Always grants."""
        return call

    def settle(self, ticket: str, prompt_tokens: int, completion_tokens: int) -> None:
        """Does nothing."""

    def release(self, ticket: str, error: str) -> None:
        """Does nothing."""

    def forfeit(self, ticket: str, error: str) -> None:
        """Does nothing."""

    def held(self, call: str) -> str | None:
        """Holds nothing."""
        return None

    def exhausted(self) -> CliError:
        """Never needed."""
        return CliError("A call without limit was refused.", "Report this as a bug.")
