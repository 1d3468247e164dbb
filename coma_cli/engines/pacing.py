"""Adapts calls to what a server can take: how many at a time, and how many requests and tokens per minute.

Concurrency is halved when the server refuses more than a few calls, and grows by one for every round of successes
(additive increase, multiplicative decrease; Source: Chiu and Jain, "Analysis of the Increase and Decrease Algorithms
for Congestion Avoidance", 1989). A wait requested by the server applies to all calls. When answers take much longer
than the fastest one, calls may be waiting at the server: fewer are tried, and kept if as many are answered. Used from
one event loop at a time.

The limits of a server are not known before its first reply: until then, calls are sent one by one, a short time apart,
since a burst of them might be more than the server takes.
"""

import asyncio
import math
import random
import time
from collections import deque
from collections.abc import Callable, Mapping

from coma_cli.engines.rate_limits import Allowance, RateLimit, allowance

_TOLERATED = 0.03  # share of calls that are refused by chance, and say nothing of how many the server takes
_FIRST_SHARE = 0.3  # of a call's bound on tokens, until answers show how many are used
_MEMORY = 0.98  # how slowly shares follow the answers
_SLOW = 2.0  # times the fastest answer: calls may be waiting at the server
_STEP_DOWN, _STEP_UP = 0.8, 1.25
_AS_MANY = 0.97  # of the answers per second of more calls at a time: not fewer, but for chance
_APART_S = 0.1  # between calls until the server has replied: all of 16 are sent in 1.6 s if it takes longer
_FEWEST_PER_WINDOW = 32
_LONGEST_PAUSE = 16  # windows without a trial


class Congestion:
    """The number of calls at a time beyond which a server only lets them wait, found by trying others.

    A trial lasts a window of answers; after each that brings nothing, the next one is twice as far away.
    """

    def __init__(self, limit: int, now: float) -> None:
        self.ceiling = limit
        self._limit = limit
        self._began = now
        self._answers = 0
        self._waited = 0.0
        self._fastest = math.inf
        self._before: tuple[int, float] | None = None  # ceiling and answers per second before the trial
        self._pause, self._left = 1, 1

    def answered(self, latency_s: float, now: float) -> None:
        """Count an answer; at the end of a window, judge a trial or begin one."""
        self._answers += 1
        self._waited += latency_s
        self._fastest = min(self._fastest, latency_s)
        if self._answers >= max(_FEWEST_PER_WINDOW, 2 * self.ceiling):
            self._window(self._answers / max(1e-9, now - self._began), self._waited / self._answers)
            self._began, self._answers, self._waited = now, 0, 0.0

    def _window(self, rate: float, latency_s: float) -> None:
        if self._before is not None:
            ceiling, before = self._before
            fewer = self.ceiling < ceiling
            if rate >= before * (_AS_MANY if fewer else 1 / _AS_MANY):
                self._pause = 1
            else:
                self.ceiling, self._pause = ceiling, min(_LONGEST_PAUSE, 2 * self._pause)
            self._before, self._left = None, self._pause
            return
        self._left -= 1
        if self._left > 0:
            return
        crowded = latency_s > _SLOW * self._fastest
        trial = max(1, int(self.ceiling * _STEP_DOWN)) if crowded else math.ceil(self.ceiling * _STEP_UP)
        trial = min(trial, self._limit)
        self._left = self._pause
        if trial != self.ceiling:
            self._before, self.ceiling = (self.ceiling, rate), trial


