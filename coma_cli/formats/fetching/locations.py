"""Where data is published: data sets on the Hugging Face Hub, and files, archives and releases on GitHub.

These are entries of the catalogue: nothing here uses the network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from coma_cli.jsonl import sha256_of
from coma_cli.words import shortened

_SHORT_COMMIT = 12
_NAMED = 4


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch: its path at its location, its size in bytes and its SHA-256 (hex), where they are known."""

    path: str
    size: int | None = None
    sha256: str = ""


@dataclass(frozen=True)
class HubForm:
    """A data set on the Hugging Face Hub: those of its files at `revision` that match one of the patterns.

    `revision` is a commit (an abbreviated one is looked up), or a branch, which is resolved to its commit. In patterns
    `*` crosses `/`. `about` is the size in bytes where it is known; it is only shown.
    """

    repository: str
    revision: str
    patterns: tuple[str, ...]
    about: int = 0

    @property
    def key(self) -> str:
        """What names its folder in the cache."""
        return sha256_of([self.repository, self.revision, list(self.patterns)])[:_SHORT_COMMIT]

    @property
    def known_size(self) -> int | None:
        """The bytes of its files as the catalogue knows them."""
        return self.about or None

    @property
    def expected(self) -> str:
        """The names of the files that should be there, in words."""
        return " or ".join(self.patterns)

    def words(self, commit: str = "") -> str:
        """Repository, revision and host; with `commit`, the one that the revision was resolved to."""
        return f"{self.repository} at {commit or self.revision} on the Hugging Face Hub"


@dataclass(frozen=True)
class GitHubFiles:
    """Files of a GitHub repository: single ones (`raw`) or all (`archive`) of a commit, or the `release` of a tag.

    `about` is as in `HubForm`, for files without a known size.
    """

    repository: str
    revision: str
    files: tuple[RemoteFile, ...] = ()
    kind: Literal["raw", "archive", "release"] = "raw"
    about: int = 0

    @property
    def key(self) -> str:
        """What names its folder in the cache."""
        return sha256_of([self.repository, self.revision, self.kind, [f.path for f in self.all_files]])[:_SHORT_COMMIT]

    @property
    def all_files(self) -> tuple[RemoteFile, ...]:
        """The files to fetch: those listed, or the archive."""
        if self.kind != "archive":
            return self.files
        return (RemoteFile(f"{self.repository.rpartition('/')[2]}-{self.revision}.zip"),)

    @property
    def known_size(self) -> int | None:
        """The bytes of its files as the catalogue knows them."""
        return self.about or sum(file.size or 0 for file in self.files) or None

    @property
    def expected(self) -> str:
        """The names of the files that should be there, in words."""
        return names_in_words([file.path for file in self.all_files])

    def address(self, file: RemoteFile) -> str:
        """The address of a file, below that of GitHub or a mirror of it."""
        if self.kind == "archive":
            return f"{self.repository}/archive/{self.revision}.zip"
        folder = f"raw/{self.revision}" if self.kind == "raw" else f"releases/download/{self.revision}"
        return f"{self.repository}/{folder}/{file.path}"

    def words(self, commit: str = "") -> str:
        """Repository, commit or tag, and host."""
        return f"{self.repository} at {commit or self.revision} on GitHub"


Location = HubForm | GitHubFiles


@dataclass(frozen=True)
class Listing:
    """What a location has: the commit or tag, its files that were requested, and names of the rest for messages."""

    commit: str
    files: tuple[RemoteFile, ...]
    rest: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """The files of a listing that are needed, and about what share of the rows in question they hold."""

    files: tuple[RemoteFile, ...]
    share: float = 1.0


def all_of(listing: Listing) -> Choice:
    """The choice of everything."""
    return Choice(listing.files)


def names_in_words(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(shortened(name, 80) for name in names[:_NAMED])}{more}" if names else "no files"
