"""Writes a safetensors file one tensor after the other, so that no more than one is in memory.

`safetensors.torch.save_file` takes all tensors of a file at once, and gives the file the mode 0600 whatever the umask.
Source of the format: huggingface/safetensors, README.md, "Format": the length of the header (8 bytes, little endian),
the header as JSON, the tensors.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch

_NAMES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


class ShardFile:
    """A safetensors file in progress; a context manager that leaves a complete file or none.

    `layout` gives dtype and shape of each tensor by its name; tensors are added in that order.
    """

    def __init__(self, path: Path, layout: Mapping[str, tuple[torch.dtype, tuple[int, ...]]]) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self._layout = layout
        self._left = list(layout)
        self._handle: Any = None

    def __enter__(self) -> Self:
        self._handle = self._part.open("wb")
        self._handle.write(_header(self._layout))
        return self

    def add(self, name: str, tensor: torch.Tensor) -> None:
        """Append the next tensor of the layout, converted to its dtype."""
        dtype, shape = self._layout[name]
        assert self._left.pop(0) == name and tuple(tensor.shape) == shape, name
        flat = tensor.to(device="cpu", dtype=dtype).contiguous().reshape(-1)
        self._handle.write(memoryview(flat.view(torch.uint8).numpy()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._handle:
            if kind is None:
                self._handle.flush()
                os.fsync(self._handle.fileno())
        if kind is None:
            assert not self._left, self._left
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)


def _header(layout: Mapping[str, tuple[torch.dtype, tuple[int, ...]]]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    begin = 0
    for name, (dtype, shape) in layout.items():
        end = begin + math.prod(shape) * dtype.itemsize
        entries[name] = {"dtype": _NAMES[dtype], "shape": list(shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8
    return len(text).to_bytes(8, "little") + text
