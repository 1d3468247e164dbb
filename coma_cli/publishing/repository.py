"""A repository on the Hugging Face Hub: what it holds, and one commit that changes it.

The Hub's own client makes the requests; it honours `HF_ENDPOINT`, `HF_TOKEN`, the token of `hf auth login`, proxies and
`HF_HUB_OFFLINE`.
"""

import hashlib
import logging
import os
import tempfile
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from coma_cli import console
from coma_cli.jsonl import read_json

Kind = Literal["dataset", "model"]
Content = Path | bytes
CLIENT = "huggingface_hub"
TIMEOUT_S = 20.0
_HUB = "https://huggingface.co"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Remote:
    """A repository as it is at one commit: `files` has the digest of each (see `digest_like`)."""

    commit: str
    private: bool
    files: Mapping[str, str]


class HubRepository:
    """One repository by the name `OWNER/NAME`; nothing is requested until a method is called."""

    def __init__(self, name: str, kind: Kind, endpoint: str | None = None) -> None:
        self.name = name
        self.kind = kind
        self._endpoint = (endpoint or os.environ.get("HF_ENDPOINT") or _HUB).rstrip("/")

    @property
    def url(self) -> str:
        """The address of its page."""
        folder = "datasets/" if self.kind == "dataset" else ""
        return f"{self._endpoint}/{folder}{self.name}"

    @property
    def _api(self) -> Any:
        from huggingface_hub import HfApi

        return HfApi(endpoint=self._endpoint)

    def whoami(self) -> Mapping[str, Any]:
        """What the Hub knows of the token."""
        answer: Mapping[str, Any] = self._api.whoami()
        return answer

    def look(self) -> Remote | None:
        """The repository as it is now; None if there is none that this token can see."""
        from huggingface_hub.errors import RepositoryNotFoundError

        try:
            info = self._api.repo_info(self.name, repo_type=self.kind, files_metadata=True, timeout=TIMEOUT_S)
        except RepositoryNotFoundError as error:
            if getattr(error.response, "status_code", None) == 401:  # the client takes a bad token for a missing one
                raise
            return None
        files = {file.rfilename: file.lfs.sha256 if file.lfs else file.blob_id for file in info.siblings or ()}
        return Remote(info.sha, bool(info.private), files)

    def create(self, *, private: bool) -> None:
        """Create it, empty; unless `private`, it is what its owner has set for new ones, which is public by default."""
        self._api.create_repo(self.name, repo_type=self.kind, private=private or None)

    def read_object(self, file: str, commit: str) -> dict[str, Any]:
        """A JSON file of it as it is at a commit."""
        with tempfile.TemporaryDirectory() as folder:
            path = self._api.hf_hub_download(self.name, file, repo_type=self.kind, revision=commit, local_dir=folder)
            return dict(read_json(Path(path)))

    def commit(self, message: str, add: Mapping[str, Content], delete: Collection[str], parent: str) -> None:
        """Add, replace and delete files in one commit on top of `parent`; refused if the repository has moved on."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        operations: list[Any] = [CommitOperationAdd(name, content) for name, content in add.items()]
        operations += [CommitOperationDelete(name) for name in delete]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self._api.create_commit(
                self.name, operations, commit_message=message, repo_type=self.kind, parent_commit=parent
            )
        for warning in (warning for warning in caught if issubclass(warning.category, UserWarning)):
            console.warn(" ".join(str(warning.message).split()))


def digest_like(content: Content, digest: str) -> str:
    """The digest of a file by the same method as another digest: SHA-256 as LFS uses it, else SHA-1 of the Git blob."""
    if len(digest) == hashlib.sha256().digest_size * 2:
        return _hashed(content, hashlib.sha256())
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    return _hashed(content, hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False))


def sha256(content: Content) -> str:
    """SHA-256 (hex) of a file's bytes."""
    return _hashed(content, hashlib.sha256())


def _hashed(content: Content, state: Any) -> str:
    if isinstance(content, bytes):
        state.update(content)
    else:
        with content.open("rb") as handle:
            while block := handle.read(_BLOCK):
                state.update(block)
    return str(state.hexdigest())


@contextmanager
def quiet_client() -> Iterator[None]:
    """Without the client's own log messages, and without its progress bars where nobody watches them."""
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    log = logging.getLogger(CLIENT)
    level, hide = log.level, not console.stderr().is_terminal and not are_progress_bars_disabled()
    log.setLevel(logging.ERROR)
    if hide:
        disable_progress_bars()
    try:
        yield
    finally:
        log.setLevel(level)
        if hide:
            enable_progress_bars()
