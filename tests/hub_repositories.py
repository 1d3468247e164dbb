"""What a Hub of tests holds: accounts, repositories, commits, files with the ids that clients check; and its faults."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Account(NamedTuple):
    """Who a token belongs to: a name, its organizations, and what the token may do."""

    name: str
    organizations: tuple[str, ...] = ()
    role: str = "write"

    def owns(self, namespace: str) -> bool:
        return namespace in (self.name, *self.organizations)


@dataclass
class Fault:
    """What happens instead of the answer to the next `times` requests that match `METHOD /path` (a regular expression).

    `status` is answered; None cuts the connection after `after` bytes of the request's body were read. `once_done` lets
    the request be served before: it worked, and the answer is lost.
    """

    request: str
    status: int | None = None
    times: int = 1
    after: int = 0
    once_done: bool = False

    def hits(self, request: str) -> bool:
        if self.times < 1 or not re.search(self.request, request):
            return False
        self.times -= 1
        return True


class Blob(NamedTuple):
    """A stored file: its bytes, and whether they came through LFS."""

    content: bytes
    lfs: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def git_id(self) -> str:
        """The id of its Git blob, for LFS that of the pointer."""
        text = self.content
        if self.lfs:
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(text)}\n"
            text = pointer.encode()
        return hashlib.sha1(b"blob %d\0" % len(text) + text).hexdigest()

    def described(self, path: str) -> dict[str, Any]:
        entry = {"type": "file", "path": path, "size": len(self.content), "oid": self.git_id}
        if self.lfs:
            entry["lfs"] = {"oid": self.sha256, "size": len(self.content), "pointerSize": 130}
        return entry


class Commit(NamedTuple):
    """A state of a repository, and the message that it was made with."""

    id: str
    message: str
    files: Mapping[str, Blob]


@dataclass
class Repository:
    """A repository: its commits, oldest first."""

    name: str
    kind: str
    private: bool
    commits: list[Commit] = field(default_factory=list)

    @property
    def head(self) -> Commit:
        return self.commits[-1]

    @property
    def files(self) -> dict[str, bytes]:
        """The newest files by their names."""
        return {path: blob.content for path, blob in self.head.files.items()}

    def at(self, revision: str) -> Commit | None:
        if revision in ("main", "refs/convert/parquet", ""):
            return self.head if revision != "refs/convert/parquet" else None
        return next((commit for commit in self.commits if commit.id == revision), None)

    def add_commit(self, message: str, files: Mapping[str, Blob]) -> Commit:
        tree = {path: blob.git_id for path, blob in files.items()}
        text = json.dumps([self.name, len(self.commits), message, tree], sort_keys=True)
        self.commits.append(Commit(hashlib.sha1(text.encode()).hexdigest(), message, dict(files)))
        return self.head