class Pacer:
    """Admits calls: at most `limit` at a time, fewer while the server is overloaded, and no more than rates allow.

    Rates are per minute; 0 is none set, so that those of the server's headers count.
    """

    def __init__(
        self,
        limit: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        requests_per_minute: float = 0,
        tokens_per_minute: float = 0,
    ) -> None:
        self.limit = limit
        self.allowed = float(limit)
        self.active = 0
        self._clock = clock
        self._closed_until = self._late_until = clock()
        self._congestion = Congestion(limit, clock())
        rates = {"requests": requests_per_minute, "tokens": tokens_per_minute}
        self._set = frozenset(name for name, rate in rates.items() if rate)
        self._rates = {name: RateLimit(rate, clock()) for name, rate in rates.items() if rate}
        self._assumed: set[str] = set()  # rates of limits that the server states without showing their period yet
        self._heard = len(self._rates) == len(rates)  # with both set, nothing has to be learnt first
        self._apart_until = self._closed_until
        self._in_flight_tokens = 0.0
        self._share = _FIRST_SHARE
        self._refusals = _TOLERATED  # the share of calls that were refused of late; an early one counts at once

    def expected(self, bound: int) -> float:
        """How many tokens a call of at most `bound` tokens is likely to use."""
        return self._share * bound

    def admit(self, tokens: float = 0) -> float:
        """Take a slot and return 0, or return the seconds to wait before trying again; infinite: until one leaves.

        `tokens` are counted until `used` says how many there were.
        """
        now = self._clock()
        wait = max([self._closed_until - now, *(rate.wait_s(now) for rate in self._rates.values())])
        if wait > 0:
            return wait
        if self.active >= max(1, int(min(self.allowed, self._congestion.ceiling))):
            return math.inf
        if not self._heard:
            if now < self._apart_until:
                return self._apart_until - now
            self._apart_until = now + _APART_S
        self.active += 1
        self._in_flight_tokens += tokens
        self._take("requests", 1)
        self._take("tokens", tokens)
        return 0.0

    def leave(self) -> None:
        """Release a slot."""
        self.active -= 1

    def used(self, tokens: int, bound: int, counted: float) -> None:
        """A call of at most `bound` tokens, `counted` when it was admitted, used `tokens`: 0 if it was refused."""
        self._in_flight_tokens -= counted
        self._take("tokens", tokens - counted)
        if tokens and bound:
            self._share = _MEMORY * self._share + (1 - _MEMORY) * min(1.0, tokens / bound)

    def _take(self, of: str, cost: float) -> None:
        if of in self._rates:
            self._rates[of].take(cost)

    def succeeded(self, latency_s: float = 0.0) -> None:
        """Record an answer, and how long it took."""
        self._refusals *= _MEMORY
        self.allowed = min(float(self.limit), self.allowed + 1 / max(1.0, self.allowed))
        if latency_s > 0:
            self._congestion.answered(latency_s, self._clock())

    def refused(self, wait_s: float) -> None:
        """Record that the server was too busy: no call is sent for that long. Rejections during a wait count once."""
        now = self._clock()
        self._refusals = _MEMORY * self._refusals + (1 - _MEMORY)
        if now >= self._closed_until and self._refusals > _TOLERATED:
            self.allowed = max(1.0, self.allowed / 2)
        self._closed_until = max(self._closed_until, now + wait_s)

    def late(self, after_s: float) -> None:
        """Record that a call had no answer after so long: fewer at a time. Calls of the same time count once."""
        now = self._clock()
        if now >= self._late_until:
            self.allowed = max(1.0, self.allowed / 2)
            self._late_until = now + after_s

    def learn(self, headers: Mapping[str, str]) -> None:
        """Keep to the limits per minute that a reply's headers state, unless the user has set them.

        A limit of which nothing is used yet shows no period: it counts as one per minute until a reply says otherwise.
        """
        self._heard = True
        for of in ("requests", "tokens"):
            stated = allowance(headers, of)
            if stated is None:
                continue
            if of not in self._set:
                self._keep_to(of, stated)
            if of in self._rates:
                self._rates[of].at_most(stated.left)

    def _keep_to(self, of: str, stated: Allowance) -> None:
        if stated.is_per_minute:
            self._assumed.discard(of)
            self._rate(of, stated.limit).per_minute = stated.limit
        elif not stated.shows_period and of not in self._rates:
            self._assumed.add(of)
            self._rate(of, stated.limit)
        elif stated.shows_period and of in self._assumed:
            self._assumed.discard(of)
            del self._rates[of]

    def _rate(self, of: str, per_minute: float) -> RateLimit:
        """The rate of "requests" or "tokens"; a new one has used up what the calls in flight are counted with."""
        if of not in self._rates:
            self._rates[of] = RateLimit(per_minute, self._clock())
            self._take(of, self.active if of == "requests" else self._in_flight_tokens)
        return self._rates[of]


class Gate:
    """Where calls wait, in order, until a pacer admits them."""

    def __init__(self, pacer: Pacer) -> None:
        self.pacer = pacer
        self._line: deque[tuple[asyncio.Future[float | None], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def enter(self, bound: int) -> float | None:
        """Wait for a slot; the tokens that are counted for the call until it says, None if the gate was closed.

        Each caller that has entered must leave.
        """
        if self._closed:
            return None
        place: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
        self._line.append((place, bound))
        if len(self._line) == 1:
            self._open()
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.result() is not None:
                self.leave()
            raise

    def leave(self) -> None:
        """Release a slot to the next in line."""
        self.pacer.leave()
        self._open()

    def _open(self) -> None:
        """Admit as many as may enter now; the next ones when their time has come."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._line:
            place, bound = self._line[0]
            if not place.done():
                counted = self.pacer.expected(bound)
                wait = self.pacer.admit(counted)
                if wait > 0:
                    if math.isfinite(wait):
                        self._timer = asyncio.get_running_loop().call_later(wait, self._open)
                    return
                place.set_result(counted)
            self._line.popleft()

    def close(self) -> None:
        """Turn away all that wait, now and later."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._line:
            place, _ = self._line.popleft()
            if not place.done():
                place.set_result(None)


def backoff_s(attempt: int, first_s: float, longest_s: float) -> float:
    """The wait after failure number `attempt` (from 0): exponential, capped, with random jitter of up to half."""
    whole = min(longest_s, first_s * 2.0 ** min(attempt, 30))
    return whole * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, not a secret


async def sleep_unless(stopped: asyncio.Event, seconds: float) -> bool:
    """Wait; True after the full time, False as soon as `stopped` is set."""
    try:
        await asyncio.wait_for(stopped.wait(), seconds)
    except TimeoutError:
        return True
    return False
