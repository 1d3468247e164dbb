"""What merge-lora has to do: which adapter, onto which base, in which dtype, and blockers."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from coma_cli.corpus.decontamination.training_check import TrainingCheck, recorded_check
from coma_cli.errors import CliError, MissingInputError, UsageError, missing_package
from coma_cli.models.adapters import Adapter, read_adapter, resolve_its_base
from coma_cli.models.resolution import ResolvedBase
from coma_cli.training.estimate import architecture_of
from coma_cli.training.merging.settings import MergeSettings
from coma_cli.training.modes import MODES
from coma_cli.training.outputs import stored_dtype
from coma_cli.workspace import Artifact, Input, Plan, Workspace

_SMALL = 1_000_000_000  # parameters


@dataclass(frozen=True)
class MergePlan(Plan):
    """What `plan` resolved; `check` is what the adapter's run recorded of its data, None for one from elsewhere."""

    adapter: Adapter | None = None
    base: ResolvedBase | None = None
    dtype: str = "float32"
    check: TrainingCheck | None = None


def make_plan(settings: MergeSettings, workspace: Workspace) -> MergePlan:
    """Find adapter and base and check that they belong together."""
    artifact, folder = _choose_adapter(settings, workspace)
    adapter = read_adapter(folder)
    resolved = resolve_its_base(adapter, settings.base, settings.revision, settings.trust)
    dtype = _automatic_dtype(resolved) if settings.dtype == "auto" else _long_name(settings.dtype)
    source = artifact.as_input("finetune") if artifact else Input.of_path("adapter", folder)
    return MergePlan(
        subject=f"{resolved.subject}-merged",
        inputs=(resolved.as_input(), source),
        total=2 * settings.verification.probes + 1,
        estimate={"probes": settings.verification.probes, "dtype": dtype},
        blockers=tuple(_blockers(resolved, adapter)),
        notes=(f"Merging {folder} into {resolved.name}.",),
        adapter=adapter,
        base=resolved,
        dtype=dtype,
        check=None if artifact is None else recorded_check(artifact.manifest),
    )


def _choose_adapter(settings: MergeSettings, workspace: Workspace) -> tuple[Artifact | None, Path]:
    """The finetune run that the adapter is from, if any, and the adapter's folder.

    Raises:
        MissingInputError: no finished finetune, no such folder, or it was changed since.
        UsageError: the run wrote a whole model.
    """
    if settings.adapter is None:
        artifact = workspace.require_newest("finetune")
    else:
        folder = workspace.place_of(settings.adapter, "finetune")
        if not folder.is_dir():
            raise MissingInputError(f"There is no folder or finetune run {settings.adapter}.", "Check --adapter.")
        found = workspace.artifact_at(folder)
        if found is None:
            return None, folder
        artifact = found
    if artifact.command != "finetune":
        raise UsageError(
            f"{artifact.path} is a {artifact.command} run.", "Name a finetune run, or an adapter's folder."
        )
    if "adapter" not in artifact.manifest["outputs"]:
        raise UsageError(
            f"{artifact.path} tuned all weights: its model/ is complete already.",
            f"coma sample --model {artifact.path / 'model'}",
        )
    return artifact, artifact.intact("adapter", "--adapter")


def _automatic_dtype(resolved: ResolvedBase) -> str:
    """Rounding to 16 bits loses part of a short training, so small models are not rounded."""
    shape = architecture_of(resolved)
    return "float32" if shape is not None and shape.parameters < _SMALL else stored_dtype(resolved)


def _long_name(dtype: str) -> str:
    return {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}.get(dtype, dtype)


def _blockers(resolved: ResolvedBase, adapter: Adapter) -> list[CliError]:
    four_bit = adapter.record is not None and adapter.record.four_bit
    packages = MODES["qlora" if four_bit else "lora"].packages
    found: list[CliError] = [
        missing_package(package, "Merging") for package in packages if importlib.util.find_spec(package) is None
    ]
    return [*found, resolved.blocker] if resolved.blocker else found
