"""The files of a source on disk: listed below a folder, unpacked from gzip and zip by their bytes.

A zip archive is read as the folder that it would unpack into, and nothing is ever written under the name of a member.
"""

import gzip
import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from coma_cli.errors import MissingInputError
from coma_cli.formats.data_file import GZIP_MAGIC, BrokenSourceError, DataFile
from coma_cli.formats.text import readable_name

_AGAIN = "Fetch it again."
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")  # of an archive, and of one without members


@dataclass(frozen=True)
class Listed:
    """A file that was found: `name` says where (`data.zip/train.txt`), `inner` the same with archives unpacked.

    `groups` are the named groups of the pattern that found it.
    """

    name: str
    inner: str
    file: DataFile
    groups: Mapping[str, str] = field(default_factory=dict)


def matching_files(place: Path, patterns: Sequence[str], *, beside: bool = False) -> list[Listed]:
    """The files below `place` (a folder, an archive or one file) whose path ends in one of the patterns, by name.

    Patterns are regular expressions over paths with `/`; the first that matches a file counts. With `beside`, a place
    that is one file stands for all files of its folder: the rows of one may need another.

    Raises:
        BrokenSourceError: a zip archive can't be opened.
    """
    compiled = [re.compile(rf"(?:.*/)?(?:{pattern})", re.DOTALL) for pattern in patterns]
    found = []
    plain = place.is_file() and not _is_archive(place)
    for listed in _beside(place) if beside and plain else list_files(place):
        path = listed.file.path.absolute().as_posix() if plain else listed.inner
        match = next((m for pattern in compiled if (m := pattern.fullmatch(path))), None)
        if match:
            groups = {name: text for name, text in match.groupdict().items() if text is not None}
            found.append(Listed(listed.name, listed.inner, listed.file, groups))
    return sorted(found, key=lambda listed: listed.name)


def list_files(place: Path) -> Iterator[Listed]:
    """All files of a folder or an archive, or the one file itself; hidden ones are skipped."""
    if place.is_file():
        if _is_archive(place):
            yield from (Listed(f"{place.name}/{member}", member, DataFile(place, member)) for member in _members(place))
        else:
            yield Listed(place.name, place.name, DataFile(place))
        return
    for folder, folders, names in os.walk(place):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in sorted(Path(folder, name) for name in names if not name.startswith(".")):
            yield from _listed(place, path)


def one_file(path: Path) -> DataFile:
    """The file that a path names where one is wanted: itself, or the only member of a zip archive.

    Raises:
        MissingInputError: it is not there or a folder, or the archive is broken or does not hold exactly one file.
    """
    if path.is_dir():
        raise MissingInputError(f"{path} is a folder where a file should be.", "Name the file itself.")
    if not path.is_file():
        raise MissingInputError(f"There is no file {path}.", "Check the path.")
    if not _holds_members(path):
        return DataFile(path)
    members = _members(path)
    if len(members) != 1:
        held = ", ".join(members[:3]) + (", ..." if len(members) > 3 else "")
        raise MissingInputError(f"{path} holds {len(members)} files ({held}).", "Unpack it and name one of them.")
    return DataFile(path, members[0])


def _beside(place: Path) -> Iterator[Listed]:
    paths = sorted(path for path in place.parent.iterdir() if path.is_file() and not path.name.startswith("."))
    names = ((path, readable_name(path.name)) for path in paths)
    return (Listed(name, name, DataFile(path)) for path, name in names)


def _listed(place: Path, path: Path) -> Iterator[Listed]:
    name = readable_name(path.relative_to(place).as_posix())
    if not path.is_file():  # a link that leads nowhere
        return
    if path.suffix.lower() == ".zip":
        folder = name.removesuffix(readable_name(path.name))
        for member in _members(path):
            yield Listed(f"{name}/{member}", f"{folder}{member}", DataFile(path, member))
    else:
        yield Listed(name, name, DataFile(path))


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() == ".zip" or _holds_members(path)


def _holds_members(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(len(_ZIP_MAGICS[0])) in _ZIP_MAGICS


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = dict.fromkeys(info.filename for info in archive.infolist() if not info.is_dir())
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise BrokenSourceError(f"{path} is a broken zip file: {error}.", _AGAIN) from error
    return [name for name in names if not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))]


@contextmanager
def unpacked(file: DataFile) -> Iterator[IO[bytes]]:
    """The bytes of a file without zip and gzip around them, told by content and not by name.

    Raises:
        BrokenSourceError: the packing is broken, encrypted or cut short, here or while the block reads on.
    """
    try:
        with ExitStack() as stack:
            handle = stack.enter_context(_opened(file, stack))
            packed = handle.read(2) == GZIP_MAGIC
            handle.seek(0)
            yield stack.enter_context(cast(IO[bytes], gzip.GzipFile(fileobj=handle))) if packed else handle
    except (gzip.BadGzipFile, EOFError, zlib.error, zipfile.BadZipFile) as error:
        kind = "zip" if file.member and isinstance(error, (zipfile.BadZipFile, zlib.error)) else "gzip"
        raise BrokenSourceError(f"{file} is a broken {kind} file: {error}.", _AGAIN) from error


def _opened(file: DataFile, stack: ExitStack) -> IO[bytes]:
    if not file.member:
        return file.path.open("rb")
    try:
        return stack.enter_context(zipfile.ZipFile(file.path)).open(file.member)
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed in a way that zipfile does not know
        raise BrokenSourceError(f"{file} can't be unpacked: {error}.", "Unpack it first.") from error


def lines_of(file: DataFile) -> Iterator[bytes]:
    r"""The lines of a file, split at "\n" only and with it; raises as `unpacked`."""
    with unpacked(file) as handle:
        yield from handle


def glob_pattern(glob: str) -> str:
    """A glob pattern (`*`, and `**/` for any folders) as a regular expression."""
    pieces = re.split(r"(\*\*/|\*)", glob)
    return "".join({"**/": "(?:.*/)?", "*": "[^/]*"}.get(piece, re.escape(piece)) for piece in pieces)
