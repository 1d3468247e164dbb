"""Requests that several workers answer: who gets which, and what is left when one of them is lost.

A worker keeps to the rows of one prompt while there are any, because each worker has to compute a prompt for itself.
When no untouched prompt is left, it takes rows from the one with the most.
"""

from collections import deque
from collections.abc import Hashable, Iterable
from itertools import groupby

from coma_cli.engines.interface import GenerationRequest

# At most so many are handed out at once. Near the end it is fewer, so that all workers end together.
MOST_AT_ONCE = 32


class SharedRequests:
    """The requests of one call, in their order."""

    def __init__(self, requests: Iterable[GenerationRequest]) -> None:
        grouped = groupby(requests, key=lambda request: (request.prompt_ids, request.instruction, request.prompt))
        self._untouched = deque(deque(group) for _, group in grouped)
        self._own: dict[Hashable, deque[GenerationRequest]] = {}
        self._waiting = sum(map(len, self._untouched))
        self._handed_out: dict[Hashable, dict[str, GenerationRequest]] = {}

    @property
    def unfinished(self) -> int:
        """How many have no answer yet."""
        return self._waiting + sum(map(len, self._handed_out.values()))

    def take(self, worker: Hashable, workers: int) -> tuple[GenerationRequest, ...]:
        """The next ones for one of that many workers; none if all are handed out."""
        size = min(MOST_AT_ONCE, -(-self._waiting // (2 * workers)))
        taken = []
        for _ in range(size):
            taken.append(self._group_for(worker).popleft())
        self._waiting -= size
        self._handed_out.setdefault(worker, {}).update((request.key, request) for request in taken)
        return tuple(taken)

    def _group_for(self, worker: Hashable) -> deque[GenerationRequest]:
        """The rows that a worker takes from: there are some, its own if possible."""
        own = self._own.get(worker)
        if not own:
            own = self._untouched.popleft() if self._untouched else max(self._own.values(), key=len)
            self._own[worker] = own
        return own

    def answered(self, worker: Hashable, key: str) -> None:
        """A worker has answered one of its requests."""
        del self._handed_out[worker][key]

    def lose(self, worker: Hashable) -> int:
        """A worker is lost: the requests that it has not answered are handed out again; their number."""
        lost = self._handed_out.pop(worker, {})
        own = self._own.pop(worker, None)
        if own and not any(own is other for other in self._own.values()):
            self._untouched.appendleft(own)
        if lost:
            self._untouched.appendleft(deque(lost.values()))
            self._waiting += len(lost)
        return len(lost)
