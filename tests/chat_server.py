"""A server of chats and completions over a real socket, for tests: deterministic answers, failures, latency on demand.

As a context manager inside a test (`with serving(...) as server`), or as a process of its own:
`python -m tests.chat_server --port 0 --log calls.jsonl`, which prints its address and runs until it is killed.

What it answers is derived from the request alone, so a resumed run gets what an uninterrupted one would have got.
Failures are given by the number of the call (from 1): `{3: Fail(status=429, retry_after="0.1")}`. A failed call counts
as received, and as answered only if its answer left this server whole.
"""

import argparse
import hashlib
import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

VERBS = ["count", "sort", "merge", "reverse", "filter", "group", "rotate", "split"]
THINGS = ["words", "numbers", "intervals", "records", "fractions", "matrices", "graphs", "strings"]


@dataclass(frozen=True)
class Fail:
    """How one call goes wrong: a status; a body that is cut; bytes that are no answer; a connection that is dropped."""

    status: int = 500
    message: str = "scripted failure"
    code: str | None = None
    retry_after: str | None = None
    torn: bool = False
    garbage: bytes | None = None
    body: bytes | None = None  # with the status, in place of OpenAI's form of an error
    hang_up: bool = False
    sleep_s: float = 0.0


def digest(body: Mapping[str, Any]) -> str:
    """A name for the content of a request."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def derived_answer(body: Mapping[str, Any]) -> str:
    """An instruction for a prompt that asks for one, a program for one that asks for that, else a sentence."""
    prompt = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
    name = digest(body)
    number = int(name[:8], 16)
    what = f"{VERBS[number % len(VERBS)]} {THINGS[number // 8 % len(THINGS)]}"
    snippets = re.findall(r'<snippet name="(\w+)" language="([^"]+)">', prompt)
    if snippets:
        tasks = [
            {"snippet": snippet, "instruction": f"Write a {language} program that can {what} of batch {snippet}."}
            for snippet, language in snippets
        ]
        return json.dumps({"tasks": tasks})
    if "<instruction>" in prompt:
        language = re.search(r"Read this (\S+) code", prompt)
        named = language[1] if language else "Python"
        if "Simplified Chinese" in prompt:
            task = f"用 {named} 编写一个程序：读取列表中编号为 {name[:6]} 的数据，按规则 {what} 处理并打印结果。"
            return f"<instruction>{task}</instruction>"
        return (
            f"<instruction>Write a {named} program that can {what} of batch {name[:6]}. The input is a list, "
            f"the result is printed, and an empty list gives {number % 97}.</instruction>"
        )
    if "<chinese>" in prompt:
        english = re.search(r"<english>\n(.*?)\n</english>", prompt, re.DOTALL)
        names = " ".join(re.findall(r"\w+_\w+", english[1])) if english else ""
        return f"<chinese>按照第 {number % 9973} 条规则处理给出的数据，并返回 {names} 的结果。</chinese>"
    fence = re.search(r"begins with ```(\S+)", prompt)
    if fence:
        tag = fence[1]
        shown = re.search(r"<code>\n(.*?)\n</code>", prompt, re.DOTALL)
        if shown:
            shows = f"\n\nprint({number % 97})  # {what}\n" if tag == "python" else f"\n\n// {what} {number % 97}\n"
            return f"```{tag}\n{shown[1]}{shows}```"
        if tag == "python":
            code = (
                f"def solve_{name[:6]}(items):\n    # {what}\n    total = {number % 97}\n"
                f"    for item in items:\n        total += item * {number % 89 + 1}\n    return total\n\n\n"
                f"print(solve_{name[:6]}([{number % 7}, {number % 11}, {number % 13}]))"
            )
        else:
            code = f"// {what}\nint main_{name[:6]}() {{\n  return {number % 97};\n}}"
        return f"```{tag}\n{code}\n```"
    return f"Answer {name[:12]}."


@dataclass
class Log:
    """What the server has seen: calls and whole answers by the content of the request, and how many ran at once."""

    received: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    active: int = 0
    most_active: int = 0
    refused: int = 0

    @property
    def calls(self) -> int:
        return sum(self.received.values())


class ChatServer(ThreadingHTTPServer):
    """The server; `log` may be read at any time."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self,
        *,
        port: int = 0,
        answer: Callable[[Mapping[str, Any]], str] = derived_answer,
        latency_s: float = 0.0,
        fails: Mapping[int, Fail] | None = None,
        every: Fail | None = None,
        at_once: int | None = None,
        finish_reason: str = "stop",
        usage: bool = True,
        log_file: Path | None = None,
        models: list[dict[str, Any]] | None = None,
        message: Mapping[str, Any] | None = None,
        system_fingerprint: str | None = None,
        refuse: Callable[[Mapping[str, Any]], Fail | None] = lambda body: None,
    ) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.answer, self.latency_s, self.fails, self.every = answer, latency_s, dict(fails or {}), every
        self.at_once, self.finish_reason, self.usage = at_once, finish_reason, usage
        self.models, self.message, self.system_fingerprint = models, message, system_fingerprint
        self.refuse = refuse
        self.log, self.guard, self.log_file = Log(), threading.Lock(), log_file

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that were killed leave broken pipes; that is what these tests are about."""

    def note(self, event: str, name: str) -> None:
        if self.log_file is not None:
            with self.log_file.open("a") as handle:
                handle.write(json.dumps({"event": event, "request": name}) + "\n")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ChatServer

    def log_message(self, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if self.path != "/v1/models" or self.server.models is None:
            self._status(Fail(status=404, message=f"no such path {self.path}"))
            return
        self._send(200, json.dumps({"object": "list", "data": self.server.models}).encode())

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path not in ("/v1/chat/completions", "/v1/completions"):
            self._status(Fail(status=404, message=f"no such path {self.path}"))
            return
        name = digest(body)
        with server.guard:
            log = server.log
            log.received[name] += 1
            log.bodies.append(body)
            log.headers.append(dict(self.headers))
            log.times.append(time.monotonic())
            number = log.calls
            log.active += 1
            log.most_active = max(log.most_active, log.active)
            crowded = server.at_once is not None and log.active > server.at_once
            log.refused += crowded
            server.note("received", name)
        try:
            fail = Fail(status=429, message="too many at once") if crowded else server.fails.get(number, server.every)
            fail = fail or server.refuse(body)
            if not crowded:
                time.sleep(server.latency_s)
            if fail is None:
                self._answer(body, name)
            else:
                self._fail(fail, body)
        finally:
            with server.guard:
                server.log.active -= 1

    def _answer(self, body: dict[str, Any], name: str) -> None:
        self._send(200, self._completion(body))
        with self.server.guard:
            self.server.log.answered[name] += 1
            self.server.note("answered", name)

    def _completion(self, body: dict[str, Any]) -> bytes:
        text = self.server.answer(body)
        texts = [body["prompt"]] if "prompt" in body else [m["content"] for m in body["messages"]]
        prompt = sum(len(text.encode()) for text in texts) // 4
        usage = {"prompt_tokens": prompt, "completion_tokens": len(text.encode()) // 4}
        choice: dict[str, Any] = {"index": 0, "finish_reason": self.server.finish_reason}
        if "prompt" in body:
            choice["text"] = text
        else:
            choice["message"] = {"role": "assistant", "content": text, **(self.server.message or {})}
        value = {"id": "c-1", "object": "chat.completion", "created": 0, "model": body["model"], "choices": [choice]}
        if self.server.system_fingerprint is not None:
            value["system_fingerprint"] = self.server.system_fingerprint
        if self.server.usage:
            value["usage"] = {**usage, "total_tokens": sum(usage.values())}
        return json.dumps(value).encode()

    def _fail(self, fail: Fail, body: dict[str, Any]) -> None:
        time.sleep(fail.sleep_s)
        if fail.hang_up:
            self.close_connection = True
            self.connection.close()
        elif fail.torn:
            whole = self._completion(body)
            self._send(200, whole[: len(whole) // 2], length=len(whole))
            self.close_connection = True
            self.connection.close()
        elif fail.garbage is not None:
            self._send(200, fail.garbage)
        else:
            self._status(fail)

    def _status(self, fail: Fail) -> None:
        error = {"error": {"message": fail.message, "type": "scripted", "code": fail.code}}
        headers = {} if fail.retry_after is None else {"Retry-After": fail.retry_after}
        self._send(fail.status, json.dumps(error).encode() if fail.body is None else fail.body, headers=headers)

    def _send(self, status: int, data: bytes, *, length: int | None = None, headers: Mapping[str, str] = {}) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()


@contextmanager
def serving(**options: Any) -> Iterator[ChatServer]:
    """A running server on a free port; options as of `ChatServer`."""
    server = ChatServer(**options)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Serve until killed; the first line on stdout is the address."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--at-once", type=int)
    parser.add_argument("--log", type=Path, help="JSON lines: which requests were received and answered.")
    given = parser.parse_args()
    server = ChatServer(port=given.port, latency_s=given.latency, at_once=given.at_once, log_file=given.log)
    sys.stdout.write(server.base_url + "\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
