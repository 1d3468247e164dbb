"""Requests wait in order, also those that were put back."""

from coma_cli.engines.interface import Decoding, GenerationRequest
from coma_cli.engines.waiting import WaitingRequests


def test_what_is_put_back_comes_first():
    requests = [GenerationRequest(str(i), Decoding(), i) for i in range(5)]
    waiting = WaitingRequests(requests)
    first = [next(waiting) for _ in range(3)]
    waiting.put_back(first[1:])
    waiting.put_back([first[0]])
    assert [request.key for request in waiting] == ["0", "1", "2", "3", "4"]
    assert next(waiting, None) is None
    waiting.put_back(first)
    assert [request.key for request in waiting] == ["0", "1", "2"]
