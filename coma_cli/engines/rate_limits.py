"""Requests and tokens per minute: what the user sets, or what a server says in its headers, kept to evenly.

Source of the headers (`x-ratelimit-limit-requests`, `-remaining-requests`, `-reset-requests`, the same for tokens):
OpenAI's guide "Rate limits", which vLLM's gateways, Groq and others follow. Times are monotonic; of dates only
differences to the server's own clock are used.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MINUTE_S = 60.0
_SHARE = 0.99  # of the limit that is used: clocks and networks are not exact
_BURST_S = 0.5  # how much of unused time may be made up for at once
_PERIOD_S = (30.0, 120.0)  # limits that renew within about a minute are limits per minute
_ROUNDING = 1e-6
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


class RateLimit:
    """A rate that is kept on average: a bucket that refills with time and may be overdrawn by one call."""

    def __init__(self, per_minute: float, now: float) -> None:
        self.per_minute = per_minute
        self._level = 0.0
        self._at = now

    @property
    def _per_s(self) -> float:
        return _SHARE * self.per_minute / MINUTE_S

    def wait_s(self, now: float) -> float:
        """The seconds until the next call may be made; 0 for now."""
        most = max(1.0, self._per_s * _BURST_S)
        self._level = min(most, self._level + self._per_s * max(0.0, now - self._at))
        self._at = now
        return 0.0 if self._level >= -_ROUNDING else -self._level / self._per_s

    def take(self, cost: float) -> None:
        """Count something as used; negative for what was counted before and not used."""
        self._level -= cost

    def at_most(self, left: float) -> None:
        """The server says that no more than this is left."""
        self._level = min(self._level, left)


@dataclass(frozen=True)
class Allowance:
    """What a server says of one limit: how much it allows, how much is left, and when all of it is there again (s)."""

    limit: float
    left: float
    reset_s: float

    @property
    def shows_period(self) -> bool:
        """Whether some of the limit is used, so that the time until it is renewed shows for how long it is."""
        return self.left < self.limit and self.reset_s > 0

    @property
    def is_per_minute(self) -> bool:
        """Whether the limit renews within about a minute, as far as this moment shows."""
        return self.shows_period and (
            _PERIOD_S[0] <= self.reset_s * self.limit / (self.limit - self.left) <= _PERIOD_S[1]
        )


def allowance(headers: Mapping[str, str], of: str) -> Allowance | None:
    """The allowance of "requests" or "tokens" in a reply's headers (lower-case names), or None."""
    limit, left = (_number(headers.get(f"x-ratelimit-{what}-{of}")) for what in ("limit", "remaining"))
    reset = duration_s(headers.get(f"x-ratelimit-reset-{of}", ""))
    if limit is None or left is None or reset is None or limit <= 0:
        return None
    return Allowance(limit, left, reset)


def duration_s(text: str) -> float | None:
    """Seconds of a duration such as "6m0s", "120ms" or "1.5" (seconds)."""
    number = _number(text)
    if number is not None:
        return number
    parts = _DURATION.findall(text)
    if not parts or "".join(value + unit for value, unit in parts) != text.strip():
        return None
    return sum(float(value) * _UNITS[unit] for value, unit in parts)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def wait_of(headers: Mapping[str, str]) -> float | None:
    """The seconds that a reply's headers ask to wait: `retry-after-ms`, or `retry-after`; None if neither."""
    milliseconds = _number(headers.get("retry-after-ms"))
    return (
        milliseconds / 1000
        if milliseconds is not None
        else retry_after_s(headers.get("retry-after"), headers.get("date"))
    )


def retry_after_s(header: str | None, date: str | None = None) -> float | None:
    """The seconds in a Retry-After header (a number or a date, RFC 9110 section 10.2.3), or None.

    A date is compared with the server's own `date`, if it says one: this machine's clock may be wrong.
    """
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        then, now = _date(header), _date(date) or datetime.now(UTC)
        if then is None:
            return None
        seconds = (then - now).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text or "")
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
