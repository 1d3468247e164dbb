"""A paid provider over a real socket: fast, with a bill, rate limits, faults by chance, and batches.

`python -m tests.provider --options '{"latency_s": 0.2, "faults": 0.1}'` prints its address and runs until it is killed.
It answers what `tests/chat_server.py` answers, so a resumed run gets what an uninterrupted one would have got. One
process and one event loop serve some thousand calls a second; `GET /state` says what it has seen and billed.

Faults are drawn from the content of a request and the number of its attempt: the same run meets the same ones. At most
three in a row hit one request. All but refusals (429, 500, `error`) are billed, whether or not an answer arrived.
"""

import argparse
import asyncio
import hashlib
import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.chat_server import derived_answer, digest
from tests.provider_batches import Batches
from tests.requirements import ROOT

FAULTS = ("429", "500", "reset", "torn", "malformed", "empty", "error", "hang", "trickle", "stream", "filtered")
BILLED = frozenset(FAULTS) - {"429", "500", "error"}
MOST_FAULTS_IN_A_ROW = 3
_TRICKLE_S = 0.05


class Bucket:
    """A limit per minute with `burst_s` seconds of burst."""

    def __init__(self, per_minute: float, burst_s: float) -> None:
        self.limit, self.per_s = per_minute, per_minute / 60
        self.most = self.level = self.per_s * burst_s
        self.at = time.monotonic()

    def wait_s(self, cost: float) -> float:
        """The seconds until so much is there; 0 if it is."""
        now = time.monotonic()
        self.level, self.at = min(self.most, self.level + self.per_s * (now - self.at)), now
        return max(0.0, (cost - self.level) / self.per_s)

    def headers(self, of: str) -> dict[str, str]:
        used = self.most - self.level
        return {
            f"x-ratelimit-limit-{of}": f"{self.limit:.0f}",
            f"x-ratelimit-remaining-{of}": f"{self.limit - used:.0f}",
            f"x-ratelimit-reset-{of}": f"{1000 * used / self.per_s:.0f}ms",
        }


@dataclass
class Options:
    latency_s: float = 0.0
    requests_per_minute: float = 0
    tokens_per_minute: float = 0
    burst_s: float = 1.0
    faults: float = 0.0  # the share of calls that go wrong
    kinds: tuple[str, ...] = FAULTS
    input_usd_per_mtok: float = 0.5
    output_usd_per_mtok: float = 1.5
    batch: dict[str, Any] = field(default_factory=dict)


