import http.server
import socket
import time

import pytest

from coma_cli.workbench.checkup.network import HubQuestion, diagnose_keys
from tests.support.local_server import local_server

SECRET = "sk-Zq7xW3vT9pLmN2"


class Hub(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_HEAD(self):
        assert "Authorization" not in self.headers
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_):
        pass


class ClosedHub(Hub):
    status = 401


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HOME", "HF_TOKEN_PATH", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def asked(longest_s=5.0):
    return HubQuestion(longest_s).start().read()


@pytest.mark.parametrize("handler", [Hub, ClosedHub])
def test_a_hub_that_answers_is_reached_whatever_it_says(monkeypatch, handler):
    with local_server(handler) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        found = asked()
    assert (found.severity, found.found) == ("ok", f"{address.removeprefix('http://')} answers")
    assert found.data["reached"] is True


def test_a_hub_that_does_not_answer_is_told_in_time_and_no_error(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
        began = time.monotonic()
        found = asked(0.3)
        assert time.monotonic() - began < 2
    assert found.severity == "note"
    assert found.found.startswith(f"127.0.0.1:{port} can't be reached (")
    assert found.fix == "export HF_ENDPOINT=https://MIRROR"
    assert asked().found.startswith(f"127.0.0.1:{port} can't be reached (connection refused)")


@pytest.mark.parametrize("endpoint", [f"http://me:{SECRET}@127.0.0.1:1", f"ftp://{SECRET}@host", f"http://a:{SECRET}"])
def test_a_password_in_the_address_is_not_told(monkeypatch, endpoint, capfd):
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    found = asked()
    assert found.severity == "note"
    assert SECRET not in str(found)
    assert SECRET.lower() not in str(found) + capfd.readouterr().err


def test_offline_mode_asks_nobody(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = asked()
    assert (found.severity, found.data) == ("note", {"reached": False})
    assert "offline mode is on" in found.found


def keys_of(environment):
    return {one.name: (one.severity, one.found) for one in diagnose_keys(environment)}


def test_keys_are_only_said_to_be_set(monkeypatch):
    names = ("OPENAI_API_KEY", "OPENAI_ORG", "HF_TOKEN", "WANDB_API_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    assert keys_of(dict.fromkeys(names, SECRET)) == dict.fromkeys(names, ("ok", "set"))
    shown = str(list(diagnose_keys(dict.fromkeys(names, SECRET))))
    assert not [part for part in (SECRET[start : start + 4] for start in range(len(SECRET) - 3)) if part in shown]


def test_keys_that_are_absent_empty_or_broken(monkeypatch, tmp_path):
    home = {"HF_HOME": str(tmp_path)}
    found = keys_of(home)
    assert {name: severity for name, (severity, _) in found.items()} == {"OPENAI_API_KEY": "note", "HF_TOKEN": "note"}
    assert keys_of({**home, "HF_TOKEN": " "})["HF_TOKEN"] == ("warning", "set, and empty")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-two words")
    (broken,) = (one for one in diagnose_keys({**home, "OPENAI_API_KEY": "sk-two words"}) if "OPENAI" in one.name)
    assert broken.severity == "warning"
    assert "words" not in str(broken)


def test_a_token_that_the_client_of_the_hub_keeps_counts(tmp_path):
    (tmp_path / "token").write_text(SECRET)
    assert keys_of({"HF_HOME": str(tmp_path)})["HF_TOKEN"] == ("ok", "stored by hf auth login")
    assert keys_of({"HF_TOKEN_PATH": str(tmp_path / "token")})["HF_TOKEN"][0] == "ok"
    (tmp_path / "token").write_text("")
    assert keys_of({"HF_HOME": str(tmp_path)})["HF_TOKEN"][0] == "note"
