# Descriptors and plain paths in /proc: pathlib would be one more import in each zygote.
# ruff: noqa: PTH123
"""The reaper: the parent of a candidate zygote, outside its inner layers of isolation but in its namespaces.

On request it does the two things that the zygote itself can't: renew the scratch space, and without a pid namespace,
kill what a program has left running. Between requests it removes what programs left in a real scratch directory. When
the zygote dies without a pid namespace, it inherits what programs have left running, and kills that too. Its only
descriptor is that of the zygote's requests.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from typing import NoReturn

from coma_cli.sandbox.inside.isolation import scratch, syscalls

# Rounds of killing, of some milliseconds each: processes that fork faster than they are killed are limited in number.
_ROUNDS = 1000


def serve(zygote: int, requests: int, watcher: scratch.Watcher) -> NoReturn:
    """Serve the zygote's requests until it dies."""
    space = watcher.space
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
        if space.is_real:
            syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    poll = select.poll()
    poll.register(requests, select.POLLIN)
    try:
        while wish := _next_wish(poll, requests, space):
            if wish == scratch.SWEEP:
                _kill_descendants(zygote)
            else:
                watcher.renew()
            os.write(requests, wish)
    except OSError:
        # Without us the zygote is of no use. What the supervisor hears is that it has died.
        with contextlib.suppress(OSError):
            os.kill(zygote, signal.SIGKILL)
    _, status = os.waitpid(zygote, 0)
    if space.is_real:
        _kill_descendants(os.getpid())
    space.remove()
    os._exit(0 if status == 0 else 1)


def _next_wish(poll: select.poll, requests: int, space: scratch.Scratch) -> bytes:
    """The zygote's next request, b"" if it has died; until there is one, old files are removed."""
    while space.has_to_remove and not poll.poll(0):
        space.go_on_removing()
    return os.read(requests, 1)


def ask(reaper_fd: int, wish: bytes) -> None:
    """In the zygote: send a request and wait for it; exit if the reaper has died."""
    os.write(reaper_fd, wish)
    if os.read(reaper_fd, 1) != wish:
        os._exit(1)


def _kill_descendants(ancestor: int) -> None:
    """Kill all descendants of a process, repeatedly until no new ones appear. Raises OSError if they keep appearing."""
    for _ in range(_ROUNDS):
        found = _descendants(ancestor)
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if not any(map(_is_running, found)):
            return
        time.sleep(0.002)
    raise OSError("processes of a program can't be ended")


def _descendants(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as listing:
            children = [int(word) for word in listing.read().split()]
    except OSError:
        return []
    return [*children, *(below for child in children for below in _descendants(child))]


def _is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as status:
            return status.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except (OSError, IndexError):
        return False
