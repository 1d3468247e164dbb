"""Adapts the number of concurrent calls to a server's rate limits: fewer after a rejection, more after successes.

Concurrency is halved when the server is overloaded and grows by one for every round of successes (additive increase,
multiplicative decrease; Source: Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion
Avoidance", 1989). A wait requested by the server applies to all calls. Used from one event loop.
"""

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class Pacer:
    """Admits calls: at most `limit` at a time, fewer while the server is overloaded."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self.allowed = float(limit)
        self.active = 0
        self._clock = clock
        self._closed_until = 0.0

    def admit(self) -> float:
        """Take a slot and return 0, or return the seconds to wait before trying again."""
        wait = self._closed_until - self._clock()
        if wait > 0:
            return wait
        if self.active >= max(1, int(self.allowed)):
            return 0.02
        self.active += 1
        return 0.0

    def leave(self) -> None:
        """Release a slot."""
        self.active -= 1

    def succeeded(self) -> None:
        """Record a success."""
        self.allowed = min(float(self.limit), self.allowed + 1 / max(1.0, self.allowed))

    def refused(self, wait_s: float) -> None:
        """Record that the server was too busy: no call is sent for that long. Rejections during a wait count once."""
        now = self._clock()
        if now >= self._closed_until:
            self.allowed = max(1.0, self.allowed / 2)
        self._closed_until = max(self._closed_until, now + wait_s)


def backoff_s(attempt: int, first_s: float, longest_s: float) -> float:
    """The wait after failure number `attempt` (from 0): exponential, capped, with random jitter of up to half."""
    whole = min(longest_s, first_s * 2.0 ** min(attempt, 30))
    return whole * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, not a secret


def retry_after_s(header: str | None) -> float | None:
    """The seconds in a Retry-After header (a number or a date, RFC 9110 section 10.2.3), or None."""
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
    """Wait; True after the full time, False as soon as `stopped` is set."""
    try:
        await asyncio.wait_for(stopped.wait(), seconds)
    except TimeoutError:
        return True
    return False
