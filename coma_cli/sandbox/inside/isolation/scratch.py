# This file uses descriptors, plain paths and few imports instead of pathlib, and its /tmp is our own.
# ruff: noqa: PTH102, PTH106, PTH118, PTH208
"""The scratch space: the only place where a program may write, emptied after each program.

With a mount namespace it is two tmpfs of limited size, which are remounted. Without one it is a real directory, emptied
by walking it through descriptors without following links; its total size is then NOT limited.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat

from coma_cli.sandbox.inside.isolation import descriptors, namespaces, syscalls

RENEW, SWEEP = b"R", b"S"


class Scratch:
    """The scratch space; `directory` is a real directory, or None inside a mount namespace."""

    def __init__(self, directory: str | None) -> None:
        self._directory = directory
        self.work = namespaces.WORK if directory is None else os.path.join(directory, "w")

    def prepare(self) -> None:
        """Create the working directory, unless the mounts already contain it."""
        if self._directory is not None:
            os.mkdir(self.work, 0o755)

    def renew(self) -> None:
        """Remove everything that a program wrote."""
        if self._directory is None:
            namespaces.renew_scratch()
        else:
            empty_directory(self._directory)
            self.prepare()

    def remove(self) -> None:
        """Clean up at the end: a mount disappears with its namespace, a real directory has to be removed."""
        if self._directory is not None:
            try:
                empty_directory(self._directory)
                os.rmdir(self._directory)
            except OSError:
                pass

    def directories(self) -> list[str]:
        """Every directory that exists from the start: any leftover file changes one of them."""
        if self._directory is not None:
            return [self.work, self._directory]
        return [self.work, namespaces.SCRATCH, namespaces.SHARED_MEMORY]


# include/uapi/linux/inotify.h: attributes, moves, creation and deletion, in a directory or of the directory itself
_ANY_CHANGE = 0x004 | 0x040 | 0x080 | 0x100 | 0x200 | 0x400 | 0x800


class Watcher:
    """Tells whether anything was changed in the scratch space since `start` or `renew`.

    Started before the zygote is forked, which shares what its reaper watches. Only the reaper reads what has happened:
    names that one program gave to its files would lie in the zygote's memory, where the next could find them. Programs
    can't use inotify, whose queues are memory that no limit counts. Without the kernel's help the answer is always yes.
    """

    def __init__(self, space: Scratch) -> None:
        self.space = space
        self._fd = -1
        self._poll = select.poll()

    def start(self) -> None:
        """Begin to watch the space as it is."""
        try:
            self._fd = descriptors.move_up(syscalls.inotify_open())
            self._watch()
        except (OSError, AttributeError):
            self._fd = -1
            return
        self._poll.register(self._fd, select.POLLIN)

    def renew(self) -> None:
        """In the reaper: renew the space and watch what is new. Raises OSError."""
        self.space.renew()
        if self._fd >= 0:
            self._watch()
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.read(self._fd, 1 << 16)

    def _watch(self) -> None:
        for path in self.space.directories():
            syscalls.inotify_watch(self._fd, path, _ANY_CHANGE)

    def touched(self) -> bool:
        """Whether anything changed."""
        return self._fd < 0 or bool(self._poll.poll(0))


def empty_directory(path: str) -> None:
    """Remove everything in a directory, whatever its depth, names and modes; links are removed, never followed."""
    top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _empty(top)
    finally:
        os.close(top)


def _empty(top: int) -> None:
    """Empty without recursion and with one descriptor at a time: deep directories are first moved to the top."""
    serial = 0
    while names := os.listdir(top):
        for name in names:
            status = os.stat(name, dir_fd=top, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                os.unlink(name, dir_fd=top)
                continue
            os.chmod(name, 0o700, dir_fd=top)
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
            try:
                for below in os.listdir(inner):
                    if stat.S_ISDIR(os.stat(below, dir_fd=inner, follow_symlinks=False).st_mode):
                        os.chmod(below, 0o700, dir_fd=inner)
                        serial += 1
                        os.rename(below, f".{serial}-{os.getpid()}-moved-up", src_dir_fd=inner, dst_dir_fd=top)
                    else:
                        os.unlink(below, dir_fd=inner)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)
