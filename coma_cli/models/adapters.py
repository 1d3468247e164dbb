"""What an adapter folder says without loading it: its base, its type, the shapes of its matrices.

Adapters from elsewhere are read as well as our own; ours have a `coma_base.json`, which identifies the base by content.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from coma_cli.catalog.bases import BASES
from coma_cli.errors import MissingInputError, UsageError
from coma_cli.jsonl import read_json
from coma_cli.models.base_record import BaseRecord
from coma_cli.models.qwen import adapters as qwen
from coma_cli.models.resolution import ResolvedBase, Trust, resolve_base
from coma_cli.models.safetensors_header import Shape, tensor_shapes

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
PICKLED_WEIGHTS = "adapter_model.bin"


@dataclass(frozen=True)
class Adapter:
    """A complete adapter folder: its configuration, the shapes of its tensors, and finetune's record, if it is ours."""

    folder: Path
    config: Mapping[str, Any]
    shapes: Mapping[str, Shape]
    record: BaseRecord | None

    @property
    def base_name(self) -> str:
        """The base that it was trained on, as coma or as peft names it."""
        return self.record.name if self.record else str(self.config.get("base_model_name_or_path") or "")


def read_adapter(folder: Path, *, pickled: bool = False) -> Adapter:
    """The adapter in a folder; weights that are pickled, whose shapes are then unknown, only with `pickled`.

    Raises:
        MissingInputError: the folder is not an adapter, or lacks its weights. UsageError: it is a whole model.
    """
    if not (folder / CONFIG).is_file():
        if (folder / "config.json").is_file():
            raise UsageError(f"{folder} is a whole model: there is nothing to merge.", f"coma sample --model {folder}")
        inner = folder / "adapter"
        hint = f"Give {inner}" if (inner / CONFIG).is_file() else "Give a folder written by peft or coma finetune."
        raise MissingInputError(f"{folder} is not an adapter: it has no {CONFIG}.", hint)
    config = read_json(folder / CONFIG)
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        kind = config.get("peft_type") if isinstance(config, dict) else None
        raise UsageError(f"{folder} is an adapter of type {kind}.", "Only LoRA adapters can be merged or sampled.")
    if not (folder / WEIGHTS).is_file():
        has_pickled = (folder / PICKLED_WEIGHTS).is_file()
        if has_pickled and pickled:
            return Adapter(folder, config, {}, BaseRecord.load(folder))
        hint = "Save it again with peft; coma sample takes --allow-pickle." if has_pickled else "Copy the whole folder."
        raise MissingInputError(f"{folder} lacks {WEIGHTS}.", hint)
    return Adapter(folder, config, tensor_shapes(folder / WEIGHTS), BaseRecord.load(folder))


def resolve_its_base(adapter: Adapter, name: str | None, revision: str | None, trust: Trust) -> ResolvedBase:
    """The base to merge into: the one that the adapter names, or the given one if it is the same.

    Raises:
        UsageError: the adapter was trained on another base, or names none and none is given.
    """
    wanted = name or _coma_name(adapter)
    if not wanted:
        raise UsageError(f"{adapter.folder} does not name the base that it was trained on.", "Name it with --base.")
    resolved = resolve_base(wanted, revision=revision or (None if name else _revision(adapter)), trust=trust)
    _check_same(adapter, resolved, given=name is not None)
    return resolved


def _revision(adapter: Adapter) -> str | None:
    revision = adapter.record.revision if adapter.record else adapter.config.get("revision")
    return revision if isinstance(revision, str) else None


def _coma_name(adapter: Adapter) -> str:
    """The catalogue's name for the base that an adapter names, or that name itself."""
    named = adapter.base_name
    return next((base.name for base in BASES.values() if base.hub_id.lower() == named.lower()), named)


