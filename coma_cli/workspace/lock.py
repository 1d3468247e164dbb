"""One writer per run: a lock that the kernel releases when its process dies, however it dies."""

import fcntl
import os
import struct
from pathlib import Path
from typing import IO, Self

from coma_cli.errors import UsageError

LOCK = ".lock"
_held: set[str] = set()
# The kernel's `struct flock` (Linux, 64 bits): type, origin, start, length, holding process.
_FLOCK = "hhqqi4x"


class RunLock:
    """The lock of one run's folder, held from `acquire` to `release`.

    POSIX record locks are used: forked children do not inherit them, so an orphaned worker can't keep a run locked.
    They do not exclude a second lock within one process, so held names are remembered here.
    """

    def __init__(self, name: str, handle: IO[bytes]) -> None:
        """The lock on the file `name`, which `handle` holds; see `acquire`."""
        self._name = name
        self._handle: IO[bytes] | None = handle

    @classmethod
    def acquire(cls, folder: Path) -> Self:
        """Take the lock of a run's folder.

        Raises:
            UsageError: this or another process holds it.
        """
        name = str((folder / LOCK).resolve())
        busy = UsageError(f"{folder} is being written by another process.", "Wait for it, or choose another --name.")
        if name in _held:
            raise busy
        handle = (folder / LOCK).open("ab")
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_there = os.path.samestat(os.fstat(handle.fileno()), (folder / LOCK).stat())
        except OSError:
            is_there = False
        if not is_there:  # locked, or the run was removed between opening and locking
            handle.close()
            raise busy
        _held.add(name)
        return cls(name, handle)

    def release(self) -> None:
        """Let the next writer in; releasing twice is fine."""
        if self._handle is not None:
            _held.discard(self._name)
            self._handle.close()
            self._handle = None


def holder_of(folder: Path) -> int | None:
    """The process that holds the lock of a run's folder, None if none does; takes no lock and changes nothing.

    0 stands for a process that has no number here: one of another container or machine.
    """
    path = folder / LOCK
    if str(path.resolve()) in _held:  # closing the file once more would release the lock of this process
        return os.getpid()
    try:
        with path.open("rb") as handle:
            asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, _, _, _, process = struct.unpack(_FLOCK, fcntl.fcntl(handle, fcntl.F_GETLK, asked))
    except OSError:
        return None
    return None if kind == fcntl.F_UNLCK else max(0, process)
