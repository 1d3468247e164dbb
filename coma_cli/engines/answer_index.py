"""A sorted index beside a journal of answers, so that opening it takes no longer for a million answers than for none.

The file holds the first 64 bits of each key, sorted, with offset and length of its line. It only says where to look:
a line counts if it is a whole answer with the right key. An index is used if it was made for this very journal (inode,
size, last bytes before its end) by a coma that reads the same rows; else the journal is read as a whole.
"""

import hashlib
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coma_cli.jsonl import write_atomically

_MAGIC = b"coma answers 1\n\0"
# Magic, schema, inode, bytes covered, lines covered, answers, tail, checksum: 96 bytes, so that arrays are aligned.
_HEADER = struct.Struct("<16sQQQQQ32sQ")
_CHECKED_TAIL = 1 << 12  # bytes before the end of what is covered, whose hash is kept
_KEY_DIGITS = 16  # 64 bits in hex


@dataclass(frozen=True)
class AnswerIndex:
    """Where the answers are in the first `covered` bytes of a journal, which are `lines` lines.

    `keys`, `offsets` and `lengths` are arrays `(answers,)`, in the order of the keys and then of the offsets.
    """

    covered: int
    lines: int
    keys: Any
    offsets: Any
    lengths: Any

    def __len__(self) -> int:
        return len(self.keys)

    def places(self, key: str) -> list[tuple[int, int]]:
        """Offset and length of each line that may hold this key, in the journal's order."""
        wanted = _number(key)
        first = int(np.searchsorted(self.keys, wanted))
        last = int(np.searchsorted(self.keys, wanted, side="right"))
        return [(int(self.offsets[place]), int(self.lengths[place])) for place in range(first, last)]

    def extended(self, added: Mapping[str, tuple[int, int]], covered: int, lines: int) -> "AnswerIndex":
        """An index of these answers too, which lie behind those of this one."""
        names = np.fromiter((_number(key) for key in added), np.uint64, len(added))
        keys = np.concatenate([self.keys, names])
        offsets = np.concatenate([self.offsets, np.fromiter((o for o, _ in added.values()), np.uint64, len(added))])
        lengths = np.concatenate([self.lengths, np.fromiter((n for _, n in added.values()), np.uint32, len(added))])
        order = np.lexsort((offsets, keys))
        return AnswerIndex(covered, lines, keys[order], offsets[order], lengths[order])

    def write(self, path: Path, journal: int, schema: int) -> None:
        """Write the file, whole or not at all; `journal` is the journal's descriptor."""
        parts = [np.ascontiguousarray(part).tobytes() for part in (self.keys, self.offsets, self.lengths)]
        header = _HEADER.pack(
            _MAGIC,
            schema,
            os.fstat(journal).st_ino,
            self.covered,
            self.lines,
            len(self),
            _tail(journal, self.covered),
            _checksum(parts),
        )
        write_atomically(path, [header, *parts])


NOTHING_INDEXED = AnswerIndex(
    0, 0, np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.uint32)
)


def read_index(path: Path, journal: int, schema: int) -> AnswerIndex:
    """The index in a file, or an empty one if there is none for this journal (its descriptor) and schema of rows."""
    try:
        with path.open("rb") as handle:
            head = handle.read(_HEADER.size)
        magic, made_for, inode, covered, lines, count, tail, checksum = _HEADER.unpack(head)
        state = os.fstat(journal)
        whole = np.memmap(path, mode="r", offset=_HEADER.size)
    except (OSError, struct.error, ValueError):  # there is none, or not even a header
        return NOTHING_INDEXED
    fits = (magic, made_for, inode) == (_MAGIC, schema, state.st_ino) and covered <= state.st_size
    if not fits or len(whole) != 20 * count or _checksum([whole]) != checksum or _tail(journal, covered) != tail:
        return NOTHING_INDEXED
    return AnswerIndex(
        covered,
        lines,
        whole[: 8 * count].view("<u8"),
        whole[8 * count : 16 * count].view("<u8"),
        whole[16 * count :].view("<u4"),
    )


def _number(key: str) -> Any:
    """The beginning of a key, in the type of the arrays: a search for any other type would convert a whole array."""
    return np.uint64(int(key[:_KEY_DIGITS], 16))


def _tail(journal: int, covered: int) -> bytes:
    start = max(0, covered - _CHECKED_TAIL)
    return hashlib.sha256(os.pread(journal, covered - start, start)).digest()


def _checksum(parts: list[Any]) -> int:
    value = 0
    for part in parts:
        value = zlib.crc32(part, value)
    return value
