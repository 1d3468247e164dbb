# Raw names and few imports: pathlib has no place here, and /tmp is one of our own.
# ruff: noqa: PTH106, S108
"""The directory of a zygote that has no file system of its own: made for the user it will be, and taken away whole."""

import os
import shutil
import tempfile

from coma_cli.sandbox.inside.isolation import namespaces, scratch
from coma_cli.sandbox.launch import Setting


def make_scratch(setting: Setting, uid: int) -> str:
    """A new directory that `uid` owns (where zygotes change their user); nothing where namespaces give each its own."""
    if setting.level == "ns":
        return ""
    if os.geteuid() != 0 or "uid" not in setting.layers:
        return tempfile.mkdtemp(prefix="coma-sandbox-")
    # The zygote will be nobody, who can't enter root's own places.
    place = tempfile.gettempdir()
    path = tempfile.mkdtemp(prefix="coma-sandbox-", dir=place if namespaces.is_open_to_all(place) else "/tmp")
    os.chown(path, uid, uid)
    return path


def remove_scratch(path: str) -> None:
    """Take the directory away with all that a program has left in it, unreadable folders included."""
    try:
        scratch.empty_directory(path)
        os.rmdir(path)
    except OSError:
        shutil.rmtree(path, ignore_errors=True)
