# Descriptors and plain paths, and no import from this package: the supervisor runs this file as a script of its own.
# ruff: noqa: PTH106
"""Removes what programs left in a real directory, an entry at a time, so that it can be bounded and interrupted.

As a script (`python removal.py DIRECTORY`) it removes a directory whatever that takes.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from itertools import islice


def emptying(path: str) -> Iterator[None]:
    """Remove everything in a directory, whatever its depth, names and modes; yields after each entry.

    Links are removed, never followed. What is added meanwhile is removed too. Raises OSError.
    """
    top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield from _emptying(top)
    finally:
        os.close(top)


def _emptying(top: int) -> Iterator[None]:
    """Empty without recursion and with two descriptors at a time: deep directories are first moved to the top."""
    serial = 0
    found = True
    while found:
        found = False
        with os.scandir(top) as entries:
            for entry in entries:
                found = True
                name = entry.name
                if not stat.S_ISDIR(os.stat(name, dir_fd=top, follow_symlinks=False).st_mode):
                    os.unlink(name, dir_fd=top)
                    yield
                    continue
                os.chmod(name, 0o700, dir_fd=top)
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
                try:
                    for below in _names(inner):
                        if stat.S_ISDIR(os.stat(below, dir_fd=inner, follow_symlinks=False).st_mode):
                            os.chmod(below, 0o700, dir_fd=inner)
                            serial += 1
                            os.rename(below, f".{serial}-{os.getpid()}-moved-up", src_dir_fd=inner, dst_dir_fd=top)
                        else:
                            os.unlink(below, dir_fd=inner)
                        yield
                finally:
                    os.close(inner)
                os.rmdir(name, dir_fd=top)
                yield


def _names(fd: int) -> Iterator[str]:
    """The names in a directory, found as they are requested; again from the start until there are none."""
    found = True
    while found:
        found = False
        with os.scandir(fd) as entries:
            for entry in entries:
                found = True
                yield entry.name


def remove(path: str, at_most: int | None = None) -> bool:
    """Remove a directory; with `at_most`, give up after so many entries. Whether it is gone; errors are not raised."""
    try:
        taken = sum(1 for _ in islice(emptying(path), at_most))
        if at_most is not None and taken >= at_most:
            return False
        os.rmdir(path)
    except FileNotFoundError:
        return not os.path.lexists(path)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    remove(sys.argv[1])
