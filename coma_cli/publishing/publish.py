"""Pushes the public files of a finished run to the Hugging Face Hub, once: a rerun pushes only what differs.

The order: check what would be pushed, look at the repository, create it if there is none, commit what differs on top of
what was seen, and look again. The repository holds the list of what coma put there (`coma_published.json`), so that
files of an earlier push that are not part of the run any more are deleted, and files of others are never touched.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from coma_cli import __version__, console
from coma_cli.errors import CliError, MissingInputError, UsageError, missing_package
from coma_cli.publishing.failures import BEFORE_THE_WORK, explained, is_of_the_hub, may_pass, no_token
from coma_cli.publishing.private_marks import PrivateMark, find_private
from coma_cli.publishing.repository import (
    CLIENT,
    Content,
    HubRepository,
    Kind,
    Remote,
    digest_like,
    quiet_client,
    sha256,
)
from coma_cli.words import count_of

PUBLISHED = "coma_published.json"
WAITS_S = (1.0, 5.0, 20.0)  # before each further try
# What the Hub puts into a new repository, and what people make there on its pages.
_NOT_OURS_BUT_FINE = frozenset({".gitattributes", "README.md", "LICENSE", "LICENSE.md", "LICENSE.txt"})
_READ_ONLY = "read"


@dataclass(frozen=True)
class Target:
    """Where to push to: the name `OWNER/NAME` of a data set or a model, and whether it must not be public.

    `to_allow` says which option allows a public one.
    """

    name: str
    kind: Kind = "dataset"
    private: bool = False
    to_allow: str = "drop --private"


@dataclass(frozen=True)
class Payload:
    """What to push: files by their names in the repository, and what they were made by."""

    files: Mapping[str, Path]
    command: str
    content_sha256: str
    message: str


@dataclass(frozen=True)
class Published:
    """What is on the Hub now, and how many files this push added, replaced or deleted there."""

    url: str
    commit: str
    changed: int

    def to_row(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    def __str__(self) -> str:
        what = f"Pushed ({count_of(self.changed, 'file')} changed)" if self.changed else "Already published"
        return f"{what}: {self.url}/tree/{self.commit}"


def publish_blocker(target: Target) -> CliError | None:
    """Why nothing can be pushed there, as far as the token and one question to the Hub tell; None if all is well."""
    repository = HubRepository(target.name, target.kind)
    try:
        with quiet_client():
            from huggingface_hub import get_token

            if not get_token():
                return no_token()
            return _role_blocker(target, repository.whoami())
    except ImportError:
        return missing_package(CLIENT, "--push-to-hub")
    except Exception as error:
        if not is_of_the_hub(error):
            raise
        return explained(error, target.name, BEFORE_THE_WORK)


def _role_blocker(target: Target, known: Mapping[str, Any]) -> CliError | None:
    role = known.get("auth", {}).get("accessToken", {}).get("role")
    if role != _READ_ONLY:
        return None
    return MissingInputError(
        f"The token can only read, so it can't push to {target.name}.", "hf auth login with a token that can write."
    )


def publish(
    target: Target,
    payload: Payload,
    private: Iterable[PrivateMark],
    waits_s: Iterable[float] = WAITS_S,
    sleep: Callable[[float], None] = time.sleep,
) -> Published:
    """Bring a repository to the state that it has exactly these files, beside those of others.

    `private` must not be in any of them. Failures that may pass are tried again after each of `waits_s` seconds.

    Raises:
        UsageError: the name is taken by something that coma did not push, or is public and must not be.
        MissingInputError: no token, one that is refused or may not write, or the Hub can't be reached.
        CliError: a file holds private texts, or the Hub fails for another reason.
    """
    with quiet_client():
        from huggingface_hub import get_token

        token = get_token()
    if not token:
        raise no_token()
    _require_public(payload.files, [*private, PrivateMark("a key", token, "your token of the Hugging Face Hub")])
    repository = HubRepository(target.name, target.kind)
    left = list(waits_s)
    with quiet_client():
        while True:
            try:
                return _bring_up_to_date(repository, target, payload)
            except CliError:
                raise
            except Exception as error:
                if not is_of_the_hub(error):
                    raise
                problem = explained(error, target.name)
                if not left or not may_pass(error):
                    raise problem from error
                wait = left.pop(0)
                console.note(f"{problem.message} Trying again in {wait:g} s.")
                sleep(wait)


def _require_public(files: Mapping[str, Path], private: Iterable[PrivateMark]) -> None:
    """Raise if any file holds a private text."""
    for found in find_private(files, private):
        raise CliError(
            f"{found.file}, line {found.line}, holds {found.mark.what} ({found.mark.shown}), so nothing was pushed.",
            "Remove it from what the run was made of, and make the run again.",
        )


def _bring_up_to_date(repository: HubRepository, target: Target, payload: Payload) -> Published:
    wanted: dict[str, Content] = {**payload.files, PUBLISHED: _marker(payload)}
    there = repository.look()
    if there is None:
        repository.create(private=target.private)
        there = repository.look()
        if there is None:
            raise CliError(f"{target.name} was created and can't be seen.", "Run the same command again.")
    _require_ours(target, there)
    add = {name: content for name, content in wanted.items() if _differs(content, there.files.get(name))}
    delete = _stale(repository, there, wanted)
    if not add and not delete:
        return Published(repository.url, there.commit, 0)
    repository.commit(payload.message, add, delete, there.commit)
    now = repository.look()
    wrong = [name for name, content in add.items() if now is None or _differs(content, now.files.get(name))]
    if now is None or wrong:
        raise CliError(
            f"{target.name} does not have what was pushed: {', '.join(wrong)}.", "Run the same command again."
        )
    return Published(repository.url, now.commit, len(add) + len(delete))


def _marker(payload: Payload) -> bytes:
    """The list of what coma puts into a repository; the same for the same files."""
    listed = {
        "coma": __version__,
        "command": payload.command,
        "content_sha256": payload.content_sha256,
        "files": {name: sha256(path) for name, path in sorted(payload.files.items())},
    }
    return json.dumps(listed, ensure_ascii=False, indent=2).encode("utf-8") + b"\n"


def _require_ours(target: Target, there: Remote) -> None:
    """Raise where the repository is not one to push to."""
    if target.private and not there.private:
        raise UsageError(
            f"{target.name} exists and is public.",
            f"Make it private on its page, choose another NAME, or {target.to_allow}.",
        )
    others = sorted(there.files.keys() - _NOT_OURS_BUT_FINE)
    if others and PUBLISHED not in there.files:
        raise UsageError(
            f"{target.name} is taken: it holds {', '.join(others[:3])}, which coma did not push.",
            "Choose another NAME.",
        )


def _differs(content: Content, digest: str | None) -> bool:
    return digest is None or digest_like(content, digest) != digest


def _stale(repository: HubRepository, there: Remote, wanted: Mapping[str, Content]) -> list[str]:
    """Files that coma pushed earlier and that are not part of the run."""
    if PUBLISHED not in there.files:
        return []
    listed = repository.read_object(PUBLISHED, there.commit).get("files", {})
    return sorted(name for name in listed if name in there.files and name not in wanted)
