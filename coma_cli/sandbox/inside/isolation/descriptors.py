# fcntl would do this in one call, but every import is one more library mapped in each program's process.
"""Keeps our own descriptors above those of programs, so that a program's process can close all of ours at once."""

from __future__ import annotations

import os

FIRST = 20


def move_up(fd: int) -> int:
    """Move a descriptor to the first free number from `FIRST` on, with close-on-exec."""
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
