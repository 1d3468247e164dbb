"""What an adapter says about the base that it was trained on, in a file beside its weights."""

from dataclasses import dataclass
from pathlib import Path

from coma_cli.errors import MissingInputError
from coma_cli.jsonl import read_json, write_json

BASE_FILE = "coma_base.json"


@dataclass(frozen=True)
class BaseRecord:
    """What an adapter was trained on, stored beside it; `dtype` is that of the computation.

    `four_bit`: its linear layers were in QLoRA's NF4; `eight_bit`: in LLM.int8()'s int8.
    """

    name: str
    published_name: str
    revision: str | None
    content_sha256: str
    four_bit: bool
    dtype: str
    eight_bit: bool = False

    def save(self, folder: Path) -> None:
        """Write it to a folder."""
        write_json(folder / BASE_FILE, vars(self))

    @classmethod
    def load(cls, folder: Path) -> "BaseRecord | None":
        """The record that finetune wrote to a folder, None for an adapter from elsewhere.

        Raises:
            MissingInputError: the file exists and is broken.
        """
        path = folder / BASE_FILE
        if not path.is_file():
            return None
        try:
            return cls(**read_json(path))
        except TypeError:
            raise MissingInputError(f"{path} is not what coma finetune writes.", "Restore it, or remove it.") from None
