"""Checkpoints that are complete or do not count.

The Trainer writes a checkpoint file by file, so a kill can leave part of one. The last file written into each is a
marker that lists its files and their sizes; a folder without a marker, or with other files than it lists, is removed.
An older checkpoint is removed only once a newer one has its marker.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from coma_cli.errors import MissingInputError
from coma_cli.jsonl import read_json, sync_path, write_json
from coma_cli.workspace.folders import follow_umask

MARKER = "complete.json"
_PREFIX = "checkpoint-"


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint: everything that is needed to continue after `step` steps."""

    path: Path
    step: int


def mark_complete(path: Path) -> None:
    """Force a checkpoint's files to the disk and write its marker."""
    follow_umask(path)
    sizes = _sizes(path)
    for name in sizes:
        sync_path(path / name)
    write_json(path / MARKER, {"files": sizes})


def _sizes(path: Path) -> dict[str, int]:
    files = (p for p in sorted(path.rglob("*")) if p.is_file() and p.name != MARKER and not p.name.endswith(".tmp"))
    return {str(p.relative_to(path)): p.stat().st_size for p in files}


def _is_complete(path: Path) -> bool:
    try:
        listed = read_json(path / MARKER)["files"]
    except (MissingInputError, KeyError, TypeError):
        return False
    return bool(listed == _sizes(path))


def latest(folder: Path, *, at_most: int) -> Checkpoint | None:
    """The latest complete checkpoint of at most `at_most` steps; broken ones are removed."""
    best: Checkpoint | None = None
    for path in folder.glob(f"{_PREFIX}*"):
        number = path.name.removeprefix(_PREFIX)
        if not number.isdigit() or not _is_complete(path):
            shutil.rmtree(path, ignore_errors=True)
        elif int(number) <= at_most and (best is None or int(number) > best.step):
            best = Checkpoint(path, int(number))
    return best


def remove_others(folder: Path, keep: Checkpoint | None) -> None:
    """Remove all checkpoints but one."""
    for path in folder.glob(f"{_PREFIX}*"):
        if keep is None or path != keep.path:
            shutil.rmtree(path, ignore_errors=True)
