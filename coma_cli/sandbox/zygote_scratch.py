# This file uses plain paths and few imports instead of pathlib, and its /tmp is our own.
# ruff: noqa: PTH112, S108
"""Creates and removes the scratch directory of a zygote without its own file system."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time

from coma_cli.sandbox.inside.isolation import namespaces, removal
from coma_cli.sandbox.launch import Setting

# Entries that are removed at once: some milliseconds. A process of its own removes the rest.
AT_ONCE = 1000
_removers: list[subprocess.Popen[bytes]] = []


def make_scratch(setting: Setting, uid: int) -> str:
    """A new directory owned by `uid` (if zygotes change user); "" if each zygote has its own file system."""
    if setting.level == "ns":
        return ""
    if os.geteuid() != 0 or "uid" not in setting.layers:
        return tempfile.mkdtemp(prefix="coma-sandbox-")
    # The zygote will be nobody, who can't enter root's directories.
    place = tempfile.gettempdir()
    path = tempfile.mkdtemp(prefix="coma-sandbox-", dir=place if namespaces.is_open_to_all(place) else "/tmp")
    os.chown(path, uid, uid)
    return path


def remove_scratch(path: str) -> None:
    """Remove the directory with everything that a program left in it; much of it is removed while the caller goes on.

    `finish_removing` waits for that.
    """
    _removers[:] = [remover for remover in _removers if remover.poll() is None]
    if not removal.remove(path, AT_ONCE) and os.path.isdir(path):
        command = [sys.executable, "-I", "-S", removal.__file__, path]
        quiet = subprocess.DEVNULL
        _removers.append(
            subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, cwd="/", start_new_session=True)
        )


def finish_removing(within_s: float) -> None:
    """Wait for directories that are being removed; what takes longer goes on without us."""
    deadline = time.monotonic() + within_s
    for remover in _removers:
        with contextlib.suppress(subprocess.TimeoutExpired):
            remover.wait(max(0.0, deadline - time.monotonic()))
    _removers[:] = [remover for remover in _removers if remover.poll() is None]
