"""Finds the further wordings that rows may have: runs of `gen-instructions --wordings`, or files of such rows."""

from collections.abc import Iterable
from pathlib import Path

from coma_cli.corpus.wordings import WORDINGS_FILE, AddedWordings, TaskWording, read_wordings
from coma_cli.errors import MissingInputError
from coma_cli.workspace import Input, Workspace

COMMAND = "gen-instructions"


def find_wordings(given: Iterable[str], workspace: Workspace) -> tuple[AddedWordings, list[Input]]:
    """The wordings of all runs, folders and files, and these as inputs.

    Raises:
        MissingInputError: there is none of that name, it holds no wordings, or one that can't be used.
    """
    rows: list[TaskWording] = []
    inputs = []
    for place in given:
        file = _file(place, workspace)
        rows += read_wordings(file)
        inputs.append(Input.of_path(f"wordings:{Path(place).name}", file))
    return AddedWordings.of(rows), inputs


def _file(place: str, workspace: Workspace) -> Path:
    path = workspace.place_of(place, COMMAND)
    if not path.exists():
        raise MissingInputError(
            f"There is no {place}, and no finished {COMMAND} run of that name.", "Check --wordings."
        )
    artifact = workspace.artifact_at(path) if path.is_dir() else None
    if artifact is not None and WORDINGS_FILE in artifact.manifest["outputs"]:
        return artifact.intact(WORDINGS_FILE, "--wordings")
    file = path / WORDINGS_FILE if path.is_dir() else path
    if not file.is_file():
        raise MissingInputError(f"{place} holds no {WORDINGS_FILE}.", f"coma {COMMAND} --wordings 8 writes one.")
    return file
