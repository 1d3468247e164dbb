"""What merge-lora has to do: which adapter, onto which base, in which dtype, and blockers."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from coma_cli.corpus.decontamination.training_check import TrainingCheck, recorded_check
from coma_cli.errors import CliError, MissingInputError, UsageError, missing_package
from coma_cli.models.adapters import Adapter, read_adapter, resolve_its_base
from coma_cli.models.resolution import ResolvedBase
from coma_cli.training.estimate import architecture_of
from coma_cli.training.merging.checkpoint import header_of, record_of
from coma_cli.training.merging.mergeable import check_mergeable
from coma_cli.training.merging.probes import PROBES
from coma_cli.training.merging.room import Room, parameters_of, room_for
from coma_cli.training.merging.settings import MergeSettings
from coma_cli.training.modes import MODES
from coma_cli.training.outputs import stored_dtype
from coma_cli.training.pushing.push import push_blockers, push_notes
from coma_cli.words import size_of
from coma_cli.workspace import Artifact, Input, Plan, Workspace

_FEW_PROBES = 4
_SMALL = 1_000_000_000  # parameters


FOUR_BIT, EIGHT_BIT, PUBLISHED = "4 bits", "8 bits", "published"


@dataclass(frozen=True)
class MergePlan(Plan):
    """What `plan` resolved; `check` is what the adapter's run recorded of its data, None for one from elsewhere.

    `onto` is the base to merge into and the first of `compared`: as published, or rounded to 4 or 8 bits from the dtype
    `seen`. `stored` is the dtype of the base's files; `header` describes the run of a checkpoint.
    """

    adapter: Adapter | None = None
    base: ResolvedBase | None = None
    dtype: str = "float32"
    onto: str = PUBLISHED
    compared: tuple[str, ...] = (PUBLISHED,)
    seen: str = "float32"
    stored: str = "float32"
    memory: int = 0
    probes: int = 1
    header: Mapping[str, Any] | None = None
    check: TrainingCheck | None = None


def make_plan(settings: MergeSettings, workspace: Workspace) -> MergePlan:
    """Find adapter and base and check that they belong together."""
    artifact, folder = _choose_adapter(settings, workspace)
    adapter, header = _with_record(read_adapter(folder))
    resolved = resolve_its_base(adapter, settings.base, settings.revision, settings.trust)
    dtype = _automatic_dtype(resolved) if settings.dtype == "auto" else _long_name(settings.dtype)
    source = artifact.as_input("finetune") if artifact else Input.of_path("adapter", folder)
    onto, compared = _bases(settings, adapter)
    stored = stored_dtype(resolved)
    room = _room(settings, resolved, stored=stored, dtype=dtype, bases=len(compared))
    steps = _probes(settings, dtype) * len(compared) * 2 + 1 + (settings.gguf is not None)
    return MergePlan(
        subject=f"{resolved.subject}-merged",
        inputs=(resolved.as_input(), source),
        total=steps,
        estimate=_estimate(settings, dtype, onto, room),
        blockers=(
            *_blockers(settings, resolved, adapter, compared),
            *(room.blockers(workspace.root) if room else ()),
            *push_blockers(settings.push_to_hub, public=settings.public),
        ),
        notes=(
            f"Merging {folder} into {resolved.name}{'' if onto == PUBLISHED else _as_trained(onto)}.",
            *push_notes(settings.push_to_hub, public=settings.public),
        ),
        adapter=adapter,
        base=resolved,
        dtype=dtype,
        onto=onto,
        compared=compared,
        seen=adapter.record.dtype if adapter.record else stored,
        stored=stored,
        memory=room.memory if room else 0,
        probes=_probes(settings, dtype),
        header=header,
        check=None if artifact is None else recorded_check(artifact.manifest),
    )


def _with_record(adapter: Adapter) -> tuple[Adapter, Mapping[str, Any] | None]:
    """An adapter with what is known of its base, and the settings of its run if it is a checkpoint."""
    header = None if adapter.record else header_of(adapter.folder)
    if header is None:
        return adapter, None
    return replace(adapter, record=record_of(header, adapter.base_name)), header


def _bases(settings: MergeSettings, adapter: Adapter) -> tuple[str, tuple[str, ...]]:
    """The base to merge into, and all that the merged model is compared with; two after training on fewer bits."""
    trained = FOUR_BIT if settings.onto == "nf4" else _trained_on(adapter)
    if trained == PUBLISHED:
        return PUBLISHED, (PUBLISHED,)
    both = (trained, PUBLISHED) if settings.onto != "published" else (PUBLISHED, trained)
    return both[0], both


def _trained_on(adapter: Adapter) -> str:
    record = adapter.record
    if record is None:
        return PUBLISHED
    return FOUR_BIT if record.four_bit else EIGHT_BIT if record.eight_bit else PUBLISHED


def _as_trained(bits: str) -> str:
    return f", rounded to {bits} as for its training"


def _probes(settings: MergeSettings, dtype: str) -> int:
    """How many texts to compare on: greedy choices count in 16 bits only, and need many positions."""
    return settings.verification.probes or (_FEW_PROBES if dtype == "float32" else len(PROBES))


def _room(settings: MergeSettings, resolved: ResolvedBase, *, stored: str, dtype: str, bases: int) -> Room | None:
    shape = architecture_of(resolved)
    count = None if resolved.blocker else parameters_of(resolved, shape)
    if count is None:
        return None
    probes = _probes(settings, dtype)
    return room_for(count, shape, stored=stored, dtype=dtype, probes=probes, bases=bases, gguf=settings.gguf)


def _estimate(settings: MergeSettings, dtype: str, onto: str, room: Room | None) -> dict[str, Any]:
    sizes = {"disk": size_of(room.disk), "memory": size_of(room.memory)} if room else {}
    return {"probes": _probes(settings, dtype), "dtype": dtype, "base": onto, **sizes}


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


def _blockers(
    settings: MergeSettings, resolved: ResolvedBase, adapter: Adapter, compared: tuple[str, ...]
) -> list[CliError]:
    packages = list(MODES["lora" if compared == (PUBLISHED,) else "qlora"].packages)
    packages += ["gguf"] if settings.gguf else []
    found: list[CliError] = [
        missing_package(package, "Merging") for package in packages if importlib.util.find_spec(package) is None
    ]
    try:
        check_mergeable(adapter)
    except UsageError as error:
        found.append(error)
    return [*found, resolved.blocker] if resolved.blocker else found
