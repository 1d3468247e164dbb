"""One file from an address: resumed where an earlier try stopped, tried again where a server is busy or cuts off.

The requests are made by the Hub client's session, which honours proxies and offline mode. That client does not keep
partial files (huggingface_hub 2), so the bytes are written here.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from coma_cli import console
from coma_cli.errors import MissingInputError, missing_package
from coma_cli.hashing import hash_file
from coma_cli.words import shortened, time_of

PART = ".part"
_PLAIN = {"Accept-Encoding": "identity"}  # so that sizes and ranges count the bytes of the file
_PATIENCE_S = 30.0
_TRIES = 5  # without a new byte
_MOST_TRIES = 100
_LONGEST_PAUSE_S = 8.0
_LONGEST_RETRY_AFTER_S = 330.0  # the Hub counts requests over five minutes
_SILENT_PAUSE_S = 5.0
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_STATUS = {401: "access denied", 403: "access denied", 404: "not found", 410: "gone", 429: "too many requests"}
_NO_HEAD = frozenset({403, 405, 501})  # of hosts whose addresses are signed for GET alone
_HTTP_LIBRARIES = frozenset({"httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3"})
HINT = "Check the network, proxy and HF_ENDPOINT or COMA_GITHUB_ENDPOINT, then run the same command again."


class UnfetchedError(MissingInputError):
    """Data that can't be fetched: the host can't be reached, the file is not there, or it is not what it should be."""


class _BusyError(Exception):
    """A try that may succeed later; `pause` is what the server requested, in seconds."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


