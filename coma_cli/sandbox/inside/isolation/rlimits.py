# Raw names of /proc: pathlib would be one more import in each zygote.
# ruff: noqa: PTH116, PTH208
"""Resource limits of one program: a net below the limits that the zygote watches.

They bound the CPU time and address space of each process, the size of each file, descriptors, processes of the user,
and forbid core files, locked memory and message queues. They do NOT bound a tree of processes as a whole.
"""

from __future__ import annotations

import contextlib
import os
import resource

_MIB = 1 << 20
FILE_MB, OPEN_FILES, PROCESSES = 64, 64, 64


def fixed_limits(memory_mb: int, zygote_bytes: int, others: int) -> list[tuple[int, int]]:
    """Limits that a zygote takes on itself, once, for all programs to inherit.

    `zygote_bytes`: address space that is in use before a program begins; `others`: processes and threads of the same
    user that count towards the limit without being ours.
    """
    limits = [
        (resource.RLIMIT_FSIZE, FILE_MB * _MIB),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_NPROC, PROCESSES + others),
        (resource.RLIMIT_AS, memory_mb * _MIB + zygote_bytes),
    ]
    if hasattr(resource, "RLIMIT_MSGQUEUE"):
        limits.append((resource.RLIMIT_MSGQUEUE, 0))
    return limits


def cpu_limit(cpu_kill_s: float) -> tuple[int, int]:
    """The limit of CPU time of one program, a net for when its zygote does not kill it in time."""
    seconds = int(cpu_kill_s) + 2
    return seconds, seconds


def apply(limits: list[tuple[int, int]]) -> None:
    """Set soft and hard limits alike, never above the hard limit that holds already."""
    for what, value in limits:
        hard = resource.getrlimit(what)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))


def others_of(uid: int, *, own_namespace: bool) -> int:
    """How many processes and threads of a user count towards our limit, with room for some more to come.

    Newer kernels count them by user namespace; older ones, and all without a namespace, over the whole machine.
    """
    if own_namespace and tuple(map(int, os.uname().release.split(".")[:2])) >= (5, 14):
        return 0
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{name}").st_uid == uid:
                    count += len(os.listdir(f"/proc/{name}/task"))
    return 2 * count + PROCESSES
