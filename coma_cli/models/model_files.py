"""The files of a model: in a folder, or on the Hugging Face Hub, from where each is fetched when it is needed."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coma_cli.errors import MissingInputError
from coma_cli.jsonl import read_json

_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_WHOLE = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class ModelFiles:
    """Gets a file by its name; `find` gives None for one that the model does not have."""

    name: str
    find: Callable[[str], Path | None]

    @classmethod
    def in_folder(cls, name: str, folder: Path) -> "ModelFiles":
        """The files of a folder."""
        return cls(name, lambda file: folder / file if (folder / file).is_file() else None)

    @classmethod
    def on_hub(cls, hub_id: str, revision: str | None) -> "ModelFiles":
        """The files of a model on the Hub, at one revision; those in its cache are not fetched again."""
        return cls(hub_id, lambda file: _fetched(hub_id, file, revision))

    @classmethod
    def at(cls, name: str, place: str, revision: str | None) -> "ModelFiles":
        """The files of a folder if there is one at that place, else of the model on the Hub with that id."""
        folder = Path(place)
        return cls.in_folder(name, folder) if folder.is_dir() else cls.on_hub(place, revision)

    def get(self, file: str) -> Path:
        """The path of a file.

        Raises:
            MissingInputError: the model does not have it.
        """
        found = self.find(file)
        if found is None:
            raise MissingInputError(f"{self.name} lacks {file}.", "Download the whole model, or give another folder.")
        return found

    def json(self, file: str) -> dict[str, Any]:
        """The content of a JSON file, empty if the model does not have it."""
        found = self.find(file)
        content = read_json(found) if found else {}
        return content if isinstance(content, dict) else {}

    def shards(self) -> tuple[str, ...]:
        """The names of the files with weights, safetensors rather than pickles.

        Raises:
            MissingInputError: there are none.
        """
        for index, whole in zip(_INDEXES, _WHOLE, strict=True):
            if listed := self.json(index).get("weight_map"):
                return tuple(sorted(set(listed.values())))
            if self.find(whole) is not None:
                return (whole,)
        raise MissingInputError(f"{self.name} has no weights.", "Download the whole model, or give another folder.")


def _fetched(hub_id: str, file: str, revision: str | None) -> Path | None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        return Path(hf_hub_download(hub_id, file, revision=revision))
    except EntryNotFoundError:  # offline too, when the cache lacks the file
        return None


@contextmanager
def opened(shard: Path) -> Iterator[Iterator[tuple[str, Any]]]:
    """Names and tensors of one file of weights, read one after the other.

    Pickled weights are read by torch's restricted unpickler, which makes tensors and runs no code.

    Raises:
        MissingInputError: the file is damaged.
    """
    import pickle

    import torch
    from safetensors import SafetensorError, safe_open

    try:
        if shard.suffix == ".safetensors":
            with safe_open(shard, "pt") as content:
                yield ((name, content.get_tensor(name)) for name in content.keys())  # noqa: SIM118 - no mapping
        else:
            pickled: Mapping[str, Any] = torch.load(shard, map_location="cpu", weights_only=True, mmap=True)
            yield iter(pickled.items())
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise MissingInputError(
            f"{shard.name} can't be read: {str(error)[:200]}", "Remove the file and download it again."
        ) from error
