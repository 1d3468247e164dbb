# This file uses plain paths and few imports instead of pathlib, and its /tmp is our own.
# ruff: noqa: PTH106, S108
"""Creates and removes the scratch directory of a zygote without its own file system."""

import os
import shutil
import tempfile

from coma_cli.sandbox.inside.isolation import namespaces, scratch
from coma_cli.sandbox.launch import Setting


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
    """Remove the directory with everything that a program left in it, including unreadable folders."""
    try:
        scratch.empty_directory(path)
        os.rmdir(path)
    except OSError:
        shutil.rmtree(path, ignore_errors=True)
