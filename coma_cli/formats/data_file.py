"""Files of rows on disk or in a zip archive, and the pieces of them that workers read."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from coma_cli.errors import MissingInputError

GZIP_MAGIC = b"\x1f\x8b"
_SMALLEST_GZIP = 18  # bytes of its header and trailer


class BrokenSourceError(MissingInputError):
    """A source that can't be read: in an unknown format, truncated, or empty."""


@dataclass(frozen=True)
class Piece:
    """A part of a file, so that several workers can share a large one: every `of`-th block of entries."""

    number: int = 0
    of: int = 1

    STRETCH: ClassVar[int] = 512

    def holds(self, entry: int) -> bool:
        """Whether the entry with that number (from 0) belongs to this piece."""
        return entry // self.STRETCH % self.of == self.number

    def held(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The ranges of entries (start, stop) between `start` and `end` (exclusive) that belong to this piece."""
        if self.of == 1:
            yield start, end
            return
        for stretch in range(start // self.STRETCH, -(-end // self.STRETCH)):
            if stretch % self.of == self.number:
                yield max(start, stretch * self.STRETCH), min(end, (stretch + 1) * self.STRETCH)


@dataclass(frozen=True)
class DataFile:
    """A file on disk, or a member of a zip archive there."""

    path: Path
    member: str = ""

    def __str__(self) -> str:
        return f"{self.path}/{self.member}" if self.member else str(self.path)

    @property
    def name(self) -> str:
        """The file's own name, without the folders above it."""
        return (self.member or self.path.name).rpartition("/")[2]

    @property
    def size(self) -> int:
        """Its size on disk in bytes."""
        if not self.member:
            return self.path.stat().st_size
        with zipfile.ZipFile(self.path) as archive:
            return archive.getinfo(self.member).compress_size

    @property
    def unpacked_size(self) -> int:
        """Its uncompressed size in bytes (for gzip, the size modulo 4 GiB from its trailer)."""
        if self.member:
            with zipfile.ZipFile(self.path) as archive:
                return archive.getinfo(self.member).file_size
        size = self.path.stat().st_size
        with self.path.open("rb") as handle:
            if size < _SMALLEST_GZIP or handle.read(2) != GZIP_MAGIC:
                return size
            handle.seek(-4, 2)
            return int.from_bytes(handle.read(4), "little")


@dataclass(frozen=True)
class Shard:
    """One file of a source: where it is now, and the name that rows give as their origin (independent of the machine).

    `member` is its name in a zip archive at `path`. `language` is the programming language of the rows, if only the
    file's location tells it.

    `split` is upstream's split if the file has only one (`train`, `validation` or `test`); if rows of several splits
    share a file, it is empty and each row's origin has its own. `companions` are other files that the same rows need
    (the other side of parallel text, the functions that pairs refer to). `piece` is the requested part of the file;
    sources without `reads_pieces` may ignore it.
    """

    path: Path
    name: str
    licence: str
    split: str = "train"
    companions: tuple[DataFile, ...] = ()
    member: str = ""
    language: str = ""
    piece: Piece = Piece()

    @property
    def file(self) -> DataFile:
        """The file with the rows."""
        return DataFile(self.path, self.member)
