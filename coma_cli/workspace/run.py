"""One run in progress: its lock, its rows, its scratch folders, and the manifest that completes it."""

import platform
import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic import BaseModel

from coma_cli import journal as journals
from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.journal import Journal
from coma_cli.jsonl import CorruptLine, read_json, sha256_of, sync_path, write_atomically, write_json
from coma_cli.pipeline import PipelineRow
from coma_cli.provenance import environment
from coma_cli.records import Record
from coma_cli.settings import StageSettings
from coma_cli.workspace.artifact import (
    MANIFEST,
    SETTINGS,
    SUMMARY,
    Artifact,
    Input,
    describe_output,
    finished_artifact,
    read_artifact,
)
from coma_cli.workspace.folders import follow_umask, refused_as_usage
from coma_cli.workspace.lock import LOCK, RunLock

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Plan:
    """What a stage would do: the name of its run, what it reads, how much there is to do, and what blocks it.

    `total` counts the stage's unit (files, calls, steps, samples, programs) for a run from scratch. Stages subclass
    this with what they resolved.
    """

    subject: str
    inputs: tuple[Input, ...]
    total: int
    estimate: Mapping[str, Any]
    blockers: tuple[CliError, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class StageResult:
    """What a stage returns when its work is done: the summary and the names of its outputs.

    `to_do_over` rows stand for failures of the machine: the run is finished, and the same command does them over.
    `facts` go into the manifest under their own names, for the stages that read this run.
    """

    summary: BaseModel
    outputs: tuple[str, ...]
    tokens: int | None = None
    cost_usd: float | None = None
    to_do_over: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)


def fingerprint(row: PipelineRow, settings: StageSettings, inputs: Iterable[Input]) -> str:
    """SHA-256 (hex) of everything that decides the rows of a run."""
    return sha256_of(
        {
            "command": row.command,
            "version": row.version,
            "settings": settings.identity(),
            "inputs": sorted([i.name, i.content_sha256] for i in inputs),
        }
    )


