# This file uses descriptors, plain paths and few imports instead of pathlib, and its /tmp is our own.
# ruff: noqa: PTH110, PTH112, PTH115, PTH123, PTH208
"""Inspects a process tree from outside through /proc: its processes, what they use, whether they wait.

Read-only; a process that exits meanwhile counts as zero.
"""

import contextlib
import os
from collections.abc import Iterable

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The direct children of a process (of its main thread, the only one that a zygote has)."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as listing:
            return [int(word) for word in listing.read().split()]
    except OSError:
        return _children_by_search(pid)


def _children_by_search(pid: int) -> list[int]:
    # Kernels without CONFIG_PROC_CHILDREN.
    if not os.path.isdir(f"/proc/{pid}") or os.path.exists(f"/proc/{pid}/task/{pid}/children"):
        return []
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _stat_fields(int(name))) and int(fields[1]) == pid:
            found.append(int(name))
    return found


def descendants(pid: int) -> list[int]:
    """All descendants of a process, nearest first, including children of any thread."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = [child for parent in waiting for child in _children_of_all_threads(parent)]
        found += below
        waiting = below
    return found


def _children_of_all_threads(pid: int) -> list[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    if len(threads) == 1:
        return children(pid)
    found: list[int] = []
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as listing:
                found += [int(word) for word in listing.read().split()]
        except OSError:
            continue
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and of the children it has waited for."""
    fields = _stat_fields(pid)
    return sum(map(int, fields[11:15])) / _TICKS_PER_S if fields else 0.0


def _stat_fields(pid: int | str) -> list[bytes]:
    """The fields of `stat` after the name, which may contain spaces and brackets: state is 0, parent 1, utime 11."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as status:
            return status.read().rpartition(b")")[2].split()
    except OSError:
        return []


def is_running(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    fields = _stat_fields(pid)
    return bool(fields) and fields[0] not in (b"Z", b"X")


def thread_states(pid: int) -> set[str]:
    """What the threads of a process do now, as the kernel's letters: R runs or waits for a core, D waits for a disk."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return set()
    return {fields[0].decode() for thread in threads if (fields := _stat_fields(f"{pid}/task/{thread}"))}


def busy_seconds(pid: int) -> float:
    """CPU time of a process and of the children it has waited for, with the time that its threads waited for a core.

    A wait counts once it is over. Kernels without statistics of the scheduler count no wait.
    """
    waited = 0.0
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError, IndexError, ValueError):
                waited += _wait_of(f"/proc/{pid}/task/{thread}/schedstat")
    return cpu_seconds(pid) + waited


def _wait_of(path: str) -> float:
    with open(path, "rb") as status:
        return int(status.read().split()[1]) / 1e9


def waited_for_cpu(pid: int) -> float:
    """Seconds that a process was runnable but not running: the maximum over its threads."""
    longest = 0.0
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return 0.0
    for thread in threads:
        try:
            longest = max(longest, _wait_of(f"/proc/{pid}/task/{thread}/schedstat"))
        except (OSError, IndexError, ValueError):
            continue
    return longest


def resident_bytes(pid: int) -> int:
    """The proportional set size (PSS) of a process: its memory with its share of shared pages.

    That of a process which hides its memory from us, as any can, counts whole.
    """
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as rollup:
            for line in rollup:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) << 10
    except PermissionError:
        return own_bytes(pid)
    except OSError:
        pass
    return 0


def own_bytes(pid: int) -> int:
    """Memory of a process without that of files, in memory or swapped out; pages shared with others count whole."""
    return _status_bytes(pid, _OWN)


def page_table_bytes(pid: int) -> int:
    """What the kernel needs to map a process's memory: more than the memory itself if it is spread far apart."""
    return _status_bytes(pid, _TABLES)


def table_and_own_bytes(pid: int) -> tuple[int, int]:
    """Both of the above at once."""
    (tables, own) = _status_sums(pid, _TABLES, _OWN)
    return tables, own


_OWN, _TABLES = (b"RssAnon:", b"RssShmem:", b"VmSwap:"), (b"VmPTE:",)


def _status_bytes(pid: int, names: tuple[bytes, ...]) -> int:
    return _status_sums(pid, names)[0]


def _status_sums(pid: int, *groups: tuple[bytes, ...]) -> list[int]:
    """For each group of names, the sum of their lines of a process's status, in bytes."""
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            lines = status.readlines()
    except OSError:
        return [0] * len(groups)
    return [sum(int(line.split()[1]) << 10 for line in lines if line.startswith(names)) for names in groups]


def sockets(pids: Iterable[int]) -> int:
    """How many sockets these processes have open; those of a process that hides its descriptors are not seen."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            found |= {link for fd in os.listdir(f"/proc/{pid}/fd") if (link := _link(f"/proc/{pid}/fd/{fd}"))}
    return sum(link.startswith("socket:") for link in found)


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
