"""Data sets from the Hugging Face Hub, through its own client and cache: data files only, never a loading script.

`HF_ENDPOINT`, `HF_HOME`, `HF_TOKEN` and `HF_HUB_OFFLINE` are honoured.
"""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from coma_cli.errors import CliError, MissingInputError, missing_package
from coma_cli.words import shortened

CLIENT = "huggingface_hub"
_HUB = "https://huggingface.co"
_PATIENCE_S = 10.0
_ELSEWHERE = "Use --from-repo stdlib (or a folder of code), or --sources DIR with files that are already here."


@dataclass(frozen=True)
class HubForm:
    """Where the Hub keeps a source as plain data files."""

    repository: str
    revision: str
    patterns: tuple[str, ...]


def fetched_source(form: HubForm) -> Path | None:
    """The folder that holds a source's files where the cache has them; nothing is fetched."""
    try:
        return _snapshot(form, local_files_only=True)
    except Exception:  # not in the cache, or no client: either way it is not here
        return None


def fetch_blocker(form: HubForm) -> CliError | None:
    """Why a source's files can't be fetched now, or None: one question to the Hub, and nothing is fetched."""
    try:
        with _errors_named(form.repository, _ELSEWHERE):
            from huggingface_hub import HfApi

            HfApi().repo_info(form.repository, repo_type="dataset", revision=form.revision, timeout=_PATIENCE_S)
    except CliError as error:
        return error
    return None


def fetch_source(form: HubForm) -> Path:
    """The folder that holds a source's files.

    Raises:
        MissingInputError: the files are neither in the cache nor can the Hub be reached.
        MissingPackageError: the Hub's client is not installed.
    """
    with _errors_named(form.repository, _ELSEWHERE):
        return _snapshot(form, local_files_only=unknown_host() is not None)


def fetch_file(repository: str, file: str, revision: str, hint: str) -> Path:
    """The local path of one file of a data set; `hint` says what to do where it can't be fetched. Raises as above."""
    with _errors_named(f"{file} of {repository}", hint):
        from huggingface_hub import hf_hub_download

        cached_only = unknown_host() is not None
        return Path(
            hf_hub_download(repository, file, repo_type="dataset", revision=revision, local_files_only=cached_only)
        )


def unknown_host() -> str | None:
    """The Hub's host where its name can't be resolved, so that the client need not try five times; else None.

    Behind a proxy the proxy resolves the name.
    """
    url = urlsplit(os.environ.get("HF_ENDPOINT") or _HUB)
    host = url.hostname or ""
    if os.environ.get("HF_HUB_OFFLINE") or ({url.scheme, "all"} & getproxies().keys() and not proxy_bypass(host)):
        return None
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return host
    return None


def _snapshot(form: HubForm, **options: Any) -> Path:
    from huggingface_hub import snapshot_download

    patterns = list(form.patterns)
    return Path(
        snapshot_download(
            form.repository, repo_type="dataset", revision=form.revision, allow_patterns=patterns, **options
        )
    )


@contextmanager
def _errors_named(what: str, hint: str) -> Iterator[None]:
    """Turn what the client raises into one error that says what can't be fetched and what helps."""
    log = logging.getLogger(CLIENT)
    level = log.level
    try:
        import huggingface_hub.utils.logging  # noqa: F401  # its import sets the level of its log

        log.setLevel(logging.ERROR)  # it warns of each of its five tries; one error at the end says it all
        yield
    except ImportError:
        error = missing_package(CLIENT, f"Fetching {what} from the Hugging Face Hub")
        error.hint += f", or do without: {hint}"
        raise error from None
    except Exception as error:  # the client raises its HTTP library's own errors too, and that library changes
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        if host := unknown_host():
            reason = f"the name {host} can't be resolved."
        raise MissingInputError(
            f"{what} can't be fetched from the Hugging Face Hub: {shortened(reason, 200)}", hint
        ) from error
    finally:
        log.setLevel(level)
