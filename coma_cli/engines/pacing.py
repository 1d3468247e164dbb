"""How fast to ask a server that says when it is too fast: fewer calls at a time after a refusal, more after successes.

The number of calls at a time falls to half when the server refuses for its load and grows by one for every round of
successes (additive increase, multiplicative decrease; Source: Chiu and Jain, "Analysis of the Increase and Decrease
Algorithms for Congestion Avoidance", 1989). A wait that the server asks for holds for all calls. Lives in one event
loop.
"""

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class Pacer:
    """Admits calls; at most `limit` at a time, fewer while the server complains."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self.allowed = float(limit)
        self.active = 0
        self._clock = clock
        self._closed_until = 0.0

    def admit(self) -> float:
        """Take a place and return 0, or return the seconds after which to ask again."""
        wait = self._closed_until - self._clock()
        if wait > 0:
            return wait
        if self.active >= max(1, int(self.allowed)):
            return 0.02
        self.active += 1
        return 0.0

    def leave(self) -> None:
        """Give a place back."""
        self.active -= 1

    def succeeded(self) -> None:
        """Note an answer."""
        self.allowed = min(float(self.limit), self.allowed + 1 / max(1.0, self.allowed))

    def refused(self, wait_s: float) -> None:
        """Note that the server was too busy: nobody asks for so long. Refusals during a wait count once."""
        now = self._clock()
        if now >= self._closed_until:
            self.allowed = max(1.0, self.allowed / 2)
        self._closed_until = max(self._closed_until, now + wait_s)


def backoff_s(attempt: int, first_s: float, longest_s: float) -> float:
    """How long to wait after failure number `attempt` (from 0): doubling, capped, and a random half of it taken off."""
    whole = min(longest_s, first_s * 2.0 ** min(attempt, 30))
    return whole * random.uniform(0.5, 1.0)  # noqa: S311  # spreads calls in time; nothing secret


def retry_after_s(header: str | None) -> float | None:
    """The seconds of a Retry-After header (a number or a date, RFC 9110 section 10.2.3), None where it has none."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    return max(0.0, seconds) if seconds == seconds and seconds != float("inf") else None


async def sleep_unless(stopped: asyncio.Event, seconds: float) -> bool:
    """Wait; True if the wait was over, False as soon as `stopped` is set."""
    try:
        await asyncio.wait_for(stopped.wait(), seconds)
    except TimeoutError:
        return True
    return False
