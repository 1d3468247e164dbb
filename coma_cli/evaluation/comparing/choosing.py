"""Which runs are compared: score runs by name or folder, sample runs, and sample files that are to be scored first."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coma_cli.errors import MissingInputError, UsageError, nearest
from coma_cli.workspace import Artifact, Workspace

_LISTED = 10


@dataclass(frozen=True)
class ToScore:
    """Samples that `coma score --samples` is to be given: a sample run, or a file or folder from elsewhere."""

    samples: str


def choose(workspace: Workspace, name: str) -> Artifact | ToScore:
    """What a word of the user stands for: a path, else the name of a score run or a sample run, or the begin of one.

    Raises:
        UsageError: it fits several, or is a run of another command. MissingInputError: it fits nothing, or an
            unfinished run.
    """
    if not name.strip():
        raise UsageError("The name of a run is empty.", "Name a score run, or a file of samples.")
    path = Path(name).expanduser()
    if path.exists():
        found = workspace.artifact_at(path)
        named = name in workspace.run_names("score") and "/" not in name
        if named and (found is None or found.path.resolve() != (workspace.root / "score" / name).resolve()):
            run = workspace.root / "score" / name
            raise UsageError(f"{name} is a path here and also a score run.", f"Give the path: ./{name} or {run}")
        return _run(workspace, found) if found is not None else ToScore(str(path))
    return _named(workspace, name)


def choose_score_run(workspace: Workspace, name: str) -> Artifact:
    """As `choose`, for what has to be scored already.

    Raises:
        MissingInputError: it is not.
    """
    found = choose(workspace, name)
    if isinstance(found, ToScore):
        raise MissingInputError(f"{name} is not scored yet.", f"coma score --samples {found.samples}")
    return found


def _named(workspace: Workspace, name: str) -> Artifact | ToScore:
    """A run of that very name, else the only one whose name begins with it; score runs before sample runs."""
    runs = {command: {run.name: run for run in workspace.finished(command)} for command in ("score", "sample")}
    for command, of in runs.items():
        if name in of:
            return _run(workspace, of[name])
        if name in workspace.unfinished(command):
            raise MissingInputError(
                f"{name} is an unfinished run of coma {command}.",
                f"Finish it first: rerun the same coma {command} command to resume.",
            )
    for command, of in runs.items():
        fitting = sorted(other for other in of if other.startswith(name))
        if len(fitting) > 1:
            raise _several(name, f"{command} runs", fitting)
        if fitting:
            return _run(workspace, of[fitting[0]])
    raise _unknown(workspace, name, [other for of in runs.values() for other in of])


def _unknown(workspace: Workspace, name: str, known: Sequence[str]) -> MissingInputError:
    if not known:
        return MissingInputError(
            f"{name} is not a file, folder or run: there is no finished score run in {workspace.root}.", "coma score"
        )
    guess = nearest(name, known)
    meant = f" Did you mean {guess}?" if guess else ""
    message = f"{name} is not a file, folder or finished score run in {workspace.root}.{meant}"
    return MissingInputError(message, f"Known: {', '.join(sorted(known)[:_LISTED])}")


def _run(workspace: Workspace, artifact: Artifact) -> Artifact | ToScore:
    """A score run as it is; of a sample run the score run that was made from it, if there is one."""
    if artifact.command == "score":
        return artifact
    if artifact.command != "sample":
        raise UsageError(f"{artifact.name} is a run of coma {artifact.command}, not of coma score.", "Name score runs.")
    made = [run for run in workspace.finished("score") if _is_of(run, artifact)]
    if len(made) > 1:
        raise _several(artifact.name, "score runs of its samples", [run.name for run in made])
    return made[0] if made else ToScore(str(artifact.path))


def _is_of(run: Artifact, samples: Artifact) -> bool:
    return any(of.name == "sample" and of.content_sha256 == samples.content_sha256 for of in run.inputs)


def _several(name: str, what: str, fitting: Sequence[str]) -> UsageError:
    listed = ", ".join(fitting[:_LISTED]) + (", ..." if len(fitting) > _LISTED else "")
    return UsageError(f"{name} fits several {what}: {listed}.", f"Name one of them: {fitting[0]}")
