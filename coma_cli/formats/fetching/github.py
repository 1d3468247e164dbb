"""Files of GitHub repositories, from github.com or a mirror of it.

`COMA_GITHUB_ENDPOINT` names the addresses to try in order, separated by commas: a mirror, a GitHub Enterprise server,
or a proxy that takes the address of GitHub in its path. All of them have GitHub's own paths (`owner/name/raw/...`).
A file in Large File Storage is requested by its hash where the address gives only its pointer.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from coma_cli.formats.fetching.locations import GitHubFiles, RemoteFile
from coma_cli.formats.fetching.web import HINT, UnfetchedError, download, network_errors_named, session, size_at

ENDPOINTS = "COMA_GITHUB_ENDPOINT"
_GITHUB = "https://github.com"
# Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md, "The Pointer", and docs/api/batch.md.
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\nsize (\d+)\n"
)
_LARGEST_POINTER = 1024
_LFS_JSON = "application/vnd.git-lfs+json"
_PATIENCE_S = 30.0
_QUOTA = "Its owner's monthly quota for such files may be spent: try later, or name a mirror in COMA_GITHUB_ENDPOINT."


def endpoints() -> tuple[str, ...]:
    """The addresses to try, in order."""
    named = (name.strip().rstrip("/") for name in os.environ.get(ENDPOINTS, "").split(","))
    return tuple(name for name in named if name) or (_GITHUB,)


def fetch_github(location: GitHubFiles, file: RemoteFile, target: Path, advance: Callable[[int], None]) -> None:
    """Fetch one file from the first endpoint that has it.

    Raises:
        UnfetchedError: none has it.
    """
    reasons = []
    for endpoint in endpoints():
        url = f"{endpoint}/{location.address(file)}"
        try:
            _download(url, endpoint, location, file, target, advance)
        except UnfetchedError as error:
            reasons.append(error.message.rstrip("."))
        else:
            return
    raise UnfetchedError(f"{'; '.join(reasons)}.", HINT)


def size_on_github(location: GitHubFiles, file: RemoteFile) -> int | None:
    """The size of a file, as the first endpoint that has it says it.

    Raises:
        UnfetchedError: none has it.
    """
    reasons = []
    for endpoint in endpoints():
        try:
            return size_at(f"{endpoint}/{location.address(file)}")
        except UnfetchedError as error:
            reasons.append(error.message.rstrip("."))
    raise UnfetchedError(f"{'; '.join(reasons)}.", HINT)


def _download(
    url: str, endpoint: str, location: GitHubFiles, file: RemoteFile, target: Path, advance: Callable[[int], None]
) -> None:
    download(
        url,
        target,
        size=file.size,
        sha256=file.sha256,
        advance=advance,
        stands_in=lambda path: _pointer_in(path) is not None,
    )
    pointer = _pointer_in(target)
    if pointer is None:
        return
    target.unlink()
    if file.sha256 and pointer.sha256 != file.sha256:
        raise UnfetchedError(f"{url} points to another file: its SHA-256 is {pointer.sha256}.", HINT)
    address, headers = _stored_at(f"{endpoint}/{location.repository}.git", pointer)
    download(address, target, size=pointer.size, sha256=pointer.sha256, headers=headers, advance=advance)


class _Pointer(NamedTuple):
    """What a pointer says of its file."""

    sha256: str
    size: int


def _pointer_in(path: Path) -> _Pointer | None:
    """The pointer that a file consists of, else None."""
    if path.stat().st_size > _LARGEST_POINTER:
        return None
    found = _POINTER.fullmatch(path.read_bytes())
    return None if found is None else _Pointer(found[1].decode(), int(found[2]))


def _stored_at(repository: str, pointer: _Pointer) -> tuple[str, Mapping[str, str]]:
    """The address of a stored file, and the headers to send there."""
    asked = {
        "operation": "download",
        "transfers": ["basic"],
        "objects": [{"oid": pointer.sha256, "size": pointer.size}],
    }
    url = f"{repository}/info/lfs/objects/batch"
    headers = {"Accept": _LFS_JSON, "Content-Type": _LFS_JSON}
    with network_errors_named(url):
        answer = session().post(url, json=asked, headers=headers, timeout=_PATIENCE_S)
        content = answer.json() if answer.status_code == 200 else {}
    try:
        action = content["objects"][0]["actions"]["download"]
        return str(action["href"]), dict(action.get("header") or {})
    except (KeyError, IndexError, TypeError, AttributeError):
        reason = _reason(content) or f"HTTP {answer.status_code}"
        raise UnfetchedError(f"{url} gives no address for the file: {reason}.", _QUOTA) from None


def _reason(content: Any) -> str:
    """What the server says of the one file that was requested."""
    match content:
        case {"objects": [{"error": {"message": str(message)}}, *_]} | {"message": str(message)}:
            return message.rstrip(".")
        case _:
            return ""
