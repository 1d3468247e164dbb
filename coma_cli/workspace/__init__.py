"""Runs and artifacts: where every command's work is stored, when it is done, and how it resumes after a kill.

    <workspace>/<command>/<name>/
        settings.json    first: settings, inputs, time, host
        *.jsonl, model/  rows appended as they come, or whole files moved into place
        summary.json     what --json prints
        manifest.json    last, by rename: its presence is "done"

A run is named by the fingerprint of what decides its rows: command, stage version, identity settings and the content
hash of each input. The runtime block and the extent are not part of it, so a larger extent continues the same run. One
process writes a run at a time, enforced by a lock that the kernel releases when the process dies. Nothing outside this
package knows these paths.
"""

import os
from pathlib import Path

from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.jsonl import read_json
from coma_cli.pipeline import row_of
from coma_cli.settings import Completer, StageSettings
from coma_cli.workspace.artifact import MANIFEST, SETTINGS, Artifact, Input, finished_artifact, read_artifact
from coma_cli.workspace.folders import folder_blocker, refused_as_usage
from coma_cli.workspace.run import Plan, Run, StageResult, fingerprint, now

__all__ = ["Artifact", "Input", "Plan", "Run", "StageResult", "Workspace", "fingerprint", "runs_of"]

_LONGEST_NAME = 200  # bytes; file systems allow 255, and temporary files beside it have longer names


class Workspace:
    """A folder of runs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def blocker(self, command: str) -> CliError | None:
        """Why no run of a command can be made here, None if one can; creates nothing."""
        return folder_blocker(self.root / command)

    def finished(self, command: str) -> list[Artifact]:
        """The finished runs of a command, latest first; unreadable manifests count as unfinished."""
        folder = self.root / command
        found = (read_artifact(path) for path in sorted(folder.glob(f"*/{MANIFEST}")))
        return sorted((a for a in found if a is not None), key=lambda a: (a.finished, a.name), reverse=True)

    def newest(self, command: str, holding: str = "") -> Artifact | None:
        """The latest finished run of a command; with `holding`, that has this output."""
        runs = self.finished(command)
        return next((run for run in runs if not holding or holding in run.manifest["outputs"]), None)

    def ahead_of(self, artifact: Artifact) -> Artifact | None:
        """A run of the same command that claims to have finished in the future: the clock was set back since.

        It counts as the latest, though `artifact` is later.
        """
        newest = self.newest(artifact.command)
        return newest if newest is not None and newest.finished > max(artifact.finished, now()) else None

    def require_newest(self, command: str) -> Artifact:
        """As `newest`, with an error that names the command to run first."""
        artifact = self.newest(command)
        if artifact is None:
            unfinished = self.unfinished(command)
            begun = f" ({len(unfinished)} unfinished: {', '.join(unfinished)})" if unfinished else ""
            raise MissingInputError(f"No finished {command} run in {self.root}{begun}.", f"coma {command}")
        return artifact

    def place_of(self, name: str | Path, *commands: str) -> Path:
        """The path that was meant: one that exists, else the finished run of that name of the first command with one.

        A name that is neither is given back as the path that it is.
        """
        path = Path(name).expanduser()
        if path.exists():
            return path
        named = (self.root / command / path for command in commands if str(path) in self.run_names(command))
        return next(named, path)

    def run_names(self, command: str) -> list[str]:
        """Names of the finished runs of a command; no manifest is read."""
        return sorted(path.parent.name for path in (self.root / command).glob(f"*/{MANIFEST}"))

    def unfinished(self, command: str) -> list[str]:
        """Names of the runs of a command that were started and have no manifest."""
        folder = self.root / command
        return [p.parent.name for p in sorted(folder.glob(f"*/{SETTINGS}")) if not (p.parent / MANIFEST).exists()]

    def artifact_at(self, path: Path) -> Artifact | None:
        """The finished run that a path names: its folder, or a file or folder directly in it; else None.

        Raises:
            MissingInputError: the path is in an unfinished run.
        """
        for folder in (path, path.parent):
            if (folder / MANIFEST).is_file() and (artifact := read_artifact(folder / MANIFEST)) is not None:
                return artifact
            if (folder / SETTINGS).is_file() and _is_header(read_json(folder / SETTINGS)):
                raise MissingInputError(
                    f"{folder} is an unfinished run of coma {folder.parent.name}.",
                    f"Finish it first: rerun the same coma {folder.parent.name} command to resume.",
                )
        return None

    def origin_of(self, made: Input, *commands: str) -> Artifact | None:
        """The finished run that an input is, by its content: where it was read, else anywhere in this workspace."""
        place = Path(made.path) / MANIFEST
        there = read_artifact(place) if place.is_file() else None
        found = [*([there] if there else []), *(run for command in commands for run in self.finished(command))]
        return next((run for run in found if run.content_sha256 == made.content_sha256), None)

    def answers_folder(self) -> Path:
        """The folder of paid answers, shared by all runs of the workspace."""
        folder = self.root / "answers"
        with refused_as_usage(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def open_run(
        self, command: str, settings: StageSettings, plan: Plan, *, name: str | None = None, force: bool = False
    ) -> Run:
        """Create the run of these settings and inputs, or resume it.

        Raises:
            UsageError: `name` is invalid or a run of other settings, or another process is writing this run.
        """
        digest, folder = self._identity(command, settings, plan, name)
        return Run(folder, row_of(command), settings, plan, digest, force=force)

    def finished_run(
        self, command: str, settings: StageSettings, plan: Plan, *, name: str | None = None
    ) -> Artifact | None:
        """The finished run that `open_run` would find, with nothing to do over. Takes no lock.

        Of the plan only subject and inputs count.

        Raises:
            UsageError: `name` is invalid, or a file is where a folder should be. MissingInputError: an output of the
                run is missing or truncated.
        """
        digest, folder = self._identity(command, settings, plan, name)
        with refused_as_usage(folder):
            artifact = finished_artifact(folder)
        if artifact is None or artifact.fingerprint != digest or not artifact.is_whole:
            return None
        extents = artifact.manifest.get("extents")
        return artifact if extents and extents[-1] == settings.extent() else None

    def _identity(self, command: str, settings: StageSettings, plan: Plan, name: str | None) -> tuple[str, Path]:
        """The fingerprint of a run, and its folder."""
        if name is not None:
            _check_name(name)
        digest = fingerprint(row_of(command), settings, plan.inputs)
        return digest, self.root / command / (name or f"{plan.subject}-{digest[:8]}")


def runs_of(*commands: str) -> Completer:
    """What completes an option to names of finished runs."""
    return lambda root: [name for command in commands for name in Workspace(root).run_names(command)]


def _is_header(content: object) -> bool:
    """Whether a settings file was written by a run."""
    return isinstance(content, dict) and "fingerprint" in content


def _check_name(name: str) -> None:
    """A run's name is one folder in that of its command: nothing else is ever written, or discarded by --force.

    Raises:
        UsageError: it is empty, hidden, a path, or too long for a file system.
    """
    printable = name.isprintable() and "/" not in name and "\\" not in name
    if not printable or not name.strip() or name.startswith((".", "-")) or len(os.fsencode(name)) > _LONGEST_NAME:
        raise UsageError(
            f"{name!r} is not a valid name of a run.",
            f"Give --name as one word of at most {_LONGEST_NAME} bytes, without slashes or a leading dot.",
        )
