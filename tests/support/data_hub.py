"""As much of the Hugging Face Hub as its client needs to fetch the files of one data set."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from tests.support.local_server import local_server

COMMIT = "c0ffee" + "0" * 34


class DataHub(NamedTuple):
    """A running hub: its address, and the paths it was asked for so far (`GET` only)."""

    address: str
    asked: list[str]


@contextmanager
def data_hub(repository: str, files: Mapping[str, bytes]) -> Iterator[DataHub]:
    """A hub on this machine that knows one data set; `files` by their path in it, the same at every revision."""
    asked: list[str] = []
    handler = type("OneDataSet", (_Handler,), {"repository": repository, "files": files, "asked": asked})
    with local_server(handler) as address:
        yield DataHub(address, asked)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    repository: str
    files: Mapping[str, bytes]
    asked: list[str]

    def do_HEAD(self) -> None:
        self.send_head()

    def do_GET(self) -> None:
        self.asked.append(urlsplit(self.path).path)
        self.wfile.write(self.send_head())

    def send_head(self) -> bytes:
        """Answer with status and headers; the body that belongs to them."""
        content = self.content()
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        return content

    def content(self) -> bytes:
        path = unquote(urlsplit(self.path).path)
        if path.startswith(f"/api/datasets/{self.repository}/revision/"):
            siblings = [{"rfilename": file} for file in self.files]
            return json.dumps({"id": self.repository, "sha": COMMIT, "siblings": siblings}).encode()
        if path.startswith(f"/api/datasets/{self.repository}/tree/"):
            sizes = [(file, len(data)) for file, data in self.files.items()]
            return json.dumps(
                [{"type": "file", "path": file, "size": size, "oid": "0"} for file, size in sizes]
            ).encode()
        place = f"/datasets/{self.repository}/resolve/"
        return self.files.get(path.removeprefix(place).partition("/")[2], b"") if path.startswith(place) else b""

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
