# Plain paths in /proc: pathlib would be one more import in each zygote.
# ruff: noqa: PTH116, PTH208
"""Resource limits of one program: a backstop for the limits that the zygote enforces.

They limit the CPU time, address space and private memory of each process, the size of each file, descriptors, queued
signals (each timer has one), and processes of the user, and forbid core files, locked memory and message queues. They
do NOT limit a process tree as a whole, nor what the kernel keeps for a process: its page tables, and what its sockets
and pipes hold.
"""

from __future__ import annotations

import contextlib
import os
import resource

_MIB = 1 << 20
FILE_MB, OPEN_FILES, PROCESSES, QUEUED_SIGNALS = 64, 64, 64, 256
# Where others count against what the kernel's version says, and can no longer be counted.
UNCOUNTED = 4096
# Room for what a zygote has before a program starts, bare or with packages (measured: 16 MiB of addresses, 8 of them
# private and writable; with numpy 98 and 47, with pandas 324 and 105, with pandas, scipy and sympy 517 and 231).
_ADDRESS_SPACE = {False: 32 * _MIB, True: 544 * _MIB}
_PRIVATE = {False: 24 * _MIB, True: 256 * _MIB}


def fixed_limits(memory_mb: int, *, packages: bool, others: int) -> list[tuple[int, int]]:
    """Limits that a zygote sets on itself once, inherited by all programs.

    `packages`: the zygote has packages in memory; `others`: processes and threads of the same user that count towards
    the limit but are not ours.
    """
    limits = [
        (resource.RLIMIT_FSIZE, FILE_MB * _MIB),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_NPROC, PROCESSES + others),
        (resource.RLIMIT_AS, memory_mb * _MIB + _ADDRESS_SPACE[packages]),
        (resource.RLIMIT_DATA, memory_mb * _MIB + _PRIVATE[packages]),
    ]
    for name, value in (("RLIMIT_MSGQUEUE", 0), ("RLIMIT_SIGPENDING", QUEUED_SIGNALS)):
        if hasattr(resource, name):
            limits.append((getattr(resource, name), value))
    return limits


def cpu_limit(cpu_kill_s: float) -> tuple[int, int]:
    """The CPU time limit of one program, a backstop in case its zygote does not kill it in time."""
    seconds = int(cpu_kill_s) + 2
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    seconds = seconds if hard == resource.RLIM_INFINITY else min(seconds, hard)
    return seconds, seconds


def apply(limits: list[tuple[int, int]]) -> None:
    """Set soft and hard limits to the same value, but not above the current hard limit."""
    for what, value in limits:
        hard = resource.getrlimit(what)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))


def counts_others(ours: int) -> bool:
    """Whether processes outside of our user namespace count towards our limit, tried by a fork with room for ours only.

    `ours`: processes in this namespace.
    """
    before = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (ours + 1, before[1]))
    try:
        pid = os.fork()
    except OSError:
        return True
    finally:
        resource.setrlimit(resource.RLIMIT_NPROC, before)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return False


def others_of(uid: int, *, own_namespace: bool) -> int:
    """How many other processes and threads of a user count towards our limit, with room for some more.

    Kernels since 5.14 say that they count per user namespace, which `counts_others` tries where it matters; older ones,
    and all without a namespace, count over the whole machine.
    """
    if own_namespace and tuple(map(int, os.uname().release.split(".")[:2])) >= (5, 14):
        return 0
    return 2 * tasks_of(uid) + PROCESSES


def tasks_of(uid: int) -> int:
    """How many processes and threads a user has on this machine, as far as /proc tells."""
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{name}").st_uid == uid:
                    count += len(os.listdir(f"/proc/{name}/task"))
    return count