def _check_same(adapter: Adapter, resolved: ResolvedBase, *, given: bool) -> None:
    record = adapter.record
    if record is not None:
        same = record.content_sha256 == resolved.content_sha256 or resolved.blocker is not None
        if not same and given:
            raise _other_base(adapter, resolved)
        if not same:
            raise UsageError(
                f"{resolved.name} has changed since {adapter.folder} was trained on it.",
                "Restore the base as it was, or train again.",
            )
    elif given and adapter.base_name and not _names_the_same(adapter.base_name, resolved):
        raise _other_base(adapter, resolved)


def _other_base(adapter: Adapter, resolved: ResolvedBase) -> UsageError:
    return UsageError(
        f"{adapter.folder} was trained on {adapter.base_name}, not on {resolved.name}.",
        f"Omit --base, or train an adapter for {resolved.name}: coma finetune --base {resolved.name}",
    )


def _names_the_same(named: str, resolved: ResolvedBase) -> bool:
    """Whether a name in peft's configuration means this base; folders match by their last part too."""
    known = {resolved.name, resolved.path_or_id, resolved.published_name}
    last = {name.rstrip("/").rsplit("/", 1)[-1].lower() for name in known}
    return named in known or named.rstrip("/").rsplit("/", 1)[-1].lower() in last


def check_shapes(adapter: Adapter, layers: Mapping[str, Shape]) -> int:
    """Check LoRA matrices against the layers they belong to; the number of adapted layers.

    `layers` maps the names of the base's modules to the shapes (outputs, inputs) of their weights.

    Raises:
        UsageError: a layer is not in the base, or its matrices have other sizes.
    """
    adapted = 0
    for tensor, shape in adapter.shapes.items():
        name, _, rest = tensor.removeprefix("base_model.model.").partition(".lora_")
        side = rest[:1]
        if side not in ("A", "B") or rest.startswith(("A_", "B_")):
            continue
        weight = layers.get(name)
        if weight is None:
            raise UsageError(
                f"{adapter.folder} adapts {name}, which this base does not have.", "Name the base it was trained on."
            )
        expected = weight[1] if side == "A" else weight[0]
        found = shape[1] if side == "A" else shape[0]
        if found != expected:
            raise UsageError(
                f"{adapter.folder} has {found} where {name} of this base has {expected}.",
                f"It was trained on another base: {adapter.base_name or 'unknown'}.",
            )
        adapted += side == "A"
    return adapted


def layer_shapes(model: Any) -> dict[str, tuple[int, ...]]:
    """Shape (outputs, inputs) of each linear layer's and embedding's weight, of four-bit ones before quantization."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, module in model.named_modules():
        if hasattr(module, "in_features"):
            shapes[name] = (module.out_features, module.in_features)
        elif hasattr(module, "num_embeddings"):
            shapes[name] = (module.embedding_dim, module.num_embeddings)
        elif type(module).__name__ == "Conv1D":  # GPT-2's linear layer, stored transposed
            shapes[name] = (module.nf, module.nx)
    return shapes


def adapter_folder(folder: Path) -> Path | None:
    """The folder itself if it holds an adapter and no complete model, else None."""
    return folder if (folder / CONFIG).is_file() and not (folder / "config.json").is_file() else None


def add_adapter(model: Any, adapter: Adapter) -> Any:
    """A loaded base with an adapter beside its weights, for inference; in the base's dtype.

    Raises:
        UsageError: the adapter is for another base.
    """
    import peft

    from coma_cli.models.embeddings import resize

    with fitting(adapter) as fits:
        resize(model, fits)
        check_shapes(fits, layer_shapes(model))
        return peft.PeftModel.from_pretrained(model, str(fits.folder), autocast_adapter_dtype=False).eval()


@contextmanager
def fitting(adapter: Adapter) -> Iterator[Adapter]:
    """The adapter for the layers that the base has now: one of Qwen's original layout is rewritten for the time."""
    if not qwen.is_for_original(adapter.shapes):
        yield adapter
        return
    with TemporaryDirectory() as folder:
        qwen.rewrite(adapter.folder, Path(folder))
        yield read_adapter(Path(folder))