class Provider:
    """What one server has seen: attempts and whole answers by request, and the bill."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.received: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.billed = {"prompt_tokens": 0, "completion_tokens": 0, "usd": 0.0}
        self.used = {"requests": 0, "tokens": 0}
        given = {"requests": options.requests_per_minute, "tokens": options.tokens_per_minute}
        self.buckets = {of: Bucket(limit, options.burst_s) for of, limit in given.items() if limit}
        self.began = 0.0
        self.active = self.most_active = 0
        self.batches = Batches(self.completion, self.bill, **options.batch)

    def state(self) -> dict[str, Any]:
        return {
            "received": self.received,
            "answered": self.answered,
            "outcomes": self.outcomes,
            "billed": self.billed,
            "used": self.used,
            "seconds": time.monotonic() - self.began if self.began else 0.0,
            "most_active": self.most_active,
            "batches": self.batches.state(),
        }

    def completion(self, body: dict[str, Any]) -> dict[str, Any]:
        """The whole answer to a request."""
        text = derived_answer(body)
        prompt = sum(len(message["content"].encode()) for message in body["messages"]) // 4
        usage = {"prompt_tokens": prompt, "completion_tokens": len(text.encode()) // 4}
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        total = sum(usage.values())
        return {
            "id": "c-1",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [choice],
            "usage": {**usage, "total_tokens": total},
        }

    def bill(self, value: dict[str, Any], share: float = 1.0) -> None:
        """Charge an answer, at a share of the price."""
        usage = value["usage"]
        prompt, completion = usage["prompt_tokens"], usage["completion_tokens"]
        self.billed["prompt_tokens"] += prompt
        self.billed["completion_tokens"] += completion
        usd = prompt * self.options.input_usd_per_mtok + completion * self.options.output_usd_per_mtok
        self.billed["usd"] += share * usd / 1e6

    def fault(self, name: str) -> str | None:
        attempt = self.received[name] - 1
        chance = hashlib.sha256(f"{name} {attempt}".encode()).digest()
        if attempt % (MOST_FAULTS_IN_A_ROW + 1) == MOST_FAULTS_IN_A_ROW:
            return None
        hit = int.from_bytes(chance[:4], "big") / (1 << 32) < self.options.faults
        return self.options.kinds[chance[4] % len(self.options.kinds)] if hit else None

    def over_limit(self, tokens: int) -> tuple[float, dict[str, str]]:
        """The seconds to wait, 0 if the call is admitted and counted; and the headers that say so."""
        costs = {"requests": 1, "tokens": tokens}
        wait = max((bucket.wait_s(costs[of]) for of, bucket in self.buckets.items()), default=0.0)
        if wait <= 0:
            for of, bucket in self.buckets.items():
                bucket.level -= costs[of]
            self.used["requests"] += 1
            self.used["tokens"] += tokens
        headers = {name: value for of, bucket in self.buckets.items() for name, value in bucket.headers(of).items()}
        return wait, headers


class Connection(asyncio.Protocol):
    """One connection: a request at a time."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.data = bytearray()
        self.transport: asyncio.Transport
        self.timers: list[asyncio.TimerHandle] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        for timer in self.timers:
            timer.cancel()

    def data_received(self, data: bytes) -> None:
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return
        first, *lines = bytes(self.data[:end]).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(self.data) < end + 4 + length:
            return
        body = bytes(self.data[end + 4 : end + 4 + length])
        del self.data[: end + 4 + length]
        method, path, _ = first.split(" ")
        self._serve(method, path, headers, body)

    def _serve(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        provider = self.provider
        if path == "/v1/chat/completions":
            self._chat(json.loads(body))
        elif path == "/state":
            self.send(200, json.dumps(provider.state()).encode())
        else:
            status, content = provider.batches.serve(method, path, headers, body)
            self.send(status, content)

    def _chat(self, body: dict[str, Any]) -> None:
        provider, name = self.provider, digest(body)
        provider.began = provider.began or time.monotonic()
        provider.received[name] += 1
        value = provider.completion(body)
        wait, headers = provider.over_limit(value["usage"]["total_tokens"])
        if wait > 0:
            provider.outcomes["limited"] += 1
            self._error(429, "rate limit", {**headers, "Retry-After": f"{wait:.3f}"})
            return
        provider.active += 1
        provider.most_active = max(provider.most_active, provider.active)
        self._later(provider.options.latency_s, lambda: self._end(name, value, headers))

    def _end(self, name: str, value: dict[str, Any], headers: dict[str, str]) -> None:
        provider = self.provider
        provider.active -= 1
        fault = provider.fault(name)
        provider.outcomes[fault or "whole"] += 1
        if fault is None or fault in BILLED:
            provider.bill(value)
        if fault in (None, "stream", "filtered"):
            provider.answered[name] += 1
        content = json.dumps(value).encode()
        if fault is None:
            self.send(200, content, headers)
        else:
            self._go_wrong(fault, value, content)

    def _go_wrong(self, fault: str, value: dict[str, Any], content: bytes) -> None:
        choice = value["choices"][0]
        if fault in ("429", "500"):
            self._error(int(fault), "by chance", {"Retry-After": "0.02"} if fault == "429" else {})
        elif fault == "reset":
            self.transport.abort()
        elif fault == "torn":
            self.send(200, content[: len(content) // 2], length=len(content))
            self.transport.close()
        elif fault == "malformed":
            self.send(200, content[: len(content) // 2])
        elif fault == "empty":
            self.send(200, json.dumps({**value, "choices": []}).encode())
        elif fault == "error":
            self.send(200, b'{"error": {"message": "by chance", "code": 503}}')
        elif fault == "filtered":
            self.send(200, json.dumps({**value, "choices": [{**choice, "finish_reason": "content_filter"}]}).encode())
        elif fault == "stream":
            delta = {**choice, "delta": choice["message"]}
            self._stream(json.dumps({**value, "object": "chat.completion.chunk", "choices": [delta]}))
        elif fault == "trickle":
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            self._trickle()

    def _stream(self, chunk: str) -> None:
        """A stream that nobody asked for, on a connection that stays open."""
        start = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        self.transport.write(start + f"data: {chunk}\n\ndata: [DONE]\n\n".encode())

    def _trickle(self) -> None:
        self.transport.write(b": still thinking\n")
        self._later(_TRICKLE_S, self._trickle)

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        self.timers = [timer for timer in self.timers if timer.when() > asyncio.get_running_loop().time()]
        self.timers.append(asyncio.get_running_loop().call_later(seconds, action))

    def _error(self, status: int, message: str, headers: dict[str, str]) -> None:
        self.send(status, json.dumps({"error": {"message": message}}).encode(), headers)

    def send(
        self, status: int, content: bytes, headers: dict[str, str] | None = None, length: int | None = None
    ) -> None:
        lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json"]
        lines.append(f"Content-Length: {len(content) if length is None else length}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


@contextmanager
def providing(**options: Any) -> Iterator[str]:
    """A provider in a process of its own; its base URL."""
    command = [sys.executable, "-m", "tests.provider", "--options", json.dumps(options)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def state_of(url: str) -> dict[str, Any]:
    """What the provider at a base URL has seen and billed."""
    with urllib.request.urlopen(url.replace("/v1", "/state")) as reply:
        return dict(json.load(reply))


async def serve(options: Options, port: int) -> None:
    provider = Provider(options)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(provider), "127.0.0.1", port, backlog=1024
    )
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    """Serve until killed; the first line on stdout is the address."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--options", type=json.loads, default={}, help="fields of Options, as JSON")
    given = parser.parse_args()
    asyncio.run(serve(Options(**given.options), given.port))


if __name__ == "__main__":
    main()
