# This file uses descriptors, plain paths and few imports instead of pathlib.
# ruff: noqa: PTH115, PTH123, PTH208
"""Ends the processes of a zygote, and those that its programs have detached where no namespace dies with it.

A detached process stays below the zygote or its reaper, to which orphans are given. If both were killed, it is
recognised by its environment or its working directory, which name the zygote's scratch directory.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable

from coma_cli.sandbox import proctree

_ROUNDS, _PAUSE_S = 1000, 0.002


def end_tree(process: subprocess.Popen[bytes], scratch: str = "") -> None:
    """Kill a process with all its descendants; with `scratch` also those that have got away from it."""
    if not scratch:
        # The first descendant ends its namespace, and all others with it; without namespaces there is nothing else.
        _kill(proctree.descendants(process.pid))
    else:
        _kill_until_none_is_new(lambda: proctree.descendants(process.pid))
    process.kill()
    process.wait()
    if scratch:
        _kill_until_none_is_new(lambda: _strays(scratch))


def _kill_until_none_is_new(find: Callable[[], list[int]]) -> None:
    for _ in range(_ROUNDS):
        found = find()
        _kill(found)
        if not any(map(proctree.is_running, found)):
            return
        time.sleep(_PAUSE_S)


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _strays(scratch: str) -> list[int]:
    """Processes whose environment or working directory is that of programs with this scratch directory."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid() and _belongs_to(name, scratch):
            found.append(int(name))
    return found


def _belongs_to(pid: str, scratch: str) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as environment:
            if b"=" + os.fsencode(scratch) + b"/" in environment.read():
                return True
        return os.readlink(f"/proc/{pid}/cwd").startswith(scratch + "/")
    except OSError:
        return False
