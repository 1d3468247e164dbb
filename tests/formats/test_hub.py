"""`--sources hub` from a hub on this machine: data files come once, scripts never, and then from the cache."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pytest

from coma_cli.catalog.sources import SOURCES
from tests.catalog.sources.forms import put_parquet
from tests.requirements import package

NAME = "codexglue_code_translation"
REPOSITORY = "google/code_x_glue_cc_code_to_code_trans"
COMMIT = "c0ffee" + "0" * 34
COLUMNS = {"id": "int32", "java": "string", "cs": "string"}
ROWS = [
    {
        "id": n,
        "java": f"public int {word}(int a) {{return {word}er(a, {n});}}",
        "cs": f"public int {word.title()}(int a){{return {word.title()}er(a, {n});}}",
    }
    for n, word in enumerate(f"{a}{b}" for a in ("turn", "lift", "paint", "wash") for b in ("Wall", "Door", "Roof"))
]


class Hub(BaseHTTPRequestHandler):
    """Knows one repository: its list of files, and each of them."""

    protocol_version = "HTTP/1.1"
    files: dict[str, bytes]
    asked: list[str]

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.asked.append(urlsplit(self.path).path)
        self.wfile.write(self.answer())

    def answer(self):
        path = unquote(urlsplit(self.path).path)
        name = path.removeprefix(f"/datasets/{REPOSITORY}/resolve/").partition("/")[2]
        if path.startswith(f"/api/datasets/{REPOSITORY}/revision/"):
            siblings = [{"rfilename": file} for file in self.files]
            content = json.dumps({"id": REPOSITORY, "sha": COMMIT, "siblings": siblings}).encode()
        elif path.startswith(f"/api/datasets/{REPOSITORY}/tree/"):
            found = self.files.items()
            content = json.dumps(
                [{"type": "file", "path": file, "size": len(data), "oid": "0"} for file, data in found]
            ).encode()
        else:
            content = self.files.get(name, b"")
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        return content

    def log_message(self, *_):
        return


@pytest.fixture
def hub(tmp_path):
    package("huggingface_hub", "train")
    data = put_parquet(tmp_path / "train.parquet", ROWS, COLUMNS).read_bytes()
    files = {"README.md": b"#", "code_x_glue.py": b"raise SystemExit", "data/train-00000-of-00001.parquet": data}
    handler = type("OneRepository", (Hub,), {"files": files, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", handler.asked
    server.shutdown()
    thread.join()
    server.server_close()


def coma(root, **environment):
    arguments = ["build-data", "--tasks", "code-translation", "--sources", "hub", "--decontaminate", "off", "--json"]
    return subprocess.run(
        [sys.executable, "-m", "coma_cli", *arguments, "-w", str(root), "--workers", "1"],
        env={**os.environ, "HF_HOME": str(root.parent / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1", **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_a_source_comes_from_the_hub_once_and_then_from_its_cache(tmp_path, hub):
    address, asked = hub
    first = coma(tmp_path / "w", HF_ENDPOINT=address)
    assert first.returncode == 0, first.stderr
    summary = json.loads(first.stdout)
    assert sum(summary["sources"][NAME].values()) == len(ROWS) and summary["read"][0]["splits"] == "train"
    fetched = [path.rpartition("/")[2] for path in asked if "/resolve/" in path]
    assert fetched == ["train-00000-of-00001.parquet"]
    again = coma(tmp_path / "again", HF_HUB_OFFLINE="1")
    assert json.loads(again.stdout)["rows"] == summary["rows"]
    assert SOURCES[NAME].hub.repository == REPOSITORY
