"""Waiting and pacing: bounds that always hold, and the shape of falling and rising."""

import asyncio
import heapq
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.engines.pacing import Gate, Pacer, backoff_s, sleep_unless


@given(st.integers(0, 5000), st.floats(0.001, 10), st.floats(0.001, 500))
def test_backoff_stays_between_half_and_whole_of_its_step(attempt, first, longest):
    whole = min(longest, first * 2.0 ** min(attempt, 30))
    assert whole / 2 <= backoff_s(attempt, first, longest) <= whole


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def replied(limit: int, clock: Clock | None = None, **rates: float) -> Pacer:
    """A pacer whose server has replied, and has stated no limits."""
    pacer = Pacer(limit, clock or time.monotonic, **rates)
    pacer.learn({})
    return pacer


def test_until_the_first_reply_calls_are_sent_one_by_one():
    clock = Clock()
    pacer = Pacer(64, clock)
    assert pacer.admit() == 0
    assert pacer.admit() == pytest.approx(0.1), "a burst might be more than the server takes"
    clock.now += 0.1
    assert pacer.admit() == 0 and pacer.admit() > 0, "an answer that takes long does not hold up the others for long"
    pacer.learn({})
    assert [pacer.admit() for _ in range(62)] == [0] * 62
    known = Pacer(64, clock, requests_per_minute=60_000, tokens_per_minute=1e9)
    clock.now += 1.0
    assert [known.admit(9) for _ in range(64)] == [0] * 64, "nothing has to be learnt"


def test_a_pacer_admits_up_to_its_limit():
    pacer = replied(3)
    assert [pacer.admit() for _ in range(3)] == [0, 0, 0]
    assert pacer.admit() > 0
    pacer.leave()
    assert pacer.admit() == 0


def test_a_refusal_closes_the_door_for_all_and_halves_the_limit():
    clock = Clock()
    pacer = replied(8, clock)
    pacer.refused(5.0)
    assert pacer.admit() == pytest.approx(5.0)
    clock.now += 5.0
    admitted = 0
    while pacer.admit() == 0:
        admitted += 1
    assert admitted == 4


def test_refusals_of_calls_that_were_in_flight_together_count_once():
    clock = Clock()
    pacer = replied(16, clock)
    for _ in range(10):
        pacer.refused(1.0)
    assert pacer.allowed == 8


@given(st.integers(1, 64), st.lists(st.booleans(), max_size=300))
def test_the_limit_stays_between_one_and_what_was_set(limit, events):
    clock = Clock()
    pacer = replied(limit, clock)
    for good in events:
        clock.now += 1.0
        before = pacer.allowed
        if good:
            pacer.succeeded()
            assert before <= pacer.allowed <= before + 1
        else:
            pacer.refused(0.5)
        assert 1 <= pacer.allowed <= limit


def test_a_sleep_ends_at_once_when_stopped():
    async def scene() -> tuple[bool, bool]:
        stopped = asyncio.Event()
        whole = await sleep_unless(stopped, 0.01)
        asyncio.get_running_loop().call_later(0.02, stopped.set)
        return whole, await sleep_unless(stopped, 30)

    assert asyncio.run(asyncio.wait_for(scene(), 5)) == (True, False)


def test_few_refusals_by_chance_do_not_slow_down():
    clock = Clock()
    pacer = replied(64, clock)
    for call in range(2000):
        clock.now += 0.01
        pacer.refused(0.0) if call % 100 == 99 else pacer.succeeded()
    assert pacer.allowed == 64
    for call in range(100):
        clock.now += 0.01
        pacer.refused(0.0) if call % 5 == 4 else pacer.succeeded()
    assert pacer.allowed < 10


def test_calls_without_an_answer_in_time_make_fewer_and_count_once():
    clock = Clock()
    pacer = replied(16, clock)
    for _ in range(5):
        pacer.late(10.0)
    assert pacer.allowed == 8 and pacer.admit() == 0, "nobody waits for it"
    clock.now += 11
    pacer.late(10.0)
    assert pacer.allowed == 4


def simulated(pacer: Pacer, clock: Clock, *, places: int, takes_s: float, answers: int) -> float:
    """Answers per second of a server that works on so many calls at a time and lets the others wait."""
    began, served, line, busy = clock.now, 0, [], []
    while served < answers:
        while pacer.admit() == 0:
            line.append(clock.now)
        while line and len(busy) < places:
            heapq.heappush(busy, (clock.now + takes_s, line.pop(0)))
        clock.now, sent = heapq.heappop(busy)
        pacer.leave()
        pacer.succeeded(clock.now - sent)
        served += 1
    return served / (clock.now - began)


def test_fewer_calls_at_a_time_where_more_only_wait():
    clock = Clock()
    pacer = replied(256, clock)
    rate = simulated(pacer, clock, places=16, takes_s=0.5, answers=20_000)
    assert rate > 0.95 * 16 / 0.5
    assert pacer.active < 64, "most of 256 would only have waited, and run into their deadline"


def test_a_server_that_takes_all_is_given_all():
    clock = Clock()
    pacer = replied(64, clock)
    assert simulated(pacer, clock, places=1000, takes_s=0.5, answers=5_000) > 0.95 * 64 / 0.5
    assert pacer.active >= 62


