"""The requests that no row was made of yet: taken one by one, only when there is room."""

from collections import deque
from collections.abc import Iterable, Iterator

from coma_cli.engines.interface import GenerationRequest


class WaitingRequests(Iterator[GenerationRequest]):
    """An iterator to which requests can be returned, to be taken again before the others."""

    def __init__(self, requests: Iterable[GenerationRequest]) -> None:
        self._returned: deque[GenerationRequest] = deque()
        self._requests = iter(requests)

    def __next__(self) -> GenerationRequest:
        return self._returned.popleft() if self._returned else next(self._requests)

    def put_back(self, requests: Iterable[GenerationRequest]) -> None:
        """Return requests, the first to be taken first."""
        self._returned.extendleft(reversed(list(requests)))
