# This file uses descriptors, plain paths and few imports instead of pathlib, and its /tmp is our own.
# ruff: noqa: PTH101, PTH102, PTH104, PTH118, S103
"""The scratch space: the only place where a program may write, empty for each program.

With a mount namespace it is two tmpfs of limited size, which are remounted. Without one it is a real directory, whose
number of files and total size are NOT limited. What a program left there is moved out of the reach of the next one at
once, however much it is, and removed afterwards by the reaper while other programs run.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
from collections.abc import Iterator

from coma_cli.sandbox.inside.isolation import descriptors, namespaces, removal, syscalls

RENEW, SWEEP = b"R", b"S"
# Below a real directory: what programs may write to, their working directory in it, and what waits to be removed.
_TOP, _WORK, _LEFT = "s", "s/w", "left"
# Programs write to their working directory alone, unless they run as root: then they can add a few entries beside it.
_BESIDE_MAX = 100
# So many programs may have left something that is not removed yet; the next one waits.
_LEFT_MAX = 8


def work_of(directory: str) -> str:
    """The working directory of programs below a real directory."""
    return os.path.join(directory, _WORK)


class Scratch:
    """The scratch space; `directory` is a real directory, or None inside a mount namespace."""

    def __init__(self, directory: str | None) -> None:
        self._directory = directory
        self._left = self._moved = 0
        self._removing: Iterator[None] | None = None
        self.is_real = directory is not None
        self.work = namespaces.WORK if directory is None else work_of(directory)

    def _place(self, name: str) -> str:
        assert self._directory is not None
        return os.path.join(self._directory, name)

    @property
    def writable(self) -> str:
        """What programs may write to."""
        return self._place(_TOP) if self.is_real else "/rw"

    def prepare(self) -> None:
        """Create the working directory, unless the mounts already contain it."""
        if self.is_real:
            os.mkdir(self._place(_TOP), 0o755)
            os.mkdir(self._place(_LEFT), 0o700)
            self._make_work()

    def _make_work(self) -> None:
        os.mkdir(self.work, 0o755)
        # Whatever a program makes is in its working directory then, which can be moved away in one step.
        os.chmod(self._place(_TOP), 0o555)

    def renew(self) -> None:
        """Give the next program empty space. Raises OSError where that can't be had quickly."""
        if not self.is_real:
            namespaces.renew_scratch()
            return
        if self._left >= _LEFT_MAX:
            while self.go_on_removing():
                pass
        os.chmod(self._place(_TOP), 0o755)
        with os.scandir(self._place(_TOP)) as entries:
            for number, entry in enumerate(entries):
                if number > _BESIDE_MAX:
                    raise OSError("too many entries beside the working directory")
                self._set_aside(entry.path)
        self._left += 1
        self._make_work()

    def _set_aside(self, path: str) -> None:
        if stat.S_ISDIR(os.lstat(path).st_mode):
            os.chmod(path, 0o700)  # to be moved, a directory has to be writable
        self._moved += 1
        os.rename(path, self._place(f"{_LEFT}/{self._moved}"))

    @property
    def has_to_remove(self) -> bool:
        """Whether something that programs left is still there."""
        return self._left > 0

    def go_on_removing(self, entries: int = 200) -> bool:
        """Remove so many entries of what programs left; whether there may be more."""
        if self._removing is None:
            self._removing = removal.emptying(self._place(_LEFT))
        try:
            for _ in range(entries):
                next(self._removing)
        except (StopIteration, OSError):  # what can't be removed now is tried again at the end
            self._removing, self._left = None, 0
            return False
        return True

    def remove(self) -> None:
        """Clean up at the end: a mount disappears with its namespace, a real directory has to be removed."""
        if self._directory is not None:
            removal.remove(self._directory)

    def directories(self) -> list[str]:
        """Every directory that exists from the start: any leftover file changes one of them."""
        if self.is_real:
            return [self.work, self.writable]
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