class Run:
    """One run in progress; a context manager that holds the run's lock.

    `extents` is the history of the requested extents, the present one last.
    """

    def __init__(
        self, path: Path, row: PipelineRow, settings: StageSettings, plan: Plan, digest: str, *, force: bool = False
    ) -> None:
        self.path = path
        self.row = row
        self.settings = settings
        self.plan = plan
        self.fingerprint = digest
        self.extents: list[dict[str, Any]] = []
        self.done = False
        self.work_done = 0
        self.corrupt: list[CorruptLine] = []
        self._force = force
        self._lock: RunLock | None = None
        self._journals: dict[str, Journal[Any]] = {}
        self._started = time.monotonic()
        self._before: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        with refused_as_usage(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = RunLock.acquire(self.path)
        try:
            with refused_as_usage(self.path):
                self._begin()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for journal in self._journals.values():
            journal.close()
        self._release()

    def _begin(self) -> None:
        earlier = self._earlier_settings()
        if earlier is not None and self._force:
            self._clear()
            earlier = None
        if earlier is not None and earlier["fingerprint"] != self.fingerprint:
            raise UsageError(
                f"{self.path} is a run of other settings: {_difference(earlier, self._header([]))}.",
                "Choose another --name, or --force to discard that run.",
            )
        self.extents = list(earlier["extents"]) if earlier else []
        extent = self.settings.extent()
        artifact = finished_artifact(self.path) if self.extents and self.extents[-1] == extent else None
        self.done = artifact is not None and artifact.is_whole
        if not self.extents or self.extents[-1] != extent:
            self.extents.append(extent)
        if not self.done:
            if artifact := read_artifact(self.path / MANIFEST):
                self._before = {name: (artifact.path / name).read_bytes() for name in (SETTINGS, MANIFEST)}
            (self.path / MANIFEST).unlink(missing_ok=True)
            write_json(self.path / SETTINGS, self._header(self.extents))

    def withdraw(self) -> None:
        """Make the run what it was before this process opened it, for a stage that refuses before it writes."""
        for name, content in self._before.items():
            write_atomically(self.path / name, [content])

    def _earlier_settings(self) -> dict[str, Any] | None:
        """The header that the first process of this run wrote; None for a new run or one killed before writing it.

        Raises:
            MissingInputError: there are files here that were made with unknown settings, so it can't be resumed.
        """
        try:
            header = read_json(self.path / SETTINGS)
        except MissingInputError:
            header = None
        if isinstance(header, dict) and header.keys() >= {"fingerprint", "identity", "extents"}:
            return header
        if self._force:
            return {}
        made = sorted(p.name for p in self.path.iterdir() if p.name != LOCK and not p.name.endswith(".tmp"))
        if made:
            raise MissingInputError(
                f"{self.path} holds {', '.join(made[:4])} and no valid {SETTINGS} that says how they were made.",
                "Choose another --name, or --force to discard what is there.",
            )
        return None

    def _clear(self) -> None:
        """Discard what was made; in case of a kill, the manifest goes first and the settings last."""
        for child in sorted(self.path.iterdir(), key=lambda path: (path.name != MANIFEST, path.name == SETTINGS)):
            if child.name != LOCK:
                shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()

    def _header(self, extents: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "command": self.row.command,
            "version": self.row.version,
            "fingerprint": self.fingerprint,
            "settings": self.settings.model_dump(mode="json"),
            "identity": self.settings.identity(),
            "extents": extents,
            "inputs": [vars(i) for i in self.plan.inputs],
            "created": now(),
            "host": platform.node(),
            "command_line": sys.argv,
        }

    @property
    def forced(self) -> bool:
        """Whether this process was to discard the run and start over."""
        return self._force

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return self.path.name

    @property
    def artifact(self) -> Artifact:
        """The finished run."""
        artifact = read_artifact(self.path / MANIFEST)
        assert artifact is not None
        return artifact

    @property
    def shared_folder(self) -> Path:
        """The workspace's folder, for what all its runs share."""
        return self.path.parents[1]

    def journal(self, name: str, record: type[R]) -> Journal[R]:
        """The run's row file of that name, opened for appending what is missing."""
        if name not in self._journals:
            self._journals[name] = Journal.open(self.path / name, record, on_corrupt=self.corrupt.append)
        return self._journals[name]

    def close_journal(self, name: str) -> None:
        """Close a row file, so that it can be rewritten; the next use opens it again."""
        if (journal := self._journals.pop(name, None)) is not None:
            journal.close()

    def scratch(self, name: str) -> Path:
        """A folder for work in progress that survives a restart; removed when the run is finished."""
        folder = self.path / f".{name}"
        folder.mkdir(exist_ok=True)
        return folder

    def place(self, made: Path, name: str) -> Path:
        """Move a folder or file from scratch to its final name in one step, so that it is complete or absent."""
        target = self.path / name
        if target.exists():
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        made.rename(target)
        return target

    def count_work(self, units: int = 1) -> None:
        """Count units of work done since this process opened the run."""
        self.work_done += units

    def finish(self, result: StageResult) -> Artifact:
        """Sort the row files, write the summary, and finally the manifest."""
        record_types = {name: journal.record for name, journal in self._journals.items()}
        for name in record_types:
            self._journals[name].close()
        for name in record_types.keys() & set(result.outputs):
            journals.sort_by_key(self.path / name, record_types[name])
        for name in result.outputs:
            follow_umask(self.path / name)
        outputs = {name: describe_output(self.path / name, record_types.get(name)) for name in sorted(result.outputs)}
        write_json(self.path / SUMMARY, result.summary.model_dump(mode="json"))
        self._remove_scratch()
        write_json(self.path / MANIFEST, self._manifest(result, outputs))
        sync_path(self.path)
        return self.artifact

    def _manifest(self, result: StageResult, outputs: dict[str, dict[str, Any]]) -> dict[str, Any]:
        return {
            **self._header(self.extents),
            "finished": now(),
            "outputs": outputs,
            "content_sha256": sha256_of({name: entry["content_sha256"] for name, entry in outputs.items()}),
            "seed": self.settings.seed,
            "work": {"unit": self.row.unit, "done_since_start": self.work_done, "total": self.plan.total},
            "corrupt_lines": [str(line) for line in self.corrupt],
            "tokens": result.tokens,
            "cost_usd": result.cost_usd,
            "to_do_over": result.to_do_over,
            "wall_s": round(time.monotonic() - self._started, 3),
            **environment(),
            **result.facts,
        }

    def _remove_scratch(self) -> None:
        for child in self.path.iterdir():
            if child.name.startswith(".") and child.name != LOCK:
                shutil.rmtree(child) if child.is_dir() else child.unlink()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()


def _difference(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Describes why two fingerprints differ, for the message that refuses to mix them."""
    parts = [
        f"{key} was {earlier['identity'].get(key)!r}, now {value!r}"
        for key, value in now["identity"].items()
        if earlier.get("identity", {}).get(key) != value
    ]
    before = {i["name"]: i["content_sha256"] for i in earlier.get("inputs", [])}
    after = {i["name"]: i["content_sha256"] for i in now["inputs"]}
    parts += [
        f"input {name} changed" for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)
    ]
    return "; ".join(parts) or "another version of this stage"


def now() -> str:
    """The present time as written in manifests; such texts sort by time."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
