"""The operations of a candidate zygote that depend on its isolation."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class ZygoteOps(NamedTuple):
    """How this zygote performs the operations that depend on its isolation."""

    fork: Callable[[], int]
    shut_in: Callable[[], object]  # the last step in the program's process, before any of its code is read
    kill_all: Callable[[int], None]  # everything that the program may have started, given its pid
    alone: bool  # a program can't start processes: there is one to reap
    scratch_touched: Callable[[], bool]
    renew_scratch: Callable[[], None]
    limit_cpu: bool
