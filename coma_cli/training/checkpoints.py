"""Checkpoints that are complete or do not count.

The Trainer writes a checkpoint file by file, so a kill can leave part of one. The last file written into each is a
marker that lists its files and their sizes; a folder without a marker, or with other files than it lists, is removed.
An older checkpoint is removed only once a newer one has its marker. The marker names the run's fingerprint, so that a
checkpoint of other settings is never continued.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.jsonl import read_json, sync_path, write_json
from coma_cli.workspace.folders import follow_umask

MARKER = "complete.json"
CONTINUATION = "continuation"  # in a finished run: the checkpoint from which a larger number of steps continues
WEIGHTS = ".safetensors"
_PREFIX = "checkpoint-"


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint: everything that is needed to continue after `step` steps."""

    path: Path
    step: int


def mark_complete(path: Path, fingerprint: str) -> None:
    """Force a checkpoint's files to the disk and write its marker.

    Raises:
        CliError: there are no weights in it, as with state that is sharded over processes and was not gathered.
    """
    follow_umask(path)
    sizes = _sizes(path)
    if not any(name.endswith(WEIGHTS) for name in sizes):
        raise CliError(f"{path} has no weights.", "This is a bug of coma: report it, with how training was started.")
    for name in sizes:
        sync_path(path / name)
    write_json(path / MARKER, {"files": sizes, "fingerprint": fingerprint})


def _sizes(path: Path) -> dict[str, int]:
    files = (p for p in sorted(path.rglob("*")) if p.is_file() and p.name != MARKER and not p.name.endswith(".tmp"))
    return {str(p.relative_to(path)): p.stat().st_size for p in files}


def _is_complete(path: Path) -> bool:
    try:
        listed = read_json(path / MARKER)["files"]
    except (MissingInputError, KeyError, TypeError):
        return False
    return bool(listed == _sizes(path))


def all_in(folder: Path, fingerprint: str) -> dict[int, Checkpoint]:
    """The complete checkpoints in a folder by step; broken ones are removed.

    Raises:
        UsageError: one is of other settings.
    """
    found: dict[int, Checkpoint] = {}
    for path in folder.glob(f"{_PREFIX}*"):
        number = path.name.removeprefix(_PREFIX)
        if not number.isdigit() or not _is_complete(path):
            shutil.rmtree(path, ignore_errors=True)
            continue
        if read_json(path / MARKER).get("fingerprint") != fingerprint:
            raise UsageError(
                f"{path} is a checkpoint of other settings, which can't be continued with these.",
                "Remove that folder, or choose another --name.",
            )
        found[int(number)] = Checkpoint(path, int(number))
    return found


def latest(folder: Path, fingerprint: str, *, at_most: int) -> Checkpoint | None:
    """The latest complete checkpoint of at most `at_most` steps; broken ones are removed."""
    found = all_in(folder, fingerprint)
    return max((c for step, c in found.items() if step <= at_most), key=lambda c: c.step, default=None)


def retain(folder: Path, *, last: int, also: int | None = None) -> None:
    """Remove all checkpoints but the latest ones and that of the step `also`."""
    steps = {int(p.name.removeprefix(_PREFIX)): p for p in folder.glob(f"{_PREFIX}*")}
    kept = {*sorted(steps)[-last:], also}
    for step, path in steps.items():
        if step not in kept:
            shutil.rmtree(path, ignore_errors=True)
