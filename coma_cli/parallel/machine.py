"""The cores, the CPU quota and the memory that this process may use."""

import os
from functools import cache
from pathlib import Path


def default_workers(cgroup_root: Path = Path("/sys/fs/cgroup")) -> int:
    """The default number of workers: the cores this process may use, or its cgroup's CPU quota if that is less."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota(cgroup_root)
    return max(1, cores if quota is None else min(cores, int(quota + 0.5)))


def own_cores(workers: int) -> list[int | None]:
    """A core for each worker if there are as many workers as cores, else None for each."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return list(cores) if len(cores) == workers > 1 else [None] * workers


def physical_cores(cpus: Path = Path("/sys/devices/system/cpu")) -> int:
    """The cores this process may use, each once however many threads it runs at a time; what torch uses by default."""
    available = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    found = set()
    for number in available:
        try:
            found.add((cpus / f"cpu{number}/topology/thread_siblings_list").read_text().strip())
        except OSError:
            found.add(str(number))
    return max(1, len(found))


def cpu_quota(cgroup_root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """The cgroup's CPU quota in cores (v2 `cpu.max`, else v1 `cpu.cfs_quota_us`); None without a quota."""
    try:
        quota, period = (cgroup_root / "cpu.max").read_text().split()[:2]
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:
        quota_us = int((cgroup_root / "cpu/cpu.cfs_quota_us").read_text())
        period_us = int((cgroup_root / "cpu/cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
    return quota_us / period_us if quota_us > 0 and period_us > 0 else None


@cache
def memory_mb(cgroup_root: Path = Path("/sys/fs/cgroup")) -> int:
    """The memory of the machine in MiB, or the limit of its cgroup (v2, else v1) if that is less, as first read."""
    installed = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            return min(installed, int((cgroup_root / name).read_text()) >> 20)
        except (OSError, ValueError):  # absent, or "max"
            continue
    return installed
