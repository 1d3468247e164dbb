"""Requests per second of gen-instructions beside other clients, against a server on this machine.

    python -m tests.benchmarks.gen_instructions [--requests 6000] [--rounds 3] [--latency 0.2] [--in-flight 64 256]

* coma: the engine with its journal of paid answers and its ledger on disk, as the command uses them.
* `AsyncOpenAI` with its aiohttp transport, and a bare client of asyncio, which keep nothing.
* The seeds' way, at 2 % errors: a process pool, blocking calls, and 8 s of sleep after an error. Source: CodeCapybara's
  `data_generation`, 500 requests in turn.
* Limits of 3,000 requests and 200,000 tokens a minute, which the server enforces: how much of them is used, and how
  many calls are refused; once with the limits as options, once as learnt from the server's headers.
* The journal of paid answers: opening it and looking answers up, at three sizes.

The server answers after `--latency` seconds and shares the processors. Medians of `--rounds` in turn.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from coma_cli import console
from coma_cli.engines.answers import Answer, AnswerJournal, request_sha256
from coma_cli.engines.chat import Connection
from coma_cli.engines.interface import Decoding, GenerationRequest
from coma_cli.engines.openai_engine import OpenAIEngine
from coma_cli.instructions.budget import Budget, Call, Price
from coma_cli.journal import Journal
from tests.provider import providing, state_of

COMA, OPENAI, BARE, SEEDS = "coma", "AsyncOpenAI, aiohttp", "bare asyncio client", "the seeds' way, 2 % errors"
COMA_ERRORS = "coma, 2 % errors"
_SLEEP_S, _PROCESSES = 8.0, 16
_WORDS = "Read this function and write the instruction that a programmer would have been given for it. " * 8


def prompt(number: int, salt: str) -> str:
    return f"{_WORDS}\n\ndef f_{number}(x):\n    return x + {number}  # {salt}\n"


def with_coma(url: str, count: int, in_flight: int, salt: str, **limits: Any) -> int:
    """coma's engine, with journal and ledger in a folder of their own; the number of answers."""
    requests = [
        GenerationRequest(f"{n}", Decoding(0.7, 0.95, 0, 300), n, instruction=prompt(n, salt)) for n in range(count)
    ]
    connection = Connection(base_url=url, concurrency=in_flight, **limits)
    with tempfile.TemporaryDirectory() as folder, AnswerJournal(Path(folder)) as answers:
        with Journal.open(Path(folder) / "ledger.jsonl", Call) as ledger:
            budget = Budget.from_ledger(ledger, Price(0.5, 1.5), 1000.0, answers)
            engine = OpenAIEngine("gpt-3.5-turbo", connection, answers=answers, meter=budget)
            found = sum(response.finish_reason != "error" for response in engine.generate(requests))
        assert len(answers) == found == budget.spending().calls
    return found


def with_openai(url: str, count: int, in_flight: int, salt: str) -> int:
    """The openai package's client and aiohttp transport."""
    from openai import AsyncOpenAI, DefaultAioHttpClient

    async def all_of_them() -> int:
        numbers = iter(range(count))
        async with AsyncOpenAI(
            api_key="none", base_url=url, max_retries=0, http_client=DefaultAioHttpClient(limits=_wide(in_flight))
        ) as client:

            async def worker() -> int:
                done = 0
                for n in numbers:
                    messages = [{"role": "user", "content": prompt(n, salt)}]
                    answer = await client.chat.completions.create(
                        model="gpt-3.5-turbo", messages=messages, temperature=0.7, top_p=0.95, max_tokens=300, seed=n
                    )
                    done += bool(answer.choices[0].message.content)
                return done

            return sum(await asyncio.gather(*(worker() for _ in range(in_flight))))

    return asyncio.run(all_of_them())


def _wide(in_flight: int) -> Any:
    import httpx2

    return httpx2.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)


