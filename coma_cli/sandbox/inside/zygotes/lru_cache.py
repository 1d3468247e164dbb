"""A cache with a limit on the total weight of its values."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# Bytes of tests that a zygote keeps compiled. All of HumanEval's are 160 KB and all of MBPP's 400 KB, so a sample file
# may list the problems in any order; compiled they take about ten times as much.
TESTS_WEIGHT = 512 << 10


class LruCache(Generic[K, V]):
    """Values by key; the least recently used are evicted when the total weight is too large."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._weight = 0
        self._items: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, now the most recently used; None if there is none."""
        item = self._items.get(key)
        if item is None:
            return None
        self._items.move_to_end(key)
        return item[0]

    def put(self, key: K, value: V, weight: int) -> list[V]:
        """Store a value under a new key, however heavy, and return the evicted values."""
        left = []
        while self._items and self._weight + weight > self._limit:
            _, (old, old_weight) = self._items.popitem(last=False)
            self._weight -= old_weight
            left.append(old)
        self._items[key] = (value, weight)
        self._weight += weight
        return left
