# ruff: noqa: PTH108
"""A program's text on its way to its own process: in a file without a name that no zygote ever reads.

A program is a fork of its zygote and can search all memory that the zygote had; so the zygote only passes the
descriptor on, and the new process reads it after the fork. Nobody can open the file again: a program of the same user
could try to, by way of its zygote's descriptors in /proc, while it waits there.
"""

import contextlib
import os
import tempfile

from coma_cli.sandbox.inside.protocol import control

_NAME = "program"


def open_text(source: bytes, tests: bytes = b"") -> int:
    """A descriptor of a nameless file that holds a program, and its tests in the modes that run both together."""
    fd = _nameless()
    try:
        os.fchmod(fd, 0)
        _write(fd, control.encode_text(source, tests))
    except BaseException:
        os.close(fd)
        raise
    return fd


def _nameless() -> int:
    if hasattr(os, "memfd_create"):
        with contextlib.suppress(OSError):  # a kernel or a filter without it
            return os.memfd_create(_NAME, os.MFD_CLOEXEC)
    fd, name = tempfile.mkstemp()
    os.unlink(name)
    return fd


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
