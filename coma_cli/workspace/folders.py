"""Where runs can be written, the error to show where they can't, and the permissions of what is written."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coma_cli.errors import UsageError

ANOTHER_PLACE = "Choose another --workspace or --name, or move that file."
ANOTHER_WORKSPACE = "Choose another --workspace, or change the permissions of that folder."
# What a path can be refused for that another one would not be; disks that are full or broken are the machine's errors.
_OF_THE_PATH = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EEXIST,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
    }
)

_OWNER_ONLY = 0o600


def folder_blocker(folder: Path) -> UsageError | None:
    """Why a folder can't be made or written to, None if nothing speaks against it; creates nothing."""
    whole = folder.absolute()
    nearest = next(path for path in (whole, *whole.parents) if os.path.lexists(path))
    if nearest.is_symlink() and not nearest.exists():
        return UsageError(f"{nearest} is a symbolic link to nothing.", ANOTHER_PLACE)
    if not nearest.is_dir():
        return UsageError(f"{nearest} should be a folder, but is a file.", ANOTHER_PLACE)
    if not os.access(nearest, os.W_OK | os.X_OK):
        return UsageError(f"{nearest} can't be written to.", ANOTHER_WORKSPACE)
    return None


@contextmanager
def refused_as_usage(folder: Path) -> Iterator[None]:
    """Turn what a file system refuses for the path's sake into the error of a wrong option.

    Raises:
        UsageError: `folder` or a file in it can't be made or written.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_THE_PATH:
            raise
        blocker = folder_blocker(folder)
        if blocker is None:
            reason = (error.strerror or str(error)).lower()
            blocker = UsageError(f"{error.filename or folder} can't be written: {reason}.", ANOTHER_WORKSPACE)
        raise blocker from None


def follow_umask(path: Path) -> None:
    """Give a file, or all files in a folder, the permissions that the umask asks for.

    safetensors writes through a temporary file that only its owner may read, so a model could not be shared.
    """
    wanted = 0o666 & ~_umask()
    for file in path.rglob("*") if path.is_dir() else (path,):
        if file.is_file() and not file.is_symlink() and stat.S_IMODE(file.stat().st_mode) == _OWNER_ONLY != wanted:
            file.chmod(wanted)


def _umask() -> int:
    """The umask of this process; Linux tells it without setting it, which other threads would notice."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
    except (OSError, StopIteration, ValueError):
        mask = os.umask(0o022)
        os.umask(mask)
        return mask
