import hashlib
import signal
import socket
import subprocess
import sys
import time

import pytest

from coma_cli.formats.fetching import web
from coma_cli.formats.fetching.web import UnfetchedError, download, size_at, unreachable
from tests.hub_server import data_server

CONTENT = bytes(range(256)) * 40
PLACE = "o/r/raw/c/a.bin"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with data_server(github={PLACE: CONTENT}) as server:
        yield server


def url_of(server):
    return f"{server.environment['COMA_GITHUB_ENDPOINT']}/{PLACE}"


def test_a_file_is_fetched_whole_and_every_byte_is_counted_once(server, tmp_path):
    counted = []
    download(url_of(server), tmp_path / "deep" / "a.bin", size=len(CONTENT), advance=counted.append)
    assert (tmp_path / "deep" / "a.bin").read_bytes() == CONTENT
    assert sum(counted) == len(CONTENT)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.bin"]


@pytest.mark.parametrize("faults", [[500], [429, 503], ["cut"], ["cut", 502, "cut"]])
def test_a_server_that_is_busy_or_cuts_off_is_asked_again_for_the_rest(server, tmp_path, faults):
    counted = []
    server.faults["a.bin"] = list(faults)
    download(url_of(server), tmp_path / "a.bin", size=len(CONTENT), advance=counted.append)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert sum(counted) == len(CONTENT)
    assert server.faults["a.bin"] == []
    if "cut" in faults:
        assert server.sent["a.bin"] < len(CONTENT), "only the rest is asked for"


def test_the_partial_file_of_an_earlier_start_is_continued(server, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:7000])
    download(url_of(server), tmp_path / "a.bin", sha256=hashlib.sha256(CONTENT).hexdigest())
    assert server.sent["a.bin"] == len(CONTENT) - 7000
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("there", [CONTENT, CONTENT + b"x"])
def test_a_partial_file_that_is_whole_or_too_long_gives_the_file(server, tmp_path, there):
    (tmp_path / "a.bin.part").write_bytes(there)
    download(url_of(server), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    (tmp_path / "b.bin.part").write_bytes(there)
    download(url_of(server), tmp_path / "b.bin", size=len(CONTENT))
    assert (tmp_path / "b.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_the_file_again(server, tmp_path):
    counted = []
    (tmp_path / "a.bin.part").write_bytes(b"other bytes of an earlier start")
    server.faults["a.bin"] = ["whole"]
    download(url_of(server), tmp_path / "a.bin", advance=counted.append)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert sum(counted) == len(CONTENT) - len(b"other bytes of an earlier start")


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"sha256": "0" * 64}, "its SHA-256 is .* instead of 0000"),
        ({"size": len(CONTENT) - 1}, "bytes instead of"),
        ({"size": len(CONTENT) + 1}, "it has 10240 bytes instead of 10241"),
    ],
)
def test_another_file_than_the_expected_one_is_an_error(server, tmp_path, expected, said):
    with pytest.raises(UnfetchedError, match=said):
        download(url_of(server), tmp_path / "a.bin", **expected)
    assert not (tmp_path / "a.bin").exists()


@pytest.mark.parametrize(("status", "said"), [(404, "not found"), (403, "access denied"), (400, "refused")])
def test_what_is_not_there_is_asked_for_once(server, tmp_path, status, said):
    server.faults["a.bin"] = [status]
    with pytest.raises(UnfetchedError, match=rf"a\.bin: {said} \(HTTP {status}\)"):
        download(url_of(server), tmp_path / "a.bin")
    assert len(server.fetched()) == 1


def test_a_server_that_stays_busy_is_given_up(server, tmp_path):
    server.faults["a.bin"] = [503] * 50
    with pytest.raises(UnfetchedError, match=r"the server failed \(HTTP 503\)"):
        download(url_of(server), tmp_path / "a.bin")
    assert len(server.fetched()) == 5


def test_the_size_is_asked_for_without_the_file(server):
    assert size_at(url_of(server)) == len(CONTENT)
    assert server.fetched() == []
    server.answers_head = False
    assert size_at(url_of(server)) == len(CONTENT)
    with pytest.raises(UnfetchedError, match="not found"):
        size_at(f"{server.address}/github/o/r/raw/c/b.bin")


def test_a_host_that_can_not_be_reached_is_named_at_once(tmp_path, monkeypatch):
    began = time.monotonic()
    with pytest.raises(UnfetchedError, match=r"127\.0\.0\.1 can't be reached \(connection refused\)"):
        download("http://127.0.0.1:9/a", tmp_path / "a")

    def unresolved(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert unreachable("https://hub.example/x") == "the name hub.example can't be resolved"
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert unreachable("https://hub.example/x") is None, "the proxy resolves it"
    assert time.monotonic() - began < 20


def test_a_proxy_is_used(server, tmp_path, monkeypatch):
    """The server plays the proxy: it is asked for addresses of a host that does not exist."""
    from huggingface_hub import close_session

    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, server.address)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    close_session()  # it reads these variables once
    try:
        download(f"http://data.example/github/{PLACE}", tmp_path / "a.bin")
    finally:
        close_session()
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.headers[-1]["Host"] == "data.example"


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_mode_asks_nobody(server, tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    with pytest.raises(UnfetchedError, match="offline mode is on"):
        download(url_of(server), tmp_path / "a.bin")
    assert server.asked == []
    monkeypatch.setenv(variable, "0")
    assert not web.is_offline()


KILLED = """
import sys, time
from pathlib import Path
from coma_cli.formats.fetching.web import download
def slow(count):
    print(count, flush=True)
    time.sleep(60)
download(sys.argv[1], Path(sys.argv[2]), advance=slow)
"""


def test_after_a_kill_only_the_rest_is_fetched(tmp_path):
    large = b"0123456789abcdef" * 200_000
    with data_server(github={PLACE: large}) as server:
        target = tmp_path / "a.bin"
        arguments = [sys.executable, "-c", KILLED, url_of(server), str(target)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        kept = target.with_name("a.bin.part").stat().st_size
        assert 0 < kept < len(large)
        download(url_of(server), target)
        assert target.read_bytes() == large
        assert server.sent["a.bin"] == len(large) - kept
