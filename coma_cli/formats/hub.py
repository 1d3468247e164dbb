"""Data sets on the Hugging Face Hub: their commits, the list of their files, and those in the Hub client's cache.

Data files only, never a loading script. `HF_ENDPOINT`, `HF_HOME`, `HF_TOKEN` and `HF_HUB_OFFLINE` are honoured.
"""

import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from coma_cli.errors import MissingInputError, missing_package
from coma_cli.formats.fetching.locations import HubForm, Listing, RemoteFile
from coma_cli.formats.fetching.web import HINT, UnfetchedError, download, unreachable
from coma_cli.words import shortened

if TYPE_CHECKING:
    from huggingface_hub import HfApi

CLIENT = "huggingface_hub"
_HUB = "https://huggingface.co"
_PATIENCE_S = 30.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ABBREVIATED = re.compile(r"[0-9a-f]{7,39}")
_SERVER_FAILED = frozenset({500, 502, 503, 504})
_TRIES = 4
_DATASET = "dataset"
_MEANING = {
    "GatedRepoError": "its owners grant access on its page; then set HF_TOKEN.",
    "RepositoryNotFoundError": "there is no such data set, or it is private and needs HF_TOKEN.",
    "RevisionNotFoundError": "it has no such revision.",
}
T = TypeVar("T")


def hub_endpoint() -> str:
    """The address of the Hub, or of the mirror that `HF_ENDPOINT` names."""
    return (os.environ.get("HF_ENDPOINT") or _HUB).rstrip("/")


def list_hub(form: HubForm) -> Listing:
    """The files of a data set that match its patterns, at the commit that its revision stands for now.

    Raises:
        UnfetchedError: the Hub can't be reached, or has no such data set or revision.
        MissingPackageError: the Hub's client is not installed.
    """
    with _errors_named(form.repository):
        from huggingface_hub import HfApi
        from huggingface_hub.hf_api import RepoFile

        api = HfApi(endpoint=hub_endpoint())
        commit = _tried(lambda: _commit_of(api, form))
        tree = _tried(
            lambda: list(api.list_repo_tree(form.repository, recursive=True, revision=commit, repo_type=_DATASET))
        )
        there = [entry for entry in tree if isinstance(entry, RepoFile)]
    files = tuple(
        RemoteFile(entry.path, entry.size, "" if entry.lfs is None else entry.lfs.sha256)
        for entry in sorted(there, key=lambda entry: entry.path)
        if _matches(entry.path, form) and ".." not in entry.path.split("/")
    )
    return Listing(commit, files, tuple(entry.path for entry in there if not _matches(entry.path, form)))


def fetch_hub(form: HubForm, commit: str, file: RemoteFile, target: Path, advance: Callable[[int], None]) -> None:
    """Fetch one file of a commit.

    Raises:
        UnfetchedError: see `download`.
    """
    url = f"{hub_endpoint()}/datasets/{form.repository}/resolve/{commit}/{quote(file.path)}"
    download(url, target, size=file.size, sha256=file.sha256, headers=_headers(), advance=advance)


def cached_listing(form: HubForm) -> Listing | None:
    """The files of a data set in the cache of the Hub's client; None where it has not all of them, as far as it knows.

    Nothing is asked over the network.
    """
    try:
        from huggingface_hub import snapshot_download

        folder = Path(
            snapshot_download(
                form.repository,
                repo_type=_DATASET,
                revision=form.revision,
                allow_patterns=list(form.patterns),
                local_files_only=True,
            )
        )
    except Exception:  # not in the cache, or no client: either way it is not here
        return None
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in paths]
    return Listing(folder.name, tuple(RemoteFile(name, size) for name, size in names if _matches(name, form)))


def cached_file(form: HubForm, commit: str, file: RemoteFile) -> Path | None:
    """A file of a commit in the cache of the Hub's client; None where it is not there."""
    try:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(form.repository, file.path, revision=commit, repo_type=_DATASET)
    except Exception:  # an unreadable cache is an empty one
        return None
    return Path(found) if isinstance(found, str) else None


def _matches(name: str, form: HubForm) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in form.patterns)


def _commit_of(api: "HfApi", form: HubForm) -> str:
    """The full commit of a revision; an abbreviated one is looked up in the history of main."""
    if _COMMIT.fullmatch(form.revision):
        return form.revision
    if _ABBREVIATED.fullmatch(form.revision):
        history = api.list_repo_commits(form.repository, repo_type=_DATASET)
        found = next((entry.commit_id for entry in history if entry.commit_id.startswith(form.revision)), None)
        if found is None:
            raise UnfetchedError(f"{form.repository} has no commit {form.revision} on the Hugging Face Hub.", HINT)
        return str(found)
    info = api.repo_info(form.repository, repo_type=_DATASET, revision=form.revision, timeout=_PATIENCE_S)
    if info.sha is None:
        raise UnfetchedError(f"The Hugging Face Hub names no commit of {form.words()}.", HINT)
    return str(info.sha)


def _headers() -> Mapping[str, str]:
    """The user's token, which is only sent to the Hub itself: the client drops it where another host has the bytes."""
    from huggingface_hub import get_token

    token = get_token()
    return {"Authorization": f"Bearer {token}"} if token else {}


def _tried(ask: Callable[[], T]) -> T:
    """The answer to a question; where the server fails, it is asked again, since the client does not do so for all."""
    for number in range(_TRIES):
        try:
            return ask()
        except Exception as error:
            code = getattr(getattr(error, "response", None), "status_code", None)
            if code not in _SERVER_FAILED or number == _TRIES - 1:
                raise
            time.sleep(2.0**number / 2)
    raise AssertionError("the last try returns or raises")


@contextmanager
def _errors_named(what: str) -> Iterator[None]:
    """Turn what the client raises into one error that says what can't be fetched and why."""
    log = logging.getLogger(CLIENT)
    level = log.level
    if reason := unreachable(hub_endpoint()):
        raise _unfetched(what, f"{reason}.")
    try:
        import huggingface_hub.utils.logging  # noqa: F401  # its import sets the level of its log

        log.setLevel(logging.ERROR)  # it warns of each of its tries; one error at the end says it all
        yield
    except ImportError:
        error = missing_package(CLIENT, f"Fetching {what} from the Hugging Face Hub")
        raise error from None
    except MissingInputError:
        raise
    except Exception as error:  # the client raises its HTTP library's own errors too, and that library changes
        raise _unfetched(what, _reason(error)) from error
    finally:
        log.setLevel(level)


def _reason(error: Exception) -> str:
    """What happened, in words; the client says it by the type of its error, with advice for its own callers."""
    known = next((_MEANING[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _MEANING), "")
    return known or next(iter(str(error).splitlines()), "") or type(error).__name__


def _unfetched(what: str, reason: str) -> UnfetchedError:
    return UnfetchedError(f"{what} can't be fetched from the Hugging Face Hub: {shortened(reason, 200)}", HINT)
