"""Reads names and shapes of the tensors in a safetensors file without its weights."""

import json
import struct
from pathlib import Path

from coma_cli.errors import MissingInputError

Shape = tuple[int, ...]


def tensor_shapes(path: Path) -> dict[str, Shape]:
    """Names and shapes in a safetensors file, from its header alone.

    Raises:
        MissingInputError: the file is truncated or not a safetensors file.
    """
    broken = MissingInputError(f"{path} is not a complete safetensors file.", "Copy it again, or retrain the adapter.")
    try:
        with path.open("rb") as handle:
            (length,) = struct.unpack("<Q", handle.read(8))
            header = json.loads(handle.read(min(length, 100_000_000)))
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
        if path.stat().st_size != 8 + length + end:
            raise broken
        return {name: tuple(entry["shape"]) for name, entry in entries.items()}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise broken from error
