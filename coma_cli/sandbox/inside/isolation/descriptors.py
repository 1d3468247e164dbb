# Every import is one more library mapped in each program's process: fcntl would do this in one call.
"""Our own descriptors stand above those that programs open, so that a program's process closes all of ours at once."""

from __future__ import annotations

import os

FIRST = 20


def move_up(fd: int) -> int:
    """Move a descriptor to the first free place from `FIRST` on, closed on exec."""
    place = FIRST
    while _is_open(place):
        place += 1
    os.dup2(fd, place, inheritable=False)
    os.close(fd)
    return place


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
