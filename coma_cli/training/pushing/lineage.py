"""Where a finished adapter or model comes from: its base, its data and their licences, and how it scored.

All of it is read from the manifests of a workspace. What was made elsewhere, or was deleted, is absent.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coma_cli.catalog.bases import BASES
from coma_cli.corpus.decontamination.training_check import TrainingCheck, recorded_check
from coma_cli.jsonl import read_rows
from coma_cli.models.base_record import BaseRecord
from coma_cli.training.examples import DATA_STAGES, TRAIN_FILE
from coma_cli.training.hub_data import hub_data
from coma_cli.workspace import Artifact, Input, Workspace

ADAPTER, MODEL = "adapter", "model"


@dataclass(frozen=True)
class OriginBase:
    """The base of a model: its name, and what is known of its place on the Hub and its licence."""

    name: str
    hub_id: str | None
    revision: str | None
    licence: str | None


@dataclass(frozen=True)
class OriginData:
    """One file that a model was tuned on.

    `licences` and `sources` count its rows, as far as they say it; `read` describes the sources of a `build-data` run.
    """

    name: str
    rows: int
    content_sha256: str
    hub_id: str | None = None
    made_by: str | None = None
    licences: Mapping[str, int] | None = None
    sources: Mapping[str, int] | None = None
    read: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Lineage:
    """A finished run of finetune or merge-lora with what led to it and what was measured of it.

    `tunings` are the finetune runs behind it, the last one first; none for an adapter from elsewhere. `merged` tells
    of each score whether it is of a model that this adapter was merged into.
    """

    artifact: Artifact
    output: str
    base: OriginBase
    tunings: tuple[Artifact, ...]
    data: tuple[OriginData, ...]
    check: TrainingCheck | None
    scores: tuple[Artifact, ...]


def lineage_of(artifact: Artifact) -> Lineage:
    """What the workspace of a run knows about it."""
    workspace = Workspace(artifact.path.parents[1])
    output = ADAPTER if ADAPTER in artifact.manifest["outputs"] else MODEL
    tunings = tuple(_tunings(workspace, artifact))
    folder = artifact.path / output
    if artifact.command != "finetune" and tunings:
        folder = tunings[0].path / ADAPTER
    return Lineage(
        artifact=artifact,
        output=output,
        base=_base(BaseRecord.load(folder), str(artifact.summary["base"])),
        tunings=tunings,
        data=tuple(data for tuning in tunings for data in _data(workspace, tuning)),
        check=recorded_check(artifact.manifest),
        scores=tuple(_scores(workspace, artifact)),
    )


def _tunings(workspace: Workspace, artifact: Artifact) -> Iterator[Artifact]:
    """The finetune run itself or the one that was merged, then those whose adapters it continued."""
    step: Artifact | None = artifact
    while step is not None:
        if step.command == "finetune":
            yield step
        earlier = [made for made in step.inputs if made.name in ("finetune", "adapter")]
        step = workspace.origin_of(earlier[0], "finetune") if earlier else None


def _base(record: BaseRecord | None, name: str) -> OriginBase:
    entry = BASES.get(name)
    if entry is not None:
        revision = entry.revision if record is None else record.revision or entry.revision
        return OriginBase(entry.name, entry.hub_id, revision, entry.licence)
    on_hub = record is not None and record.revision is not None
    shown = record.published_name if record is not None and on_hub else Path(name).name
    return OriginBase(shown, shown if on_hub else None, record.revision if record is not None else None, None)


def _data(workspace: Workspace, tuning: Artifact) -> Iterator[OriginData]:
    counts: Mapping[str, int] = tuning.summary["rows"]
    for made in tuning.inputs:
        if made.name in counts:
            yield _described(workspace, made, counts[made.name], tuning.settings.get("data"))


def _described(workspace: Workspace, made: Input, rows: int, named: Sequence[str] | None) -> OriginData:
    run = workspace.origin_of(made, *DATA_STAGES)
    if run is None:
        place = made.name.split("-")  # data-0, or data-0-1 for a file of a data set on the Hub
        text = named[int(place[1])] if named and place[0] == "data" else ""
        found = hub_data(text) if len(place) > 2 else None
        name = f"{found.repository}: {Path(made.path).name}" if found else Path(made.path).name
        return OriginData(name, rows, made.content_sha256, hub_id=found.repository if found else None)
    licences: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    for row in read_rows(run.path / TRAIN_FILE, lambda corrupt: None):
        licences[str(row.get("licence") or "unknown")] += 1
        sources[str(row.get("source") or "unknown")] += 1
    summary = run.summary
    by = f"coma {run.command}" + (f" with {summary['model']}" if "model" in summary else "")
    return OriginData(
        f"{run.command} run {run.name}",
        rows,
        made.content_sha256,
        made_by=by,
        licences=dict(licences.most_common()),
        sources=dict(sources.most_common()),
        read=tuple(summary.get("read", ())),
    )


def _scores(workspace: Workspace, artifact: Artifact) -> Iterator[Artifact]:
    """The scores of samples of this very model, or of a model that this adapter was merged into; latest first."""
    merges = workspace.finished("merge-lora") if artifact.command == "finetune" else []
    models = {artifact.content_sha256, *(merge.content_sha256 for merge in merges if _reads(merge, artifact))}
    samples = {run.content_sha256 for run in workspace.finished("sample") if _inputs_of(run) & models}
    for score in workspace.finished("score"):
        if _inputs_of(score) & samples:
            yield score


def _reads(run: Artifact, other: Artifact) -> bool:
    return other.content_sha256 in _inputs_of(run)


def _inputs_of(run: Artifact) -> set[str]:
    return {made.content_sha256 for made in run.inputs}
