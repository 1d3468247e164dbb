"""One writer per run: a lock that the kernel releases when its process dies, however it dies."""

import fcntl
from pathlib import Path
from typing import IO, Self

from coma_cli.errors import UsageError

LOCK = ".lock"
_held: set[str] = set()


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
        except OSError:
            handle.close()
            raise busy from None
        _held.add(name)
        return cls(name, handle)

    def release(self) -> None:
        """Let the next writer in; releasing twice is fine."""
        if self._handle is not None:
            _held.discard(self._name)
            self._handle.close()
            self._handle = None
