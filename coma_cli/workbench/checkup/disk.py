"""Room on the disks that coma writes to, and whether it may: the workspace, the caches, the temporary folder."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from coma_cli.cache import cache_folder
from coma_cli.errors import CliError
from coma_cli.words import size_of
from coma_cli.workbench.checkup.diagnosis import Diagnosis, Severity
from coma_cli.workspace.folders import folder_blocker

AREA = "disk"
_LITTLE, _TOO_LITTLE = 5 << 30, 100 << 20  # a small model and its checkpoints; not even the rows of a run


def diagnose_disk(workspace: Path, environment: Mapping[str, str] = os.environ) -> Iterator[Diagnosis]:
    """Each folder with its free space."""
    yield _folder("workspace", workspace, "error", "coma status -w FOLDER, with another folder")
    try:
        yield _folder("cache", cache_folder(), "warning", "export COMA_CACHE=FOLDER")
    except CliError as error:
        yield Diagnosis(AREA, "cache", "warning", error.message, error.hint)
    home = environment.get("HF_HOME") or Path(environment.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    try:
        yield _folder("models of the Hub", Path(home).expanduser(), "warning", "export HF_HOME=FOLDER")
    except RuntimeError:
        yield Diagnosis(AREA, "models of the Hub", "warning", "there is no home folder", "export HF_HOME=FOLDER")
    try:
        yield _folder("temporary files", Path(tempfile.gettempdir()), "error", "export TMPDIR=FOLDER")
    except FileNotFoundError:
        yield Diagnosis(
            AREA, "temporary files", "error", "no folder for them can be written to", "export TMPDIR=FOLDER"
        )


def _folder(name: str, folder: Path, unusable: Severity, fix: str) -> Diagnosis:
    """A folder that may not be there yet."""
    blocker = folder_blocker(folder)
    if blocker is not None:
        return Diagnosis(AREA, name, unusable, blocker.message, fix)
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    return of_free_space(name, folder, free, unusable, fix)


def of_free_space(name: str, folder: Path, free: int, unusable: Severity, fix: str) -> Diagnosis:
    """What so much free space means (bytes)."""
    data = {"path": str(folder), "free_bytes": free}
    found = f"{size_of(free)} free at {folder}"
    if free < _TOO_LITTLE:
        return Diagnosis(AREA, name, unusable, found, f"coma clean, or {fix}", data)
    if free < _LITTLE:
        return Diagnosis(AREA, name, "warning", f"{found}: little for models", f"coma clean, or {fix}", data)
    return Diagnosis(AREA, name, "ok", found, data=data)
