"""A Hugging Face Hub on this machine that takes uploads: its protocol over a socket, without Xet.

It knows tokens and what they may do, creates repositories, tells which files go through LFS (binary ones, and those of
`lfs_from` bytes or more), takes LFS objects in one part or several, checks hashes and sizes, makes commits on top of
the parent that is named, and gives everything back: lists, trees, files at any commit. `Fault`s come in between.

Sources: the requests of huggingface_hub itself; git-lfs, docs/api/batch.md; the Hub's documented endpoints.
"""

import base64
import hashlib
import json
import math
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import yaml

from tests.hub_repositories import Account, Blob, Commit, Fault, Repository
from tests.requirements import package
from tests.support.local_server import local_server
from tests.support.reader_rules import card_faults

PART_BYTES = 1 << 16  # of an LFS object that comes in several parts


@dataclass
class UploadHub:
    """The state of the server, and what it was asked for."""

    accounts: dict[str, Account] = field(default_factory=lambda: {"hf_writer": Account("ada", ("lab",))})
    lfs_from: int = 1 << 20
    multipart_from: int = 1 << 40
    faults: list[Fault] = field(default_factory=list)
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)  # LFS, by SHA-256
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    address: str = ""
    lock: Any = field(default_factory=threading.RLock)

    def add(self, name: str, files: Mapping[str, bytes], *, kind: str = "dataset", private: bool = False) -> Repository:
        """A repository that is there already."""
        made = Repository(name, kind, private)
        made.add_commit("initial commit", {path: Blob(content, lfs=False) for path, content in files.items()})
        self.repositories[kind, name] = made
        return made

    def count(self, request: str) -> int:
        """How many requests so far matched `METHOD /path` (a regular expression)."""
        return sum(re.search(request, made) is not None for made in self.requests)


@contextmanager
def upload_hub(**options: Any) -> Iterator[UploadHub]:
    """A running hub; `options` are the fields of `UploadHub`."""
    hub = UploadHub(**options)
    handler = type("OneHub", (_Handler,), {"hub": hub})
    with local_server(handler) as address:
        hub.address = address
        yield hub


