"""Where runs can be written, and the error to show where they can't."""

import errno
import os
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
