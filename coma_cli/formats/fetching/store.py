"""Where fetched files are kept: one folder of the cache for each location.

<cache>/sources/<name>-<key>/
    listing.json     what the location has; written once, so that a second start asks nothing
    files/           the files, and partial ones (`.part`)
    <choice>/        links to the files of one choice: what a source is read from
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from coma_cli import console
from coma_cli.cache import cache_folder
from coma_cli.errors import MissingInputError
from coma_cli.formats.fetching.locations import HubForm, Listing, Location, RemoteFile
from coma_cli.formats.fetching.web import PART
from coma_cli.formats.hub import cached_file
from coma_cli.jsonl import read_json, sha256_of, write_json

_LISTING, _FILES, _LOCK = "listing.json", "files", ".lock"


@dataclass(frozen=True)
class Store:
    """The folder of one location."""

    folder: Path
    location: Location

    @classmethod
    def of(cls, name: str, location: Location) -> "Store":
        """The folder for a source or benchmark of that name."""
        return cls(cache_folder() / "sources" / f"{name}-{location.key}", location)

    def listing(self) -> Listing | None:
        """What the location has, as it was asked; None if it never was."""
        try:
            kept = read_json(self.folder / _LISTING)
            files = tuple(RemoteFile(entry["path"], entry["size"], entry["sha256"]) for entry in kept["files"])
            return Listing(kept["commit"], files, tuple(kept["rest"]))
        except (MissingInputError, KeyError, TypeError):
            return None

    def keep(self, listing: Listing) -> None:
        """Keep what the location has."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / _LISTING, asdict(listing))

    def discard(self, files: Iterable[RemoteFile]) -> None:
        """Have the location asked again at the next start, and files fetched again whose content is not known.

        A proxy may have sent a page in place of a file.
        """
        (self.folder / _LISTING).unlink(missing_ok=True)
        for file in files:
            if not file.sha256:
                self.target(file).unlink(missing_ok=True)

    def target(self, file: RemoteFile) -> Path:
        """Where a file is to be kept."""
        return self.folder / _FILES / file.path

    def path_of(self, commit: str, file: RemoteFile) -> Path | None:
        """A file that is there, whole: here, or in the cache of the Hub's client."""
        kept = self.target(file)
        if _is_whole(kept, file):
            return kept
        cached = cached_file(self.location, commit, file) if isinstance(self.location, HubForm) else None
        return cached if cached is not None and _is_whole(cached, file) else None

    def partial_size(self, file: RemoteFile) -> int:
        """The bytes of a file that an earlier start fetched of it."""
        target = self.target(file)
        with suppress(OSError):
            return target.with_name(f"{target.name}{PART}").stat().st_size
        return 0

    def view(self, paths: Iterable[tuple[RemoteFile, Path]]) -> Path:
        """A folder with links to these files alone, under their paths at the location."""
        named = sorted((file.path, path) for file, path in paths)
        folder = self.folder / sha256_of([name for name, _ in named])[:12]
        for name, path in named:
            link = folder / name
            if not link.is_symlink() or link.readlink() != path:
                link.parent.mkdir(parents=True, exist_ok=True)
                new = link.with_name(f".{link.name}.{os.getpid()}")
                new.symlink_to(path)
                new.replace(link)
        return folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time fetch into this folder; the others wait."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / _LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                console.note(f"Waiting for another process that fetches {self.location.words()}")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _is_whole(path: Path, file: RemoteFile) -> bool:
    """Whether a file is there with its size; files are moved here when they are whole and checked."""
    return path.is_file() and (file.size is None or path.stat().st_size == file.size)
