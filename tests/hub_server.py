"""The Hugging Face Hub and GitHub on this machine, as far as their clients fetch data from them.

One server plays both: its address is a Hub (`HF_ENDPOINT`), and below `/github` it has GitHub's paths
(`COMA_GITHUB_ENDPOINT`). Files lie behind a redirect, as at both publishers, and are sent in ranges. What goes wrong on
a real network is asked for by `faults`; every request is recorded.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.local_server import local_server

COMMIT = "c0ffee" + "0" * 34


@dataclass
class HubRepository:
    """A data set: its files by path, the one commit that has them, and the branches that point there."""

    files: dict[str, bytes]
    commit: str = COMMIT
    branches: tuple[str, ...] = ("main",)
    lfs: bool = True


@dataclass
class DataServer:
    """What the server has, what goes wrong, and what it was asked.

    `github` holds files by their path below GitHub (`owner/name/raw/COMMIT/FILE`), `stored` those of Large File
    Storage by their hash. `faults` maps the end of a file's path to what its next requests get, one each: a status
    code, `cut` for the first half of the bytes, or `whole` for a server that ignores ranges. Without `answers_head`,
    the host of the bytes refuses to be asked for a size.
    """

    hub: dict[str, HubRepository] = field(default_factory=dict)
    github: dict[str, bytes] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[int | str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    answers_head: bool = True
    address: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead both clients here."""
        return {"HF_ENDPOINT": self.address, "COMA_GITHUB_ENDPOINT": f"{self.address}/github"}

    def fetched(self) -> list[str]:
        """The names of the files whose bytes were asked for, in order."""
        return [path.rpartition("/")[2] for path in self.asked if path.startswith("GET /cdn/")]


@contextmanager
def data_server(**content: Any) -> Iterator[DataServer]:
    """A server with this content, for the time of a test."""
    server = DataServer(**content)
    handler = type("Handler", (_Handler,), {"data": server})
    with local_server(handler) as server.address:
        yield server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    data: ClassVar[DataServer]

    def do_HEAD(self) -> None:
        self._answer("HEAD")

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        self.data.asked.append(f"{method} {path}")
        self.data.headers.append(dict(self.headers))
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        fault = self._fault(path) if method == "GET" else None
        if method == "HEAD" and path.startswith("/cdn/") and not self.data.answers_head:
            self._send(403, b"")
        elif isinstance(fault, int):
            self._send(fault, b"", {"Retry-After": "0"})
        elif path.startswith("/api/datasets/"):
            self._api(path.removeprefix("/api/datasets/"), parse_qs(parts.query))
        elif path.startswith("/datasets/"):
            self._hub_file(path.removeprefix("/datasets/"))
        elif path.startswith("/cdn/"):
            self._bytes(path.removeprefix("/cdn/"), fault)
        elif path.endswith("/info/lfs/objects/batch"):
            self._stored_at(body)
        elif path.startswith("/github/") and path.removeprefix("/github/") in self.data.github:
            self._send(302, b"", {"Location": f"/cdn{path}"})
        else:
            self._send(404, b"Not Found")

    def _fault(self, path: str) -> int | str | None:
        """What the next request for the bytes of a file gets."""
        waiting = next((faults for end, faults in self.data.faults.items() if faults and path.endswith(end)), None)
        meant = path.startswith(("/cdn/", "/api/"))
        return waiting.pop(0) if waiting and meant else None

    def _repository(self, rest: str, kind: str) -> tuple[HubRepository | None, str]:
        name, _, revision = rest.partition(f"/{kind}/")
        return self.data.hub.get(name), revision

    def _api(self, rest: str, query: Mapping[str, list[str]]) -> None:
        kind = next((k for k in ("revision", "tree", "commits") if f"/{k}/" in rest), "")
        repository, revision = self._repository(rest, kind)
        if repository is None:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif revision not in (repository.commit, *repository.branches):
            self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        elif kind == "revision":
            siblings = [{"rfilename": name} for name in repository.files]
            self._json({"id": rest.partition("/revision/")[0], "sha": repository.commit, "siblings": siblings})
        elif kind == "commits":
            self._json(
                [
                    {
                        "id": repository.commit,
                        "authors": [],
                        "date": "2024-01-24T00:00:00.000Z",
                        "title": "x",
                        "message": "",
                    }
                ]
            )
        else:
            self._json([_entry(name, content, lfs=repository.lfs) for name, content in repository.files.items()])

    def _hub_file(self, rest: str) -> None:
        repository, revision = self._repository(rest, "resolve")
        commit, _, name = revision.partition("/")
        if repository is None or commit != repository.commit or name not in repository.files:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
        else:
            place = f"/cdn/datasets/{rest}"
            self._send(302, b"", {"Location": place, "X-Repo-Commit": commit, "ETag": '"0"'})

    def _bytes(self, path: str, fault: int | str | None) -> None:
        content = self._content(path)
        if content is None:
            return self._send(404, b"")
        span = re.fullmatch(r"bytes=(\d+)-(?:0)?", self.headers.get("Range", "")) if fault != "whole" else None
        start = int(span[1]) if span else 0
        if span and start >= len(content):
            return self._send(416, b"")
        rest = content[start:]
        headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if span else {}
        self.data.sent[path.rpartition("/")[2]] = len(rest)
        return self._send(206 if span else 200, rest, headers, cut=fault == "cut")

    def _content(self, path: str) -> bytes | None:
        kind, _, rest = path.partition("/")
        if kind == "github":
            return self.data.github.get(rest)
        if kind == "stored":
            return self.data.stored.get(rest)
        repository, revision = self._repository(rest, "resolve")
        return None if repository is None else repository.files.get(revision.partition("/")[2])

    def _stored_at(self, body: Any) -> None:
        (wanted,) = body["objects"]
        if wanted["oid"] not in self.data.stored:
            reason = {"code": 403, "message": "This repository exceeded its LFS budget."}
            self._json({"objects": [{**wanted, "error": reason}]})
        else:
            action = {"href": f"{self.data.address}/cdn/stored/{wanted['oid']}", "header": {"X-Key": "k"}}
            self._json({"objects": [{**wanted, "actions": {"download": action}}]})

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None, *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        if cut:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _entry(name: str, content: bytes, *, lfs: bool) -> dict[str, Any]:
    """A file in a repository's tree; a large one has the hash of its content."""
    entry: dict[str, Any] = {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
    if lfs:
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return entry


def pointer_to(content: bytes) -> bytes:
    """The pointer that stands for a file in Large File Storage."""
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n".encode()
