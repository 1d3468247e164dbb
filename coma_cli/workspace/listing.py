"""All runs of a workspace as they are on disk: finished, in progress, unfinished or broken. Only reads; takes no lock.

What can't be read is described, not raised: a listing is what people look at when something is wrong.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coma_cli.errors import MissingInputError
from coma_cli.jsonl import read_json
from coma_cli.pipeline import PIPELINE
from coma_cli.workspace.artifact import MANIFEST, SETTINGS, SUMMARY, Artifact, read_artifact, read_summary
from coma_cli.workspace.lock import holder_of

TRASH = ".removed-"  # prefix of the names that `removal` gives to folders before it deletes what is in them
_BLOCK = 512  # bytes, the unit of `st_blocks` (stat(2))
_Inode = tuple[int, int]


@dataclass(frozen=True)
class FolderSize:
    """What a folder takes, links not followed: allocated bytes, sizes of its parts in bytes, and the last change.

    `parts` are the sizes of files, and of all files in folders, directly in it; links to folders are not. A file with
    several names counts in `allocated` once.
    """

    allocated: int
    parts: Mapping[str, int]
    changed: float


@dataclass(frozen=True, eq=False)
class ListedRun:
    """A run's folder and what it says of itself.

    `header` is its settings.json, empty if unreadable; `artifact` its manifest, None if it is not finished; `flaw` why
    a finished run can't be used; `holder` the process that writes it now, as in `holder_of`.
    """

    command: str
    name: str
    path: Path
    header: Mapping[str, Any] = field(repr=False)
    artifact: Artifact | None = field(repr=False)
    summary: Mapping[str, Any] = field(repr=False)
    flaw: str | None
    holder: int | None
    size: FolderSize = field(repr=False)

    @property
    def title(self) -> str:
        """How tables and messages call it: `finetune/mine`."""
        return f"{self.command}/{self.name}"

    @property
    def stated(self) -> Mapping[str, Any]:
        """The fields that manifest and settings.json have in common, from the one that is there."""
        return self.header if self.artifact is None else self.artifact.manifest

    @property
    def is_linked(self) -> bool:
        """Whether its folder is a symbolic link: what it holds is somewhere else."""
        return self.path.is_symlink()


def list_runs(root: Path) -> list[ListedRun]:
    """The runs of a workspace in the order of the pipeline, each command's by name; none if there is no such folder."""
    seen: set[_Inode] = set()
    return [listed_run(row.command, path, seen) for row in PIPELINE for path in run_folders(root / row.command)]


def run_folders(folder: Path) -> Iterator[Path]:
    """Folders that a command may have made; hidden ones are not runs, and an empty one is not yet."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return
    yield from (folder / name for name in names if _is_begun(folder / name))


def _is_begun(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return True  # unreadable: worth a line


def listed_run(command: str, path: Path, seen: set[_Inode] | None = None) -> ListedRun:
    """One run; `seen` as in `size_of_folder`."""
    # The lock is asked first: a process that finishes in between is seen at work, not as one that died.
    holder = holder_of(path)
    size = size_of_folder(path, seen)
    artifact, summary, flaw = _finished(path, size)
    if artifact is None or flaw is not None:  # one that has begun in between removed the manifest
        holder = holder if holder is not None else holder_of(path)
    return ListedRun(command, path.name, path, read_header(path), artifact, summary, flaw, holder, size)


def read_header(path: Path) -> Mapping[str, Any]:
    """The settings.json in a run's folder; empty if it is missing or broken."""
    try:
        content = read_json(path / SETTINGS)
    except (MissingInputError, OSError):
        return {}
    return content if isinstance(content, dict) else {}


def _finished(path: Path, size: FolderSize) -> tuple[Artifact | None, Mapping[str, Any], str | None]:
    """The artifact with its summary, and why it can't be used; no artifact for an unfinished run."""
    if not os.path.lexists(path / MANIFEST):
        return None, {}, None
    try:
        artifact = read_artifact(path / MANIFEST)
    except OSError as error:
        return None, {}, f"{MANIFEST} can't be read ({(error.strerror or str(error)).lower()})"
    if artifact is None:
        return None, {}, f"{MANIFEST} is not one that this version of coma can read"
    flaw = _misfit(artifact, size.parts)
    try:
        return artifact, read_summary(path), flaw
    except (MissingInputError, OSError):
        return artifact, {}, flaw or f"{SUMMARY} is missing or has changed"


def _misfit(artifact: Artifact, parts: Mapping[str, int]) -> str | None:
    """The first output that is missing or has another size than the manifest says."""
    for name, entry in artifact.manifest["outputs"].items():
        there = parts[name] if name in parts else _size_at(artifact.path / name)
        if there is None:
            return f"{name} is missing"
        if there != entry["bytes"]:
            return f"{name} has {there} bytes instead of {entry['bytes']}"
    return None


def _size_at(path: Path) -> int | None:
    """The size of an output that is not directly in the run's folder, or that is a link to a folder."""
    try:
        status = path.stat()
        return _walk(str(path), set()).size if stat.S_ISDIR(status.st_mode) else status.st_size
    except OSError:
        return None


@dataclass
class _Walked:
    allocated: int = 0
    size: int = 0
    changed: float = 0.0

    def add(self, other: "_Walked") -> None:
        self.allocated += other.allocated
        self.size += other.size
        self.changed = max(self.changed, other.changed)


def size_of_folder(folder: Path, seen: set[_Inode] | None = None) -> FolderSize:
    """What a folder takes; files whose inodes are in `seen` count as allocated elsewhere, and new ones are added."""
    known = set() if seen is None else seen
    total, parts = _Walked(), dict[str, int]()
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return FolderSize(0, {}, 0.0)
    for entry in entries:
        walked = _walk_entry(entry, known)
        total.add(walked)
        if not (entry.is_symlink() and entry.is_dir()):
            parts[entry.name] = walked.size
    return FolderSize(total.allocated, parts, total.changed)


def _walk(folder: str, seen: set[_Inode]) -> _Walked:
    total = _Walked()
    with os.scandir(folder) as entries:
        for entry in entries:
            total.add(_walk_entry(entry, seen))
    return total


def _walk_entry(entry: "os.DirEntry[str]", seen: set[_Inode]) -> _Walked:
    """One file, or all files of one folder; a link takes nothing, and counts as long as the file that it leads to."""
    try:
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            walked = _walk(entry.path, seen)
            walked.allocated += status.st_blocks * _BLOCK
            return walked
        if stat.S_ISLNK(status.st_mode):
            target = entry.stat()  # a folder is not walked: it may be a whole disk
            return _Walked(0, target.st_size if stat.S_ISREG(target.st_mode) else 0, status.st_mtime)
    except OSError:  # removed meanwhile, or unreadable
        return _Walked()
    inode = (status.st_dev, status.st_ino)
    allocated = 0 if status.st_nlink > 1 and inode in seen else status.st_blocks * _BLOCK
    if status.st_nlink > 1:
        seen.add(inode)
    return _Walked(allocated, status.st_size, status.st_mtime)
