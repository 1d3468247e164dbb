"""Folders in coma's cache that are made once: by one process at a time, and complete or absent.

A folder is made under a temporary name beside its place and renamed when it is complete. A lock makes a second process
wait instead of making it too.
"""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from coma_cli import console
from coma_cli.workspace.folders import follow_umask

_MAKING = ".making-"


def made_once(folder: Path, make: Callable[[Path], None], note: str, *, resumable: bool = False) -> Path:
    """`folder`, filled by `make` if it does not exist yet; `note` is then shown.

    `make` gets the temporary folder. If it is `resumable`, what an earlier start left there is kept for it to continue
    from; otherwise that is removed first.

    Raises:
        OSError: the folder can't be written.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.parent / f".{folder.name}.lock"):
        if not folder.is_dir():
            console.note(note)
            _make(folder, make, resumable)
    return folder


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a file lock that the kernel releases when this process dies."""
    with lock.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _make(folder: Path, make: Callable[[Path], None], resumable: bool) -> None:
    making = folder.parent / f"{_MAKING}{folder.name}-part"
    if not resumable:
        for abandoned in folder.parent.glob(f"{_MAKING}{folder.name}-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
    making.mkdir(exist_ok=True)
    try:
        make(making)
        follow_umask(making)
        making.rename(folder)
    finally:
        if not resumable:
            shutil.rmtree(making, ignore_errors=True)
