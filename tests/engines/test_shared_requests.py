"""Which worker gets which requests."""

import random

from coma_cli.engines.shared_requests import MOST_AT_ONCE, SharedRequests
from tests.engines.counting_engine import requests_for


def keys(requests) -> list[str]:
    return [request.key for request in requests]


def test_workers_keep_to_a_prompt_of_their_own_while_there_are_any():
    shared = SharedRequests(requests_for(4, 100))
    first, second = shared.take("a", 2), shared.take("b", 2)
    assert keys(first) == [f"p0-{row}" for row in range(MOST_AT_ONCE)]
    assert keys(second) == [f"p1-{row}" for row in range(MOST_AT_ONCE)]
    assert {key.partition("-")[0] for key in keys(shared.take("a", 2))} == {"p0"}


def test_rows_of_a_single_prompt_are_shared():
    shared = SharedRequests(requests_for(1, 100))
    assert keys(shared.take("a", 2))[0] == "p0-0"
    assert keys(shared.take("b", 2))[0] == "p0-25"


def test_less_and_less_is_handed_out_towards_the_end():
    shared = SharedRequests(requests_for(1, 40))
    sizes = []
    while taken := shared.take("a", 2):
        sizes.append(len(taken))
    assert sum(sizes) == 40
    assert sizes == sorted(sizes, reverse=True)
    assert (sizes[0], sizes[-1]) == (10, 1)


def test_each_is_answered_once_whoever_is_lost():
    for seed in range(50):
        chance = random.Random(seed)
        wanted = requests_for(chance.randint(1, 6), chance.randint(1, 30))
        shared, answered, held = SharedRequests(wanted), [], {name: [] for name in "abcd"}
        while shared.unfinished:
            name = chance.choice(sorted(held))
            if len(held) > 1 and chance.random() < 0.02:
                assert shared.lose(name) == len(held.pop(name))
            elif held[name] and chance.random() < 0.7:
                key = held[name].pop(chance.randrange(len(held[name])))
                shared.answered(name, key)
                answered.append(key)
            else:
                held[name] += keys(shared.take(name, len(held)))
        assert sorted(answered) == sorted(keys(wanted))


def test_a_worker_that_has_nothing_can_be_lost():
    shared = SharedRequests(requests_for(1, 1))
    assert shared.lose("nobody") == 0
    assert shared.unfinished == 1
