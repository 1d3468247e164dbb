"""Sending: proxies of the environment, answers that do not end, and what is sent as it is."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from coma_cli.engines import openai_transport as module
from coma_cli.engines.chat import Connection
from coma_cli.engines.interface import Decoding, GenerationRequest
from coma_cli.engines.openai_engine import OpenAIEngine
from coma_cli.engines.openai_transport import encode_call, proxy_of
from tests.chat_server import serving


@contextmanager
def speaking(script: Callable[[socket.socket, bytes], None]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that hands each connection, once its request has arrived, to a script; its URL and the requests."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def one(connection: socket.socket) -> None:
        with connection:
            data = b""
            while b"\r\n\r\n" not in data or len(data.partition(b"\r\n\r\n")[2]) < length_of(data):
                part = connection.recv(1 << 16)
                if not part:
                    return
                data += part
            seen.append(data)
            with suppress(OSError):
                script(connection, data)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def length_of(data: bytes) -> int:
    found = data.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return int(found or 0)


CHUNK = {"choices": [{"delta": {"content": "hello"}, "finish_reason": "stop"}], "usage": {"completion_tokens": 1}}
WHOLE = json.dumps({"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}).encode()


def ask(url: str, **changes):
    connection = Connection(**{"base_url": url, "attempts": 1, "first_wait_s": 0.01, "timeout_s": 5, **changes})
    (response,) = OpenAIEngine("m", connection).generate([GenerationRequest("k", Decoding(), 1, instruction="q")])
    return response


def replying(body: bytes):
    def script(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    return script


def test_a_proxy_of_the_environment_is_used_with_its_password(monkeypatch):
    with speaking(replying(WHOLE)) as (proxy, seen):
        monkeypatch.setenv("HTTP_PROXY", proxy.replace("//", "//me:se%20cret@"))
        monkeypatch.setenv("http_proxy", proxy.replace("//", "//me:se%20cret@"))
        assert ask("http://chat.example/some/prefix/v1").text == "hello"
    assert seen[0].startswith(b"POST http://chat.example/some/prefix/v1/chat/completions HTTP/1.1\r\n")
    assert b"bearer" in seen[0].lower() and b"proxy-authorization: bearer" not in seen[0].lower()
    assert b"proxy-authorization: basic bwu6c2ugy3jlda==" in seen[0].lower()


def test_a_proxy_of_an_encrypted_call_never_sees_the_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-for-the-server-only")
    with speaking(lambda connection, _: connection.sendall(b"HTTP/1.1 502 No\r\n\r\n")) as (proxy, seen):
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy.replace("//", "//me:pw@"))
        assert ask("https://chat.example/v1").finish_reason == "error"
    (asked,) = seen
    assert asked.startswith(b"CONNECT chat.example:443 ") and b"sk-for" not in asked and b"earer" not in asked
    assert b"proxy-authorization: basic" in asked.lower()


def test_a_proxy_is_not_used_for_excluded_hosts(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert proxy_of("https://a.example/v1") is None
    monkeypatch.setenv("ALL_PROXY", "proxy.example:8080")
    assert proxy_of("https://a.example/v1") == "http://proxy.example:8080"
    monkeypatch.setenv("HTTPS_PROXY", "http://other.example:1")
    assert proxy_of("https://a.example/v1") == "http://other.example:1"
    monkeypatch.setenv("NO_PROXY", "a.example")
    monkeypatch.setenv("no_proxy", "a.example")
    assert proxy_of("https://a.example/v1") is None


def test_a_stream_that_says_its_end_and_stays_open_is_an_answer():
    def script(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        connection.sendall(f"data: {json.dumps(CHUNK)}\n\ndata: [DO".encode())
        time.sleep(0.05)
        connection.sendall(b"NE]\n\n")
        time.sleep(5)

    with speaking(script) as (url, _):
        began = time.monotonic()
        assert ask(f"{url}/v1").text == "hello"
        assert time.monotonic() - began < 3


def test_an_answer_that_trickles_for_ever_is_ended_by_its_deadline():
    def script(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"1\r\n \r\n")
            time.sleep(0.02)

    with speaking(script) as (url, _):
        began = time.monotonic()
        response = ask(f"{url}/v1", timeout_s=0.4)
        assert time.monotonic() - began < 3
    assert response.error == "no answer in time"


def test_an_answer_that_grows_for_ever_is_ended_by_its_size(monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 1 << 20)

    def script(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            connection.sendall(b" " * (1 << 16))

    with speaking(script) as (url, _):
        response = ask(f"{url}/v1")
    assert "does not end within 1 MiB" in response.error


def test_what_cannot_be_connected_in_time_is_not_paid(monkeypatch):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        queued = [socket.socket() for _ in range(8)]
        for other in queued:  # so that no more connections are taken
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        forfeited = []

        class Meter:
            open = 0
            reserve = staticmethod(lambda call, prompt, completion: call)
            release = staticmethod(lambda ticket, error: None)
            forfeit = staticmethod(lambda ticket, error: forfeited.append(error))

        connection = Connection(base_url=f"http://127.0.0.1:{full.getsockname()[1]}/v1", attempts=1, timeout_s=0.5)
        request = GenerationRequest("k", Decoding(), 1, instruction="q")
        (response,) = OpenAIEngine("m", connection, meter=Meter()).generate([request])
        for other in queued:
            other.close()
    assert response.finish_reason == "error" and not forfeited


def test_fields_beyond_openais_are_among_the_others():
    wire = {"model": "m", "extra_body": {"top_k": 4}, "messages": [{"role": "user", "content": "é"}]}
    assert json.loads(encode_call(wire)) == {"model": "m", "messages": wire["messages"], "top_k": 4}
    assert "é".encode() in encode_call(wire)


def test_many_calls_share_connections():
    with serving(latency_s=0.005) as server:
        connection = Connection(base_url=server.base_url, concurrency=4)
        requests = [GenerationRequest(f"{n}", Decoding(), n, instruction=f"q {n}") for n in range(40)]
        opened = []
        accept = server.get_request
        server.get_request = lambda: (opened.append(1), accept())[1]
        assert len(list(OpenAIEngine("m", connection).generate(requests))) == 40
    assert len(opened) <= 8


def test_a_transport_that_sent_nothing_closes():
    async def scene() -> None:
        await module.Transport(Connection(base_url="http://localhost:1/v1")).close()

    asyncio.run(scene())