def test_after_the_server_has_grown_more_are_sent_again():
    clock = Clock()
    pacer = replied(128, clock)
    simulated(pacer, clock, places=8, takes_s=0.5, answers=6_000)
    assert pacer.active < 40
    rate = simulated(pacer, clock, places=1000, takes_s=0.5, answers=60_000)
    assert pacer.active > 100 and rate > 100


def paced(pacer: Pacer, clock: Clock, *, seconds: float, bound: int, uses: int) -> int:
    """Calls that are admitted in some time, each answered at once."""
    calls, end = 0, clock.now + seconds
    while clock.now < end:
        counted = pacer.expected(bound)
        wait = pacer.admit(counted)
        if wait > 0:
            clock.now += wait
            continue
        calls += 1
        pacer.used(uses, bound, counted)
        pacer.leave()
    return calls


def test_requests_and_tokens_per_minute_are_kept_and_used():
    clock = Clock()
    pacer = replied(64, clock, requests_per_minute=600)
    assert 0.97 * 1200 <= paced(pacer, clock, seconds=120, bound=100, uses=10) <= 1200
    pacer = Pacer(64, clock, requests_per_minute=6000, tokens_per_minute=30_000)
    assert 0.97 * 600 <= paced(pacer, clock, seconds=120, bound=1000, uses=100) <= 600


def headers(of: str, limit: float, left: float, reset: str) -> dict[str, str]:
    prefix = "x-ratelimit"
    return {f"{prefix}-limit-{of}": f"{limit}", f"{prefix}-remaining-{of}": f"{left}", f"{prefix}-reset-{of}": reset}


def test_limits_are_learnt_from_headers_unless_they_are_set():
    clock = Clock()
    pacer = replied(64, clock)
    pacer.learn(headers("requests", 600, 599, "100ms"))
    assert 0.97 * 600 <= paced(pacer, clock, seconds=60, bound=9, uses=9) <= 600
    own = Pacer(64, clock, requests_per_minute=60)
    own.learn(headers("requests", 600, 599, "100ms"))
    assert paced(own, clock, seconds=60, bound=9, uses=9) <= 61
    daily = Pacer(64, clock)
    daily.learn(headers("requests", 14_400, 14_370, "2m59.5s"))
    assert [daily.admit() for _ in range(64)] == [0] * 64, "a limit per day says nothing of a minute"


def test_a_limit_of_which_nothing_is_used_yet_counts_as_one_per_minute_until_it_shows_its_period():
    clock = Clock()
    pacer = Pacer(64, clock)
    pacer.learn(headers("requests", 600, 600, "0s"))
    assert 0.97 * 300 <= paced(pacer, clock, seconds=30, bound=9, uses=9) <= 300
    pacer.learn(headers("requests", 600, 599, "144s"))
    assert [pacer.admit() for _ in range(64)] == [0] * 64, "600 per day"


def test_calls_in_flight_when_a_limit_is_learnt_are_counted_and_corrected():
    clock = Clock()
    pacer = replied(8, clock)
    assert [pacer.admit(1000) for _ in range(8)] == [0] * 8
    pacer.learn(headers("tokens", 6000, 5000, "10s"))
    for _ in range(8):
        pacer.used(0, 3000, 1000)
        pacer.leave()
    admitted = 0
    while pacer.admit(1000) == 0:
        admitted += 1
    assert admitted == 1, "refused calls give back what they were counted with, and no more"


def test_what_is_left_at_the_server_counts():
    clock = Clock()
    pacer = replied(64, clock)
    pacer.learn(headers("requests", 600, 0, "60s"))
    clock.now += 1.0
    admitted = 0
    while pacer.admit() == 0:
        admitted += 1
        pacer.learn(headers("requests", 600, 0, "60s"))
    assert admitted <= 2, "without its word, half a second's calls would have been made up for"


def test_a_gate_admits_in_order_and_turns_away_once_closed():
    async def scene() -> tuple[list[int], float | None]:
        gate, order = Gate(replied(2)), []

        async def enter(number: int) -> None:
            if await gate.enter(10) is None:
                order.append(-number)
                return
            order.append(number)
            await asyncio.sleep(0.005)
            gate.leave()

        tasks = [asyncio.create_task(enter(number)) for number in range(1, 7)]
        await asyncio.sleep(0.001)
        tasks[3].cancel()
        await asyncio.wait(tasks)
        held = [await gate.enter(1) for _ in range(2)]
        assert None not in held
        late = asyncio.create_task(gate.enter(1))
        await asyncio.sleep(0)
        gate.close()
        assert await late is None
        return order, await gate.enter(1)

    assert asyncio.run(asyncio.wait_for(scene(), 5)) == ([1, 2, 3, 5, 6], None)


def test_a_gate_opens_when_a_rate_allows_it():
    async def scene() -> float:
        gate, loop = Gate(replied(8, requests_per_minute=1200)), asyncio.get_running_loop()
        began = loop.time()
        for _ in range(30):
            await gate.enter(1)
            gate.leave()
        return loop.time() - began

    assert 0.8 < asyncio.run(asyncio.wait_for(scene(), 10)) < 4
