"""Artifacts and inputs: an artifact is a run with a manifest, an input is anything with a content hash."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from coma_cli import journal as journals
from coma_cli.errors import MissingInputError
from coma_cli.hashing import hash_file, hash_tree
from coma_cli.jsonl import read_json
from coma_cli.records import Record

MANIFEST = "manifest.json"
SETTINGS = "settings.json"
SUMMARY = "summary.json"


@dataclass(frozen=True)
class Input:
    """Something that a run reads: its name, its path, and the SHA-256 of its content."""

    name: str
    path: str
    content_sha256: str

    @classmethod
    def of_path(cls, name: str, path: Path) -> Self:
        """An input that is a file or a folder of files, hashed as it is now."""
        if not path.exists():
            raise MissingInputError(f"There is no {path} ({name}).", "Check the path.")
        return cls(name, str(path), hash_tree(path) if path.is_dir() else hash_file(path))


@dataclass(frozen=True)
class Artifact:
    """A finished run."""

    path: Path
    command: str
    name: str
    fingerprint: str
    content_sha256: str
    finished: str
    manifest: Mapping[str, Any] = field(repr=False)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings it was made with, all of them."""
        return dict(self.manifest["settings"])

    @property
    def summary(self) -> Mapping[str, Any]:
        """What `--json` printed."""
        return read_summary(self.path)

    @property
    def is_whole(self) -> bool:
        """Whether the same command would find nothing to do over: no row stands for a failure of the machine."""
        return not self.manifest.get("to_do_over")

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Its inputs."""
        return tuple(Input(**entry) for entry in self.manifest["inputs"])

    def file(self, name: str) -> Path:
        """The path of one of its outputs.

        Raises:
            MissingInputError: the artifact does not list it, or it is missing or has another size than when written.
        """
        entry = self.manifest["outputs"].get(name)
        if entry is None:
            listed = ", ".join(self.manifest["outputs"])
            raise MissingInputError(f"{self.path} has no {name} (it has {listed}).", f"Run coma {self.command} again.")
        path = self.path / name
        if not path.exists() or (path.is_file() and path.stat().st_size != entry["bytes"]):
            raise MissingInputError(
                f"{path} is missing or has changed.", f"coma {self.command} --name {self.name} --force"
            )
        return path

    def intact(self, name: str, option: str | None) -> Path:
        """As `file`, for what counts by the artifact's own hash: every byte has to be as it was written.

        `option` is the option that would take a changed copy instead, if there is one.

        Raises:
            MissingInputError: it was changed since, even at the same length.
        """
        path = self.file(name)
        digest = hash_tree(path) if path.is_dir() else hash_file(path)
        if digest != self.manifest["outputs"][name]["sha256"]:
            raise MissingInputError(
                f"{path} is not what coma {self.command} wrote.",
                f"coma {self.command} --name {self.name} --force"
                + (f" ; or pass a copy of it with {option}" if option else ""),
            )
        return path

    def as_input(self, name: str | None = None) -> Input:
        """The artifact as an input of a later run."""
        return Input(name or self.command, str(self.path), self.content_sha256)


def read_summary(run: Path) -> dict[str, Any]:
    """The summary in a finished run's folder.

    Raises:
        MissingInputError: it is missing or broken.
    """
    try:
        return dict(read_json(run / SUMMARY))
    except (MissingInputError, TypeError, ValueError):
        raise MissingInputError(
            f"{run / SUMMARY} is missing or has changed.", f"coma {run.parent.name} --name {run.name} --force"
        ) from None


class _Output(BaseModel):
    """What every entry of a manifest's outputs has."""

    model_config = ConfigDict(extra="allow")

    sha256: str
    content_sha256: str
    bytes: int


class _Manifest(BaseModel):
    """The required fields of a manifest; a file without them is not a manifest."""

    model_config = ConfigDict(extra="allow")

    command: str
    fingerprint: str
    content_sha256: str
    finished: str
    settings: dict[str, Any]
    inputs: list[Input]
    outputs: dict[str, _Output]


def read_artifact(manifest_path: Path) -> Artifact | None:
    """The finished run that a manifest describes, None if the manifest is absent or unreadable."""
    try:
        content = read_json(manifest_path)
        manifest = _Manifest.model_validate(content)
    except (MissingInputError, ValidationError):
        return None
    return Artifact(
        path=manifest_path.parent,
        command=manifest.command,
        name=manifest_path.parent.name,
        fingerprint=manifest.fingerprint,
        content_sha256=manifest.content_sha256,
        finished=manifest.finished,
        manifest=content,
    )


def finished_artifact(folder: Path) -> Artifact | None:
    """The finished run in a folder, with all its files present; None if it is not finished.

    Raises:
        MissingInputError: it is finished, and an output or the summary is missing or truncated.
    """
    artifact = read_artifact(folder / MANIFEST)
    if artifact is None:
        return None
    for name in artifact.manifest["outputs"]:
        artifact.file(name)
    read_summary(folder)
    return artifact


def describe_output(path: Path, record: type[Record] | None) -> dict[str, Any]:
    """The entry of one output in the manifest: size, hash of the bytes, hash of the content, rows."""
    if path.is_dir():
        digest = hash_tree(path)
        size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
        return {"sha256": digest, "content_sha256": digest, "bytes": size}
    digest = hash_file(path)
    entry: dict[str, Any] = {"sha256": digest, "content_sha256": digest, "bytes": path.stat().st_size}
    if path.suffix == ".jsonl":
        with path.open("rb") as handle:
            entry["rows"] = sum(1 for _ in handle)
    if record is not None and record.volatile_fields():
        entry["content_sha256"] = journals.content_sha256(path, record.volatile_fields())
    return entry
