"""The adapter that `--from-adapter` continues from: where it is, its base, and which settings it decides."""

from dataclasses import dataclass
from pathlib import Path

from coma_cli.corpus.decontamination.training_check import FileCheck, recorded_check
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.models.adapters import Adapter, read_adapter, resolve_its_base
from coma_cli.models.resolution import ResolvedBase, Trust
from coma_cli.prompting import PromptTemplate
from coma_cli.training.settings import FinetuneSettings
from coma_cli.workspace import Artifact, Input, Workspace

_DECIDED = {"r": "r", "alpha": "lora_alpha", "rslora": "use_rslora", "dora": "use_dora"}  # settings, and peft's names


@dataclass(frozen=True)
class StartingPoint:
    """An adapter to train further, and the finished run that it is of, if any."""

    adapter: Adapter
    artifact: Artifact | None

    @property
    def input(self) -> Input:
        """It as an input of the run."""
        if self.artifact is not None:
            return self.artifact.as_input("adapter")
        return Input.of_path("adapter", self.adapter.folder)

    @property
    def seen(self) -> tuple[FileCheck, ...]:
        """What is known of the rows that it was trained on."""
        check = None if self.artifact is None else recorded_check(self.artifact.manifest)
        return () if check is None else check.files

    @property
    def template(self) -> PromptTemplate | None:
        """The template that it was trained with, if it is coma's."""
        return PromptTemplate.load(self.adapter.folder)


def starting_point(settings: FinetuneSettings, workspace: Workspace) -> StartingPoint | None:
    """The adapter that the settings name; None if training starts from new matrices.

    Raises:
        MissingInputError: there is no such run or folder, or it was changed since.
        UsageError: it is not an adapter, or the settings ask for another shape.
    """
    if settings.from_adapter is None:
        return None
    folder = workspace.place_of(settings.from_adapter, "finetune")
    if not folder.is_dir():
        raise MissingInputError(f"There is no folder or finetune run {settings.from_adapter}.", "Check --from-adapter.")
    artifact = workspace.artifact_at(folder)
    if artifact is not None:
        folder = _of_run(artifact)
    point = StartingPoint(read_adapter(folder), artifact)
    _check_shape(settings, point.adapter)
    return point


def _of_run(artifact: Artifact) -> Path:
    if artifact.command != "finetune":
        raise UsageError(
            f"{artifact.path} is a {artifact.command} run.", "Name a finetune run, or an adapter's folder."
        )
    if "adapter" not in artifact.manifest["outputs"]:
        raise UsageError(
            f"{artifact.path} tuned all weights, so there is no adapter to continue from.",
            f"coma finetune --base {artifact.path / 'model'}",
        )
    return artifact.intact("adapter", "--from-adapter")


def _check_shape(settings: FinetuneSettings, adapter: Adapter) -> None:
    """Settings of the adapter's shape that were given must be those that it has."""
    given = settings.lora.model_fields_set
    for name, of_peft in _DECIDED.items():
        value, has = getattr(settings.lora, name), adapter.config.get(of_peft, False)
        if name in given and value != has:
            raise UsageError(
                f"{adapter.folder} has lora.{name} {has}, not {value}.", f"Omit it: the adapter decides lora.{name}."
            )
    if settings.lora.target_modules and set(settings.lora.target_modules) != set(_targets(adapter)):
        raise UsageError(
            f"{adapter.folder} adapts {', '.join(_targets(adapter))}.", "Omit --lora-targets: the adapter decides them."
        )


def _targets(adapter: Adapter) -> list[str]:
    targets = adapter.config.get("target_modules") or []
    return [targets] if isinstance(targets, str) else sorted(targets)


def base_of(point: StartingPoint, settings: FinetuneSettings, trust: Trust) -> ResolvedBase:
    """The adapter's base: the one that it names, or the given one if it is the same.

    Raises:
        UsageError: the adapter was trained on another base.
    """
    given = settings.base if "base" in settings.model_fields_set else None
    return resolve_its_base(point.adapter, given, settings.revision, trust)