@contextmanager
def hub_in_use(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[UploadHub]:
    """A running hub that this process takes for the Hugging Face Hub, with a token that can write and without Xet."""
    package("huggingface_hub")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # what a test had set when it imported the client first
    with upload_hub(**options) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_TOKEN", next(iter(hub.accounts)))
        yield hub


class _RefusedError(Exception):
    def __init__(self, status: int, message: str, code: str = "", body: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code
        self.body = {"error": message} if body is None else body


class _CutError(Exception):
    pass


_KINDS = r"(?P<kind>model|dataset|space)s"
_NAME = r"(?P<name>[\w.-]+/[\w.-]+)"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: UploadHub

    def do_GET(self) -> None:
        self.serve()

    def do_HEAD(self) -> None:
        self.serve()

    def do_POST(self) -> None:
        self.serve()

    def do_PUT(self) -> None:
        self.serve()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def serve(self) -> None:
        parts = urlsplit(self.path)
        request = f"{self.command} {unquote(parts.path)}"
        with self.hub.lock:
            self.hub.requests.append(request)
            fault = next((fault for fault in self.hub.faults if fault.hits(request)), None)
        try:
            if fault is not None and fault.status is None and not fault.once_done:
                self.rfile.read(min(fault.after, int(self.headers.get("Content-Length") or 0)))
                raise _CutError
            body = self.body()
            if fault is not None and fault.status is not None:
                raise _RefusedError(fault.status, "the server is in trouble")
            with self.hub.lock:
                answer = self.answer(request, {key: values[-1] for key, values in parse_qs(parts.query).items()}, body)
            if fault is not None:
                raise _CutError
            self.send(200, *answer)
        except _RefusedError as refused:
            headers = {"X-Error-Message": refused.message} | ({"X-Error-Code": refused.code} if refused.code else {})
            self.send(refused.status, json.dumps(refused.body).encode(), headers)
        except _CutError:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer(self, request: str, query: Mapping[str, str], body: bytes) -> tuple[bytes, Mapping[str, str]]:
        for pattern, method in _ROUTES:
            if found := re.fullmatch(pattern, request):
                made = method(self, found.groupdict(), query, body)
                return made if isinstance(made, tuple) else (json.dumps(made).encode(), {})
        raise _RefusedError(404, f"no such page: {request}")

    # --- who asks, and for what ---

    @property
    def account(self) -> Account | None:
        """Who asks; None without a token."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            return None
        if token not in self.hub.accounts:
            raise _RefusedError(401, "Invalid credentials in Authorization header")
        return self.hub.accounts[token]

    def repository(self, wanted: Mapping[str, str | None], *, write: bool = False) -> Repository:
        kind, name = wanted.get("kind") or "model", str(wanted["name"])
        found, account = self.hub.repositories.get((kind, name)), self.account
        owner = account is not None and account.owns(name.split("/")[0])
        if found is None or (found.private and not owner):
            raise _RefusedError(404 if account else 401, "Repository not found", "RepoNotFound")
        if write and (not owner or account is None or account.role == "read"):
            raise _RefusedError(403, f"Forbidden: you may not write to {name}")
        return found

    def commit_of(self, wanted: Mapping[str, str | None]) -> tuple[Repository, Commit]:
        repository = self.repository(wanted)
        commit = repository.at(unquote(wanted.get("revision") or "main"))
        if commit is None:
            raise _RefusedError(404, "Invalid rev id", "RevisionNotFound")
        return repository, commit

    # --- the pages ---

    def whoami(self, *_: Any) -> Any:
        account = self.account
        if account is None:
            raise _RefusedError(401, "Invalid username or password.")
        token = {"type": "access_token", "accessToken": {"displayName": "test", "role": account.role}}
        return {
            "type": "user",
            "name": account.name,
            "orgs": [{"name": o} for o in account.organizations],
            "auth": token,
        }

    def create(self, _wanted: Any, _query: Any, body: bytes) -> Any:
        asked, account = json.loads(body), self.account
        if account is None:
            raise _RefusedError(401, "Invalid username or password.")
        name = f"{asked.get('organization') or account.name}/{asked['name']}"
        kind = asked.get("type") or "model"
        if not account.owns(name.split("/")[0]) or account.role == "read":
            raise _RefusedError(403, f"You don't have the rights to create a {kind} under the namespace of {name}")
        if (kind, name) in self.hub.repositories:
            raise _RefusedError(409, f"You already created this {kind} repo: {name}")
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self.hub.add(name, {".gitattributes": b"*.parquet filter=lfs\n"}, kind=kind, private=private)
        return {"url": f"{self.hub.address}/{'' if kind == 'model' else kind + 's/'}{name}", "name": name, "id": "0"}

    def info(self, wanted: Any, query: Mapping[str, str], _body: bytes) -> Any:
        repository, commit = self.commit_of(wanted)
        siblings = []
        for path, blob in sorted(commit.files.items()):
            entry: dict[str, Any] = {"rfilename": path}
            if query.get("blobs"):
                entry |= {"size": len(blob.content), "blobId": blob.git_id}
                if blob.lfs:
                    entry["lfs"] = {"sha256": blob.sha256, "size": len(blob.content), "pointerSize": 130}
            siblings.append(entry)
        facts = {"id": repository.name, "sha": commit.id, "private": repository.private, "gated": False}
        return {**facts, "disabled": False, "tags": [], "siblings": siblings}

    def validate(self, _wanted: Any, _query: Any, body: bytes) -> Any:
        content = json.loads(body)["content"]
        found = re.match(r"\A---\r?\n(.*?)\r?\n---\r?\n", content, re.DOTALL)
        if found is None:
            return {"warnings": [{"message": "empty or missing yaml metadata in repo card"}], "errors": []}
        faults = card_faults(yaml.safe_load(found[1]))
        if faults:
            errors = {"errors": [{"message": fault} for fault in faults], "warnings": []}
            raise _RefusedError(400, "invalid metadata", body=errors)
        return {"errors": [], "warnings": []}

    def preupload(self, wanted: Any, _query: Any, body: bytes) -> Any:
        repository = self.repository(wanted, write=True)
        files = []
        for file in json.loads(body)["files"]:
            binary = b"\0" in base64.b64decode(file["sample"])
            mode = "lfs" if binary or file["size"] >= self.hub.lfs_from else "regular"
            there = repository.head.files.get(file["path"])
            oid = None if there is None else there.sha256 if there.lfs else there.git_id
            files.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return {"files": files}

    def batch(self, wanted: Any, _query: Any, body: bytes) -> Any:
        self.repository({**wanted, "kind": (wanted["prefix"] or "models/").removesuffix("s/")}, write=True)
        asked = json.loads(body)
        assert asked["operation"] == "upload" and asked["hash_algo"] == "sha256"
        assert "basic" in asked["transfers"]
        return {"transfer": "basic", "objects": [self.lfs_actions(entry) for entry in asked["objects"]]}

    def lfs_actions(self, entry: Mapping[str, Any]) -> Any:
        oid, size = entry["oid"], entry["size"]
        if oid in self.hub.objects:
            return {"oid": oid, "size": size}
        place = f"{self.hub.address}/lfs/{oid}"
        upload: dict[str, Any] = {"href": f"{place}/{size}"}
        if size >= self.hub.multipart_from:
            count = math.ceil(size / PART_BYTES)
            header = {str(n): f"{place}/part/{n}" for n in range(1, count + 1)}
            upload = {"href": f"{place}/complete", "header": {"chunk_size": str(PART_BYTES), **header}}
        return {"oid": oid, "size": size, "actions": {"upload": upload, "verify": {"href": f"{place}/verify"}}}

    def put_object(self, wanted: Any, _query: Any, body: bytes) -> Any:
        if hashlib.sha256(body).hexdigest() != wanted["oid"] or len(body) != int(wanted["size"]):
            raise _RefusedError(400, "the content has another hash or size")
        self.hub.objects[wanted["oid"]] = body
        return b"", {}

    def put_part(self, wanted: Any, _query: Any, body: bytes) -> Any:
        self.hub.parts.setdefault(wanted["oid"], {})[int(wanted["part"])] = body
        return b"", {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}

    def complete(self, wanted: Any, _query: Any, body: bytes) -> Any:
        asked, there = json.loads(body), self.hub.parts.pop(wanted["oid"], {})
        numbers = [part["partNumber"] for part in asked["parts"]]
        etags = [f'"{hashlib.md5(there[number]).hexdigest()}"' for number in numbers if number in there]
        if [part["etag"] for part in asked["parts"]] != etags or numbers != sorted(there):
            raise _RefusedError(400, "parts are missing")
        whole = b"".join(there[number] for number in numbers)
        if hashlib.sha256(whole).hexdigest() != wanted["oid"]:
            raise _RefusedError(400, "the content has another hash")
        self.hub.objects[wanted["oid"]] = whole
        return {"success": True}

    def verify(self, wanted: Any, _query: Any, body: bytes) -> Any:
        if len(self.hub.objects.get(wanted["oid"], b"")) != json.loads(body)["size"]:
            raise _RefusedError(404, "there is no such object")
        return {"success": True}

    def commit(self, wanted: Any, _query: Any, body: bytes) -> Any:
        repository = self.repository(wanted, write=True)
        header, *operations = (json.loads(line) for line in body.splitlines())
        assert header["key"] == "header"
        parent = header["value"].get("parentCommit")
        if parent is not None and parent != repository.head.id:
            raise _RefusedError(412, "A commit has happened since. Please refresh and try again.")
        files = dict(repository.head.files)
        for operation in operations:
            self.apply(operation["key"], operation["value"], files)
        made = repository.add_commit(header["value"]["summary"], files)
        url = f"{self.hub.address}/{repository.kind}s/{repository.name}/commit/{made.id}"
        return {"success": True, "commitOid": made.id, "commitUrl": url, "hookOutput": ""}

    def apply(self, key: str, value: Mapping[str, Any], files: dict[str, Blob]) -> None:
        path = value["path"]
        match key:
            case "file":
                files[path] = Blob(base64.b64decode(value["content"]), lfs=False)
            case "lfsFile" if value["oid"] in self.hub.objects:
                files[path] = Blob(self.hub.objects[value["oid"]], lfs=True)
            case "deletedFile" if path in files:
                del files[path]
            case "deletedFolder":
                for name in [name for name in files if name.startswith(f"{path.rstrip('/')}/")]:
                    del files[name]
            case _:
                raise _RefusedError(400, f"{key} of {path} can't be done")

    def tree(self, wanted: Any, query: Mapping[str, str], _body: bytes) -> Any:
        _, commit = self.commit_of(wanted)
        folder = f"{wanted['path'].strip('/')}/" if wanted.get("path") else ""
        below = {path: blob for path, blob in commit.files.items() if path.startswith(folder)}
        if not below:
            raise _RefusedError(404, "no such folder", "EntryNotFound")
        recursive = query.get("recursive", "").lower() in ("true", "1")
        entries, folders = [], set()
        for path, blob in sorted(below.items()):
            rest = path.removeprefix(folder).split("/")
            folders |= {folder + "/".join(rest[:n]) for n in range(1, len(rest) if recursive else min(2, len(rest)))}
            if recursive or len(rest) == 1:
                entries.append(blob.described(path))
        return [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in sorted(folders)] + entries

    def paths_info(self, wanted: Any, _query: Any, body: bytes) -> Any:
        _, commit = self.commit_of(wanted)
        text = body.decode()
        asked = json.loads(text)["paths"] if text.startswith("{") else parse_qs(text).get("paths", [])
        found: list[Any] = []
        for path in asked:
            if path in commit.files:
                found.append(commit.files[path].described(path))
            elif any(name.startswith(f"{path}/") for name in commit.files):
                found.append({"type": "directory", "path": path, "oid": "0" * 40, "size": 0})
        return found

    def resolve(self, wanted: Any, _query: Any, _body: bytes) -> Any:
        kind = (wanted["prefix"] or "models/").removesuffix("s/")
        _, commit = self.commit_of({**wanted, "kind": kind})
        blob = commit.files.get(wanted["path"])
        if blob is None:
            raise _RefusedError(404, "Entry not found", "EntryNotFound")
        etag = blob.sha256 if blob.lfs else blob.git_id
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": commit.id, "Content-Type": "application/octet-stream"}
        return blob.content, headers


Page = Callable[[_Handler, Any, Any, bytes], Any]
_REVISION = r"(?P<revision>refs/convert/parquet|[^/]+)"
_PREFIX = r"(?P<prefix>datasets/|spaces/)?"
_ROUTES: tuple[tuple[str, Page], ...] = (
    (r"GET /api/whoami-v2", _Handler.whoami),
    (r"POST /api/repos/create", _Handler.create),
    (r"POST /api/validate-yaml", _Handler.validate),
    (rf"GET /api/{_KINDS}/{_NAME}", _Handler.info),
    (rf"GET /api/{_KINDS}/{_NAME}/revision/{_REVISION}", _Handler.info),
    (rf"POST /api/{_KINDS}/{_NAME}/preupload/{_REVISION}", _Handler.preupload),
    (rf"POST /api/{_KINDS}/{_NAME}/commit/{_REVISION}", _Handler.commit),
    (rf"GET /api/{_KINDS}/{_NAME}/tree/{_REVISION}(?:/(?P<path>.*))?", _Handler.tree),
    (rf"POST /api/{_KINDS}/{_NAME}/paths-info/{_REVISION}", _Handler.paths_info),
    (rf"POST /{_PREFIX}{_NAME}\.git/info/lfs/objects/batch", _Handler.batch),
    (r"PUT /lfs/(?P<oid>\w+)/part/(?P<part>\d+)", _Handler.put_part),
    (r"PUT /lfs/(?P<oid>\w+)/(?P<size>\d+)", _Handler.put_object),
    (r"POST /lfs/(?P<oid>\w+)/complete", _Handler.complete),
    (r"POST /lfs/(?P<oid>\w+)/verify", _Handler.verify),
    (rf"(?:GET|HEAD) /{_PREFIX}{_NAME}/resolve/{_REVISION}/(?P<path>.+)", _Handler.resolve),
)
