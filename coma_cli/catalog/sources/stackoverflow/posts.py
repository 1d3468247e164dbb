"""The posts of a Stack Exchange data dump, read as a stream: `Posts.xml`, plain, gzip, in a zip or a 7z archive.

The dump is one element with millions of empty `row` elements, so no tree is built: each row's attributes are passed on
as soon as they are read. A document type or entity is rejected before it can expand.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn
from xml.parsers import expat

from coma_cli.errors import missing_package
from coma_cli.formats.data_file import BrokenSourceError, DataFile
from coma_cli.formats.files import unpacked

OnRow = Callable[[Mapping[str, str]], None]
_SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c"
_CHUNK_BYTES = 1 << 20
_AGAIN = "Download it again."


def read_posts(file: DataFile, on_row: OnRow) -> None:
    """Pass the attributes of every row to `on_row`, in order.

    Raises:
        BrokenSourceError: the file is not a dump of posts, is truncated, or has a document type.
        MissingPackageError: the file is a 7z archive, and py7zr is not installed.
    """
    feed = PostFeed(str(file), on_row)
    if is_seven_zip(file):
        _feed_seven_zip(file.path, feed)
    else:
        with unpacked(file) as handle:
            while chunk := handle.read(_CHUNK_BYTES):
                feed.write(chunk)
    feed.close()


def is_seven_zip(file: DataFile) -> bool:
    """Whether a file is a 7z archive, by its first bytes."""
    with file.path.open("rb") as handle:
        return not file.member and handle.read(len(_SEVEN_ZIP)) == _SEVEN_ZIP


class PostFeed:
    """Parses the bytes of a dump chunk by chunk. `name` is used in messages."""

    def __init__(self, name: str, on_row: OnRow) -> None:
        self._name = name
        self._on_row = on_row
        self._root = ""
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse

    def write(self, chunk: bytes) -> None:
        """Parse the next chunk; raises BrokenSourceError."""
        self._parse(chunk, False)

    def close(self) -> None:
        """End the dump; raises BrokenSourceError if it is incomplete."""
        self._parse(b"", True)

    def _parse(self, chunk: bytes, last: bool) -> None:
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as error:
            raise BrokenSourceError(f"{self._name} is truncated or malformed: {error}.", _AGAIN) from error

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._root:
            self._root = tag
            if tag != "posts":
                raise BrokenSourceError(
                    f"{self._name} is not a dump of posts: the root is <{tag}>, not <posts>.",
                    "Use the dump's Posts.xml.",
                )
        elif tag == "row":
            self._on_row(attributes)

    def _refuse(self, *_: Any) -> NoReturn:
        raise BrokenSourceError(
            f"{self._name} has a document type or entities, which no dump of posts has.", "Use the dump's Posts.xml."
        )


def _feed_seven_zip(path: Path, feed: PostFeed) -> None:
    try:
        from coma_cli.formats.seven_zip import unpack_member
    except ImportError:
        error = missing_package("py7zr", f"Reading {path.name}")
        error.hint += f" (or unpack it yourself: 7z x {path.name} Posts.xml)"
        raise error from None
    unpack_member(path, "Posts.xml", feed.write)
