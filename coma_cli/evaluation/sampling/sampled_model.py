"""Which model is sampled: the one named, or the merge of the newest finetune."""

from dataclasses import dataclass
from pathlib import Path

from coma_cli.catalog.bases import BASES, DEFAULT_BASE
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.models.resolution import ResolvedBase, Trust, resolve_base
from coma_cli.prompting import PromptTemplate
from coma_cli.workspace import Artifact, Input, Workspace

MODEL = "model"


@dataclass(frozen=True)
class ModelChoice:
    """A model to sample: what a loader takes, what the run is made from, and the template that it was tuned with."""

    resolved: ResolvedBase
    source: Input
    title: str
    subject: str
    stored: PromptTemplate | None
    note: str


def choose_model(workspace: Workspace, name: str | None, revision: str | None, trust: Trust) -> ModelChoice:
    """The model that `name` stands for: a run, a model's folder, a catalogue name or a hub id; None: the newest.

    Raises:
        MissingInputError: there is no such model, or it is unfinished or was changed since it was made.
        UsageError: unknown name; the newest finetune has not been merged; or the run leaves no model.
    """
    if name is None:
        return _of_artifact(newest_tuned(workspace), trust, "newest")
    path = workspace.place_of(name, "merge-lora", "finetune")
    artifact = workspace.artifact_at(path) if name not in BASES and path.exists() else None
    if artifact is not None:
        return _of_artifact(artifact, trust, "chosen")
    resolved = resolve_base(name, revision=revision, trust=trust)
    folder = Path(resolved.path_or_id)
    stored = PromptTemplate.load(folder) if resolved.kind == "folder" else None
    return ModelChoice(
        resolved, resolved.as_input(MODEL), resolved.name, resolved.subject, stored, f"Model: {resolved.name}"
    )


def newest_tuned(workspace: Workspace) -> Artifact:
    """The newest finetune itself if it left a whole model, else its newest merge.

    Raises:
        MissingInputError: nothing was tuned or merged here. UsageError: only older or unfinished finetunes were merged.
    """
    tuned, merges = workspace.newest("finetune"), workspace.finished("merge-lora")
    if tuned is not None and MODEL in tuned.manifest["outputs"]:
        return tuned
    if tuned is None:
        begun = workspace.unfinished("finetune")
        if merges and begun:
            raise UsageError(
                f"{merges[0].name} is an older merge: the finetune {', '.join(begun)} is begun and not finished.",
                "Finish it with the same coma finetune command ; or name a model with --model",
            )
        if merges:
            return merges[0]
        tuned = _require_finetune(workspace)
    for merge in merges:
        if any(made_from.content_sha256 == tuned.content_sha256 for made_from in merge.inputs):
            return merge
    merged = f"; {merges[0].name} is the merge of an older one" if merges else ""
    raise UsageError(
        f"The newest finetune, {tuned.name}, has not been merged{merged}.",
        "coma merge-lora ; or name a model with --model",
    )


def _require_finetune(workspace: Workspace) -> Artifact:
    try:
        return workspace.require_newest("finetune")
    except MissingInputError as error:
        raise MissingInputError(error.message, f"{error.hint} ; or coma sample --model {DEFAULT_BASE}") from None


def _of_artifact(artifact: Artifact, trust: Trust, why: str) -> ModelChoice:
    outputs = artifact.manifest["outputs"]
    if MODEL not in outputs:
        if "adapter" in outputs:
            raise UsageError(
                f"{artifact.path} is an adapter, not a whole model.", f"coma merge-lora --adapter {artifact.path}"
            )
        raise UsageError(f"{artifact.path} is a run of coma {artifact.command}: no model is in it.", "Check --model.")
    folder = artifact.intact(MODEL, "--model")
    resolved = resolve_base(str(folder), trust=trust)
    note = f"Model: {folder} ({why}, {artifact.command} of {artifact.finished[:16].replace('T', ' ')})"
    title = f"{artifact.command}/{artifact.name}"
    return ModelChoice(resolved, artifact.as_input(), title, artifact.name, PromptTemplate.load(folder), note)
