"""The cache folder: its location, and small entries that are checked when they are read.

Losing an entry only costs time, so a folder that can't be read or written is not an error.
"""

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from coma_cli.errors import CliError
from coma_cli.jsonl import write_atomically


def cache_folder() -> Path:
    """Where coma keeps what it can make again: COMA_CACHE, else XDG_CACHE_HOME/coma, else ~/.cache/coma.

    Raises:
        CliError: none of the two is set and the user has no home folder.
    """
    if chosen := os.environ.get("COMA_CACHE"):
        return Path(chosen).expanduser()
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared).expanduser() / "coma"
    try:
        return Path.home() / ".cache" / "coma"
    except RuntimeError as error:  # a user without a home, as containers have them
        raise CliError(
            "There is no home folder to keep the cache in.",
            "export COMA_CACHE=FOLDER, one that can be written to and has 300 MB of room.",
        ) from error


@dataclass(frozen=True)
class EntryCache:
    """Entries by name in one folder; with `folder=None` nothing is ever kept.

    An entry begins with the hash of the rest: what was damaged, cut short or written by a crash counts as absent. It
    is replaced in one step, so that of several writers one wins and a reader sees a whole entry.
    """

    folder: Path | None

    @classmethod
    def below_cache_folder(cls, name: str) -> "EntryCache":
        """The entries in a folder of coma's cache."""
        try:
            return cls(cache_folder() / name)
        except CliError:
            return cls(None)

    def read(self, name: str) -> bytes | None:
        """An entry's content; None where there is no intact one."""
        if self.folder is None:
            return None
        try:
            digest, _, content = (self.folder / name).read_bytes().partition(b"\n")
        except OSError:
            return None
        return content if digest == _digest(content) else None

    def write(self, name: str, content: bytes) -> None:
        """Keep an entry, if the folder can be written to."""
        if self.folder is None:
            return
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.folder / name, (_digest(content), b"\n", content))

    def drop(self, name: str) -> None:
        """Forget an entry."""
        if self.folder is not None:
            with contextlib.suppress(OSError):
                (self.folder / name).unlink(missing_ok=True)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