def is_offline() -> bool:
    """Whether the user switched the network off, by one of the variables that the Hub's client reads."""
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return any(os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"} for name in names)


def unreachable(url: str) -> str | None:
    """Why the host of an address can't be reached, so that nothing need be tried for long; None if it can.

    Asked once per host and process. Behind a proxy, the proxy resolves the name.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_offline():
        return "offline mode is on (HF_HUB_OFFLINE)"
    if {parts.scheme, "all"} & getproxies().keys() and not proxy_bypass(host):
        return None
    return _no_connection(host, parts.port or (80 if parts.scheme == "http" else 443))


@lru_cache
def _no_connection(host: str, port: int) -> str | None:
    try:
        socket.create_connection((host, port), timeout=_PATIENCE_S).close()
    except socket.gaierror:
        return f"the name {host} can't be resolved"
    except OSError as error:
        return f"{host} can't be reached ({(error.strerror or str(error) or type(error).__name__).lower()})"
    return None


def download(
    url: str,
    target: Path,
    *,
    size: int | None = None,
    sha256: str = "",
    headers: Mapping[str, str] | None = None,
    advance: Callable[[int], None] = lambda _: None,
    stands_in: Callable[[Path], bool] = lambda _: False,
) -> None:
    """Fetch a file; a partial one of an earlier try, beside `target`, is continued.

    `advance` is called with the number of new bytes, negative where a server makes it start again. A file that
    `stands_in` for another is kept whatever its size and hash are.

    Raises:
        UnfetchedError: no try succeeded, or the file has another size or hash than it should; it is discarded then.
    """
    if reason := unreachable(url):
        raise UnfetchedError(f"{url}: {reason}.", HINT)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}{PART}")
    failures, most = 0, _MOST_TRIES
    while True:
        before = _size_of(part)
        try:
            with _network_errors():
                _continue(url, part, size, headers or {}, advance)
            break
        except _BusyError as error:
            failures, most = (1 if _size_of(part) > before else failures + 1), most - 1
            if failures >= _TRIES or not most:
                raise UnfetchedError(f"{url}: {error}.", HINT) from error
            _pause(url, error, failures)
    if not stands_in(part):
        _require_right(url, part, size, sha256)
    part.replace(target)


def size_at(url: str, headers: Mapping[str, str] | None = None) -> int | None:
    """The size of a file at an address; None where the server does not say it.

    Raises:
        UnfetchedError: the host can't be reached, or there is no such file.
    """
    if reason := unreachable(url):
        raise UnfetchedError(f"{url}: {reason}.", HINT)
    asked = {**_PLAIN, **(headers or {})}
    with network_errors_named(url):
        answer = session().head(url, headers=asked, timeout=_PATIENCE_S)
        if answer.status_code in _NO_HEAD:
            with session().stream("GET", url, headers={**asked, "Range": "bytes=0-0"}, timeout=_PATIENCE_S) as answer:
                pass  # only its headers are read
    if answer.status_code >= 400:
        raise UnfetchedError(f"{url}: {_status(answer.status_code)}.", HINT)
    whole = answer.headers.get("Content-Range", "").rpartition("/")[2]
    length = whole or answer.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


@contextmanager
def network_errors_named(url: str) -> Iterator[None]:
    """Turn the errors of HTTP libraries into one that names the address."""
    try:
        with _network_errors():
            yield
    except _BusyError as error:
        raise UnfetchedError(f"{url}: {error}.", HINT) from error


def session() -> Any:
    """The HTTP client of huggingface_hub, which follows redirects; httpx or its successor.

    Raises:
        MissingPackageError: huggingface_hub is not installed.
    """
    try:
        from huggingface_hub import get_session
    except ImportError:
        raise missing_package("huggingface_hub", "Fetching data") from None
    return get_session()


def _continue(
    url: str, part: Path, size: int | None, headers: Mapping[str, str], advance: Callable[[int], None]
) -> None:
    """One try: ask for the bytes that are missing and append them."""
    there = _size_of(part)
    if size is not None and there > size:
        part.unlink()
        there = 0
    if size is not None and there == size and there:
        return
    asked = {**_PLAIN, **headers, **({"Range": f"bytes={there}-"} if there else {})}
    with session().stream("GET", url, headers=asked, timeout=_PATIENCE_S) as answer:
        if answer.status_code == 416:  # the file is shorter than what is there
            advance(-there)
            part.unlink()
            raise _BusyError("its size changed", 0)
        if answer.status_code in _BUSY:
            raise _BusyError(_status(answer.status_code), _retry_after(answer.headers.get("Retry-After", "")))
        if answer.status_code not in (200, 206):
            raise UnfetchedError(f"{url}: {_status(answer.status_code)}.", HINT)
        if there and not _continues(answer, there):  # this server only sends whole files
            advance(-there)
            there = 0
        with part.open("ab" if there else "wb") as file:
            for chunk in answer.iter_bytes():
                file.write(chunk)
                advance(len(chunk))


def _continues(answer: Any, start: int) -> bool:
    """Whether an answer begins at the byte that was requested."""
    span: str = answer.headers.get("Content-Range", "")
    return bool(answer.status_code == 206) and span.startswith(f"bytes {start}-")


def _require_right(url: str, part: Path, size: int | None, sha256: str) -> None:
    """Discard a whole file that is not the expected one."""
    found = _size_of(part)
    wrong = ""
    if size is not None and found != size:
        wrong = f"it has {found} bytes instead of {size}"
    elif sha256 and (digest := hash_file(part)) != sha256:
        wrong = f"its SHA-256 is {digest} instead of {sha256}"
    if wrong:
        part.unlink()
        raise UnfetchedError(
            f"{url} is not the expected file: {wrong}.", "It was discarded; try again, or use a mirror."
        )


@contextmanager
def _network_errors() -> Iterator[None]:
    """Turn the errors of HTTP libraries, which change between versions, into one that asks for another try."""
    try:
        yield
    except (MissingInputError, _BusyError):
        raise
    except Exception as error:
        if type(error).__module__.split(".")[0] not in _HTTP_LIBRARIES and not isinstance(error, ConnectionError):
            raise
        said = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise _BusyError(shortened(said, 160).rstrip(".")) from error


def _pause(url: str, error: _BusyError, failures: int) -> None:
    own = min(_LONGEST_PAUSE_S, 2.0 ** (failures - 1) / 2)
    seconds = own if error.pause is None else min(error.pause, _LONGEST_RETRY_AFTER_S)
    if seconds > _SILENT_PAUSE_S:
        console.note(f"{url}: {error}; next try in {time_of(seconds)}")
    time.sleep(seconds)


def _retry_after(value: str) -> float | None:
    return float(value) if value.strip().isdigit() else None


def _status(code: int) -> str:
    return f"{_STATUS.get(code, 'the server failed' if code >= 500 else 'refused')} (HTTP {code})"


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
