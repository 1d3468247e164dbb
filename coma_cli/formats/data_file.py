"""Files of rows on disk or in a zip archive, and the shares of them that workers read."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from coma_cli.errors import MissingInputError

GZIP_MAGIC = b"\x1f\x8b"
_SMALLEST_GZIP = 18  # bytes of its header and trailer


class BrokenSourceError(MissingInputError):
    """A source that can't be read as a whole: not in a form that its reader knows, cut short, or empty."""


@dataclass(frozen=True)
class Piece:
    """A share of a file, so that several workers can build the rows of a large one: each `of`-th stretch of entries."""

    number: int = 0
    of: int = 1

    STRETCH: ClassVar[int] = 512

    def holds(self, entry: int) -> bool:
        """Whether the entry of that number (from 0) belongs to this piece."""
        return entry // self.STRETCH % self.of == self.number

    def held(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The runs of entries (first, behind the last) from `start` to before `end` that belong to this piece."""
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
        """How many bytes it takes up on disk."""
        if not self.member:
            return self.path.stat().st_size
        with zipfile.ZipFile(self.path) as archive:
            return archive.getinfo(self.member).compress_size

    @property
    def unpacked_size(self) -> int:
        """Its size in bytes without zip or gzip around it (of gzip the remainder by 4 GiB that its end states)."""
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
    """One file of a source: where it is now, and the name that rows give as its origin (no path of a machine).

    `member` names it within a zip archive at `path`. `language` is the programming language of the rows where only the
    file's place tells it.

    `split` is upstream's split where the file holds one only (`train`, `validation` or `test`); where rows of several
    splits share a file it is empty, and each row's origin says its own. `companions` are the other files that the same
    rows need (the second half of parallel text, the functions that pairs point at). `piece` is the share of the file
    that is asked for; a source whose entry does not say that it `reads_pieces` may ignore it.
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
        """The file that holds the rows."""
        return DataFile(self.path, self.member)
