"""Chooses the model to sample: the one named, perhaps an adapter, or the merge of the latest finetune."""

from dataclasses import dataclass, replace
from pathlib import Path

from coma_cli.catalog.bases import BASES, DEFAULT_BASE
from coma_cli.corpus.decontamination.training_check import TrainingCheck, recorded_check
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.hashing import hash_tree
from coma_cli.jsonl import sha256_of
from coma_cli.models.adapters import Adapter, adapter_folder, read_adapter, resolve_its_base
from coma_cli.models.resolution import ResolvedBase, Trust, resolve_base
from coma_cli.prompting import PromptTemplate
from coma_cli.workspace import Artifact, Input, Workspace

MODEL = "model"


@dataclass(frozen=True)
class ModelChoice:
    """A model to sample: what a loader takes, the input of the run, and the template it was tuned with.

    `check` is what the run that trained it recorded of its data; None for a model that coma did not train.
    With an `adapter`, `resolved` is its base, which it is added to without merging.
    """

    resolved: ResolvedBase
    source: Input
    title: str
    subject: str
    stored: PromptTemplate | None
    note: str
    check: TrainingCheck | None = None
    adapter: Adapter | None = None

    @property
    def tokenizer_source(self) -> ResolvedBase:
        """Where the tokenizer is: with the adapter, if it brought one."""
        if self.adapter is None or not (self.adapter.folder / "tokenizer_config.json").is_file():
            return self.resolved
        return replace(self.resolved, kind="folder", path_or_id=str(self.adapter.folder), blocker=None)


def choose_model(workspace: Workspace, name: str | None, revision: str | None, trust: Trust) -> ModelChoice:
    """The model for `name`: a run, a model folder, a catalogue name or a Hub id; None: the latest.

    Raises:
        MissingInputError: there is no such model, or it is unfinished or was changed afterwards.
        UsageError: unknown name; the latest finetune has not been merged; or the run has no model.
    """
    if name is None:
        return _of_artifact(newest_tuned(workspace), trust, "newest")
    path = workspace.place_of(name, "merge-lora", "finetune")
    artifact = workspace.artifact_at(path) if name not in BASES and path.exists() else None
    if artifact is not None:
        return _of_artifact(artifact, trust, "chosen")
    folder = adapter_folder(Path(name).expanduser())
    if folder is not None:
        return _of_adapter(folder, name, None, revision, trust)
    resolved = resolve_base(name, revision=revision, trust=trust)
    folder = Path(resolved.path_or_id)
    stored = PromptTemplate.load(folder) if resolved.kind == "folder" else None
    return ModelChoice(
        resolved, resolved.as_input(MODEL), resolved.name, resolved.subject, stored, f"Model: {resolved.name}"
    )


def newest_tuned(workspace: Workspace) -> Artifact:
    """The latest finetune itself if it is a complete model, else its latest merge.

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
                f"{merges[0].name} is an older merge: the finetune {', '.join(begun)} is not finished.",
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
        f"The latest finetune, {tuned.name}, has not been merged{merged}.",
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
            return _of_adapter(artifact.intact("adapter", "--model"), artifact.name, artifact, None, trust)
        raise UsageError(f"{artifact.path} is a run of coma {artifact.command}, without a model.", "Check --model.")
    folder = artifact.intact(MODEL, "--model")
    resolved = resolve_base(str(folder), trust=trust)
    note = f"Model: {folder} ({why}, {artifact.command} of {artifact.finished[:16].replace('T', ' ')})"
    title = f"{artifact.command}/{artifact.name}"
    stored, check = PromptTemplate.load(folder), recorded_check(artifact.manifest)
    return ModelChoice(resolved, artifact.as_input(), title, artifact.name, stored, note, check)


def _of_adapter(folder: Path, name: str, artifact: Artifact | None, revision: str | None, trust: Trust) -> ModelChoice:
    adapter = read_adapter(folder, pickled=trust.pickled)
    base = resolve_its_base(adapter, None, revision, trust)
    content = sha256_of([base.content_sha256, hash_tree(folder)])
    return ModelChoice(
        base,
        artifact.as_input() if artifact else Input(MODEL, str(folder), content),
        f"finetune/{name}" if artifact else name,
        artifact.name if artifact else folder.name,
        PromptTemplate.load(folder),
        f"Model: {base.name} with the adapter {folder}, not merged{_rounded_base(adapter)}",
        recorded_check(artifact.manifest) if artifact else None,
        adapter,
    )


def _rounded_base(adapter: Adapter) -> str:
    """What to know about an adapter that was trained on a base in fewer bits."""
    record = adapter.record
    if record is None or not (record.four_bit or record.eight_bit):
        return ""
    bits, name = ("four", "nf4") if record.four_bit else ("eight", "int8")
    return f"; it was trained on the base in {bits} bits, which --quantize {name} samples and coma merge-lora keeps"
