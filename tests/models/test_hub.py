import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

from coma_cli.models.hub import weight_count
from tests.requirements import package
from tests.support.local_server import local_server

ANSWERS = {
    "/api/models/someone/safe": (
        200,
        {"id": "someone/safe", "sha": "c0ffee", "siblings": [{"rfilename": "a.safetensors"}]},
    ),
    "/api/models/someone/pickled": (
        200,
        {"id": "someone/pickled", "sha": "bad", "siblings": [{"rfilename": "pytorch_model-1.bin"}]},
    ),
    "/api/models/someone/safe/revision/v2": (200, {"id": "someone/safe", "sha": "decaf", "siblings": []}),
}


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub's protocol as answers which commit a name stands for."""

    def do_GET(self) -> None:
        status, body = ANSWERS.get(self.path.partition("?")[0], (404, {"error": "Repository not found"}))
        content = json.dumps(body).encode()
        self.send_response(status)
        if status == 404:
            self.send_header("X-Error-Code", "RevisionNotFound" if "revision" in self.path else "RepoNotFound")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


def resolved_elsewhere(calls: str, **environment: str) -> list[dict]:
    """What `resolve_base` gives in a process of its own: huggingface_hub reads its environment once."""
    program = (
        "import json\nfrom coma_cli.models.resolution import resolve_base\nout = []\n"
        f"for name, revision in {calls}:\n"
        "    r = resolve_base(name, revision=revision)\n"
        "    out.append({'kind': r.kind, 'revision': r.revision, 'sha': r.content_sha256,"
        " 'blocker': r.blocker and r.blocker.message})\n"
        "print(json.dumps(out))\n"
    )
    environment = {**os.environ, **environment}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_hub_resolves_a_name_to_a_commit(tmp_path):
    package("huggingface_hub", "train")
    calls = [("someone/safe", None), ("someone/safe", "v2"), ("someone/pickled", None), ("someone/gone", None)]
    calls += [("someone/safe", "v3"), ("qwen-7b", None)]
    with local_server(Hub) as endpoint:
        safe, tagged, pickled, gone, no_tag, qwen = resolved_elsewhere(
            repr(calls), HF_ENDPOINT=endpoint, HF_HOME=str(tmp_path)
        )
    assert (safe["kind"], safe["revision"], safe["blocker"]) == ("hub", "c0ffee", None)
    assert (tagged["revision"], tagged["blocker"]) == ("decaf", None)
    assert safe["sha"] != tagged["sha"]
    assert "pickled" in pickled["blocker"]
    assert "no model someone/gone" in gone["blocker"]
    assert "no revision v3" in no_tag["blocker"]
    assert qwen["blocker"] is not None


def test_an_unreachable_hub_and_offline_mode_are_blockers(tmp_path):
    package("huggingface_hub", "train")
    calls = repr([("someone/safe", None)])
    (dead,) = resolved_elsewhere(calls, HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path))
    assert "can't be reached" in dead["blocker"]
    (offline,) = resolved_elsewhere(calls, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    assert "can't be reached" in offline["blocker"]


def test_a_model_in_the_cache_needs_no_hub(tmp_path):
    package("huggingface_hub", "train")
    model = tmp_path / "hub" / "models--someone--kept"
    snapshot = model / "snapshots" / "abc123"
    snapshot.mkdir(parents=True)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("abc123")
    (snapshot / "config.json").write_text("{}")
    arguments = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    calls = repr([("someone/kept", None)])
    assert resolved_elsewhere(calls, **arguments)[0]["blocker"] is not None
    (snapshot / "model.safetensors").write_bytes(b"x")
    (kept,) = resolved_elsewhere(calls, **arguments)
    assert (kept["revision"], kept["blocker"]) == ("abc123", None)


def test_weights_are_counted_from_headers_on_the_hub_and_in_the_cache(tmp_path, monkeypatch):
    """A model that the catalogue does not know must not count as 0 bytes."""
    import huggingface_hub

    from tests.requirements import package

    package("torch", "train")
    import torch
    from safetensors.torch import save_file

    class Metadata:
        parameter_count: ClassVar = {"BF16": 7_000_000_000, "F32": 5}

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *arguments, **options: None)
    monkeypatch.setattr(huggingface_hub.HfApi, "get_safetensors_metadata", lambda *arguments, **options: Metadata)
    assert weight_count("some/model", None) == 7_000_000_005

    def unreachable(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub.HfApi, "get_safetensors_metadata", unreachable)
    assert weight_count("some/model", None) is None
    (tmp_path / "config.json").write_text("{}")
    for number in range(2):
        save_file({"weight": torch.zeros(3, 5)}, tmp_path / f"model-{number}.safetensors")
    path = str(tmp_path / "config.json")
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *arguments, **options: path)
    assert weight_count("some/model", "main") == 30
