"""Removing runs, or folders in them: under the run's lock, in one step, and never what is outside the workspace.

A run is renamed to a hidden name first, which no command takes for a run, and then deleted. A process that is killed in
between leaves that folder; `leftovers` finds it.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from coma_cli.errors import UsageError
from coma_cli.pipeline import PIPELINE
from coma_cli.workspace.listing import TRASH, run_folders
from coma_cli.workspace.lock import LOCK, RunLock


def outside_blocker(root: Path, folder: Path) -> str | None:
    """Why a folder isn't one of the workspace alone, None if it is: a symbolic link leads out of it."""
    parts = folder.relative_to(root).parts
    inner = [root.joinpath(*parts[: count + 1]) for count in range(len(parts))]
    linked = next((path for path in (*inner, folder / LOCK) if path.is_symlink()), None)
    return f"{linked} is a symbolic link" if linked else None


def remove_run(root: Path, folder: Path, is_wanted: Callable[[], str | None]) -> str | None:
    """Remove a run; the reason if that was not done.

    `is_wanted` is asked under the run's lock, since the run may have changed: a reason to keep it, or None.
    """
    return _remove(root, folder, folder, is_wanted)


def remove_part(root: Path, folder: Path, name: str, is_wanted: Callable[[], str | None]) -> str | None:
    """Remove a folder in a run's folder; the reason if that was not done. See `remove_run`."""
    return _remove(root, folder, folder / name, is_wanted)


def _remove(root: Path, run: Path, target: Path, is_wanted: Callable[[], str | None]) -> str | None:
    blocker = outside_blocker(root, run) or (f"{target} is a symbolic link" if target.is_symlink() else None)
    if blocker:
        return blocker
    try:
        lock = RunLock.acquire(run)
    except UsageError:
        return "another process is writing it"
    except OSError as error:
        return _reason(error)
    try:
        if kept := is_wanted():
            return kept
        trash = target.with_name(f"{TRASH}{target.name}-{os.getpid()}")
        target.rename(trash)
    except OSError as error:
        return _reason(error)
    finally:
        lock.release()
    return delete(trash)


def delete(folder: Path) -> str | None:
    """Delete a folder, links in it as links; the reason if something is left. Another process may do the same."""
    left: list[OSError] = []

    def note(_function: object, _path: object, raised: tuple[type[BaseException], BaseException, object]) -> None:
        error = raised[1]
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            left.append(error)

    shutil.rmtree(folder, onerror=note)
    return f"{folder} is left: {_reason(left[0])}" if left else None


def leftovers(root: Path) -> list[Path]:
    """Folders that were renamed to be deleted, and were not: runs, and folders in runs.

    Those that a living process of this machine is deleting are its own.
    """
    folders = [root / row.command for row in PIPELINE if not (root / row.command).is_symlink()]
    folders += [run for folder in folders for run in run_folders(folder) if not run.is_symlink()]
    found = [path for folder in folders for path in sorted(folder.glob(f"{TRASH}*"))]
    return [path for path in found if path.is_dir() and not path.is_symlink() and not _is_being_deleted(path)]


def _is_being_deleted(trash: Path) -> bool:
    process = trash.name.rpartition("-")[2]
    return process.isdecimal() and Path("/proc", process).exists()


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