def with_bare_client(url: str, count: int, in_flight: int, salt: str) -> int:
    """Streams of asyncio, with as little around them as HTTP needs."""
    parts = urlsplit(url)

    async def all_of_them() -> int:
        numbers = iter(range(count))

        async def worker() -> int:
            done = 0
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            for n in numbers:
                messages = [{"role": "user", "content": prompt(n, salt)}]
                body = {
                    "model": "gpt-3.5-turbo",
                    "messages": messages,
                    "temperature": 0.7,
                    "max_tokens": 300,
                    "seed": n,
                }
                data = json.dumps(body).encode()
                head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
                writer.write(head.encode() + data)
                reply = await reader.readuntil(b"\r\n\r\n")
                length = int(reply.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
                value = json.loads(await reader.readexactly(length))
                done += bool(value["choices"][0]["message"]["content"])
            writer.close()
            return done

        return sum(await asyncio.gather(*(worker() for _ in range(in_flight))))

    return asyncio.run(all_of_them())


def _blocking_call(work: tuple[str, int, str]) -> bool:
    url, n, salt = work
    body = {"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": prompt(n, salt)}], "max_tokens": 300}
    request = urllib.request.Request(
        f"{url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    while True:
        try:
            with urllib.request.urlopen(request) as reply:
                return bool(json.load(reply)["choices"])
        except urllib.error.HTTPError:
            time.sleep(_SLEEP_S)


def with_process_pool(url: str, count: int, in_flight: int, salt: str) -> int:
    """The seeds' way; `in_flight` is the number of processes."""
    with multiprocessing.get_context("fork").Pool(in_flight) as pool:
        return sum(pool.map(_blocking_call, [(url, n, salt) for n in range(count)], chunksize=1))


def rate(way: Callable[..., int], url: str, count: int, in_flight: int, salt: str) -> float:
    """Answers per second; all must have arrived."""
    began = time.perf_counter()
    found = way(url, count, in_flight, salt)
    assert found == count, f"{found} of {count} answers"
    return count / (time.perf_counter() - began)


def show_speed(asked: argparse.Namespace) -> None:
    """Print the table of clients."""
    ways = {COMA: with_coma, OPENAI: with_openai, BARE: with_bare_client}
    for in_flight in asked.in_flight:
        rates: dict[str, list[float]] = {}
        with providing(latency_s=asked.latency) as url:
            for way in ways.values():  # connections, imports
                rate(way, url, 2 * in_flight, in_flight, "warm")
            for round_ in range(asked.rounds):
                for name, way in ways.items():
                    found = rate(way, url, asked.requests, in_flight, f"{name} {round_}")
                    rates.setdefault(name, []).append(found)
        medians = {name: statistics.median(found) for name, found in rates.items()}
        rows = [[name, f"{found:.0f}", f"{medians[COMA] / found:.2f}"] for name, found in medians.items()]
        title = (
            f"{in_flight} in flight, {asked.requests} requests, {1000 * asked.latency:.0f} ms, {os.cpu_count()} cores"
        )
        console.print_table(title, ("client", "requests/s", "coma / client"), rows)


def show_errors(asked: argparse.Namespace) -> None:
    """Print coma beside the seeds' way where 2 % of the calls fail."""
    with providing(latency_s=asked.latency, faults=0.02, kinds=["429", "500"]) as url:
        seeds = rate(with_process_pool, url, asked.requests // 6, _PROCESSES, "seeds")
        few = rate(with_coma, url, asked.requests // 6, _PROCESSES, "coma few")
        many = rate(with_coma, url, asked.requests, max(asked.in_flight), "coma many")
    rows = [
        [f"{SEEDS}, {_PROCESSES} processes", f"{seeds:.0f}", "1.0"],
        [f"{COMA_ERRORS}, {_PROCESSES} in flight", f"{few:.0f}", f"{few / seeds:.1f}"],
        [f"{COMA_ERRORS}, {max(asked.in_flight)} in flight", f"{many:.0f}", f"{many / seeds:.1f}"],
    ]
    console.print_table("2 % of the calls fail (429, 500)", ("client", "requests/s", "times the seeds'"), rows)


def show_limits(asked: argparse.Namespace) -> None:
    """Print how much of the server's limits is used, and how many calls it refused."""
    limits = {"requests_per_minute": 3000, "tokens_per_minute": 200_000}
    count = round(asked.limited_s * 50)
    rows = []
    for name, given in (("as options", limits), ("learnt from headers", {})):
        with providing(latency_s=asked.latency, **limits) as url:
            began = time.perf_counter()
            found = with_coma(url, count, 64, "limits", **given)
            seconds = time.perf_counter() - began
            seen = state_of(url)
        shares = [60 * seen["used"][of] / seconds / limits[f"{of}_per_minute"] for of in ("requests", "tokens")]
        refused = seen["outcomes"].get("limited", 0)
        calls = sum(seen["received"].values())
        rows.append([name, *(f"{share:.1%}" for share in shares), f"{refused / calls:.2%}", f"{count - found}"])
    title = f"3,000 requests and 200,000 tokens a minute, {count} requests"
    console.print_table(title, ("limits", "requests used", "tokens used", "refused", "lost"), rows)


def show_journal(asked: argparse.Namespace) -> None:
    """Print what opening the journal and looking up costs, in processes of their own."""
    rows = []
    for size in asked.journal:
        with tempfile.TemporaryDirectory() as folder:
            fill(Path(folder), size)
            found = subprocess.run(
                [sys.executable, "-c", _OPEN, folder, str(size)], capture_output=True, text=True, check=True
            )
            rows.append([f"{size:,}", *found.stdout.split()])
    console.print_table("Journal of paid answers", ("answers", "open ms", "lookup us", "MB for it"), rows)


_OPEN = """
import random, resource, sys, time
from pathlib import Path
from coma_cli.engines.answers import AnswerJournal
from tests.benchmarks.gen_instructions import answer_of, memory_mb
before, began = memory_mb(), time.perf_counter()
with AnswerJournal(Path(sys.argv[1])) as journal:
    opened = time.perf_counter() - began
    keys = [answer_of(n).key for n in random.Random(0).choices(range(int(sys.argv[2])), k=2000)]
    began = time.perf_counter()
    assert all(journal.get(key) for key in keys)
    looked = time.perf_counter() - began
print(f"{1000 * opened:.1f} {1e6 * looked / 2000:.0f} {memory_mb() - before:.0f}")
"""


def memory_mb() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def answer_of(number: int) -> Answer:
    request = {"model": "m", "messages": [{"role": "user", "content": f"question {number} {_WORDS}"}], "seed": number}
    return Answer(
        request_sha256=request_sha256(request),
        request=request,
        text=f"answer {number}",
        finish_reason="stop",
        prompt_tokens=3,
        completion_tokens=2,
    )


def fill(folder: Path, size: int) -> None:
    """A journal of so many answers."""
    with AnswerJournal(folder) as journal:
        for start in range(0, size, 1000):
            journal.append_all([answer_of(number) for number in range(start, min(size, start + 1000))])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description="Requests per second of gen-instructions")
    parser.add_argument("--requests", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--limited-s", type=float, default=60.0, help="how long the run with limits takes")
    parser.add_argument("--journal", type=int, nargs="+", default=[62_500, 250_000, 1_000_000])
    parts = {"speed": show_speed, "errors": show_errors, "limits": show_limits, "journal": show_journal}
    parser.add_argument("--only", choices=list(parts), nargs="+", default=list(parts))
    asked = parser.parse_args(arguments)
    for name in asked.only:
        parts[name](asked)


if __name__ == "__main__":
    main()
