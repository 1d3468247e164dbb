"""What servers say of their limits, and rates that are kept evenly."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from coma_cli.engines.rate_limits import RateLimit, allowance, duration_s, retry_after_s, wait_of


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("3", 3.0), ("0.25", 0.25), ("-5", 0.0), ("nan", None), ("inf", None), ("soon", None), ("", None)],
)
def test_retry_after_as_a_number(header, seconds):
    assert retry_after_s(header) == seconds


def test_retry_after_as_a_date():
    assert 25 < retry_after_s(format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)) <= 30
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


def test_a_date_counts_from_the_servers_own_clock():
    server = datetime(2019, 1, 1, tzinfo=UTC)
    later = format_datetime(server + timedelta(seconds=30), usegmt=True)
    assert retry_after_s(later, format_datetime(server, usegmt=True)) == 30
    assert wait_of({"retry-after": later, "date": format_datetime(server, usegmt=True)}) == 30
    assert wait_of({"retry-after-ms": "250", "retry-after": "9"}) == 0.25
    assert wait_of({}) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("6m0s", 360), ("120ms", 0.12), ("1h2m3.5s", 3723.5), ("2.5", 2.5), ("1d", 86400)]
    + [(text, None) for text in ("", "soon", "5 parsecs", "1s!", "-3", "nan", "inf")],
)
def test_durations(text, seconds):
    assert duration_s(text) == seconds


def stated(limit: str, left: str, reset: str):
    names = ("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens")
    return allowance(dict(zip(names, (limit, left, reset), strict=True)), "tokens")


def test_a_limit_that_renews_within_a_minute_is_one_per_minute():
    assert stated("200000", "199000", "300ms").is_per_minute
    assert stated("200000", "0", "1m0s").is_per_minute
    assert not stated("200000", "200000", "0s").is_per_minute, "nothing was used, so nothing is known"
    assert not stated("14400", "14370", "2m59s").is_per_minute, "that is a day"
    for broken in (("many", "1", "1s"), ("0", "0", "1s"), ("10", "", "1s"), ("10", "1", "later")):
        assert stated(*broken) is None


def test_a_rate_is_kept_on_average_and_catches_up_little():
    limit, now, calls = RateLimit(600, 0.0), 0.0, 0
    while now < 60:
        now += limit.wait_s(now)
        limit.take(1)
        calls += 1
    assert 580 < calls <= 601
    now += 3600
    burst = 0
    while limit.wait_s(now) == 0:
        limit.take(1)
        burst += 1
    assert burst <= 7, "an idle hour is not made up for"


def test_what_was_not_used_is_given_back_and_one_call_may_overdraw():
    limit = RateLimit(6000, 0.0)
    assert limit.wait_s(1.0) == 0
    limit.take(1000)
    assert limit.wait_s(1.0) > 8
    limit.take(-1000)
    assert limit.wait_s(1.0) == 0


def test_a_clock_that_goes_backwards_gives_nothing():
    limit = RateLimit(60, 100.0)
    limit.take(5)
    assert limit.wait_s(50.0) > 0
