"""Waiting and pacing: bounds that always hold, and the shape of falling and rising."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.engines.pacing import Pacer, backoff_s, retry_after_s, sleep_unless


@given(st.integers(0, 5000), st.floats(0.001, 10), st.floats(0.001, 500))
def test_backoff_stays_between_half_and_whole_of_its_step(attempt, first, longest):
    whole = min(longest, first * 2.0 ** min(attempt, 30))
    assert whole / 2 <= backoff_s(attempt, first, longest) <= whole


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("3", 3.0), ("0.25", 0.25), ("-5", 0.0), ("nan", None), ("inf", None), ("soon", None), ("", None)],
)
def test_retry_after_as_a_number(header, seconds):
    assert retry_after_s(header) == seconds


def test_retry_after_as_a_date():
    assert 25 < retry_after_s(format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)) <= 30
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_pacer_admits_up_to_its_limit():
    pacer = Pacer(3)
    assert [pacer.admit() for _ in range(3)] == [0, 0, 0]
    assert pacer.admit() > 0
    pacer.leave()
    assert pacer.admit() == 0


def test_a_refusal_closes_the_door_for_all_and_halves_the_limit():
    clock = Clock()
    pacer = Pacer(8, clock)
    pacer.refused(5.0)
    assert pacer.admit() == pytest.approx(5.0)
    clock.now += 5.0
    admitted = 0
    while pacer.admit() == 0:
        admitted += 1
    assert admitted == 4


def test_refusals_of_calls_that_were_in_flight_together_count_once():
    clock = Clock()
    pacer = Pacer(16, clock)
    for _ in range(10):
        pacer.refused(1.0)
    assert pacer.allowed == 8


@given(st.integers(1, 64), st.lists(st.booleans(), max_size=300))
def test_the_limit_stays_between_one_and_what_was_set(limit, events):
    clock = Clock()
    pacer = Pacer(limit, clock)
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
