"""Both rounds against a provider with every fault, killed again and again: answered and paid once, within the cap.

It mirrors no module: what it shows is kept by engine, journal of answers, ledger and rounds together.
"""

import json
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from coma_cli.engines.chat import Connection, wire_of
from coma_cli.jsonl import read_rows, write_rows
from coma_cli.workspace import Workspace
from tests.chat_server import digest
from tests.provider import providing, state_of
from tests.support.command import start_coma

IN_FLIGHT = 48
FAULT_SHARE = 0.12
LATENCY_S = 0.02


def stored(workspace: Path) -> list[dict]:
    """The whole lines of the journal of answers."""
    file = workspace / "answers" / "answers.jsonl"
    data = file.read_bytes() if file.exists() else b""
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


def in_ledger(workspace: Path) -> dict[str, dict]:
    """The last row of each call."""
    (file,) = (workspace / "gen-instructions").glob("*/ledger.jsonl")
    data = file.read_bytes()
    rows = [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]
    return {row["id"]: row for row in rows}


def name_at_server(answer: dict) -> str:
    """What the provider calls the request of an answer."""
    wire = wire_of(answer["request"], Connection())
    return digest(
        {**{name: value for name, value in wire.items() if name != "extra_body"}, **wire.get("extra_body", {})}
    )


def sleep_until(process: subprocess.Popen[str], journal: Path, size: int) -> None:
    """Wait until the journal has grown to a size, or the process has ended."""
    while process.poll() is None and (not journal.exists() or journal.stat().st_size < size):
        time.sleep(0.002)


def check_money(url: str, workspace: Path, cap: float) -> None:
    """The ledger shows at least what was billed, and neither passes the cap."""
    time.sleep(3 * LATENCY_S)  # what is in flight at the server ends
    billed = state_of(url)["billed"]["usd"]
    shown = sum(row["usd"] for row in in_ledger(workspace).values())
    assert billed <= shown + 1e-9 and shown <= cap + 1e-9, (billed, shown, cap)


@pytest.mark.parametrize(
    ("functions", "kills"),
    [pytest.param(400, 4, marks=pytest.mark.slow), pytest.param(10_000, 20, marks=pytest.mark.soak)],
)
def test_whatever_fails_and_is_killed_each_function_is_answered_and_paid_once(tmp_path, functions, kills):
    seeds, workspace, chance = tmp_path / "seed.jsonl", tmp_path / "workspace", random.Random(0)
    write_rows(seeds, [{"code": f"def total_{n}(values):\n    return sum(values) + {n}"} for n in range(functions)])
    journal, cap, settled = workspace / "answers" / "answers.jsonl", 0.0005 * functions, {}
    with providing(latency_s=LATENCY_S, faults=FAULT_SHARE) as url:
        command = ["gen-instructions", "--seed-code", seeds, "--workspace", workspace, "--base-url", url]
        command += ["--num", functions, "--model", "gpt-3.5-turbo", "--set", f"runtime.concurrency={IN_FLIGHT}"]
        command += [
            "--set",
            "runtime.first_wait_s=0.01",
            "--set",
            "runtime.timeout_s=1.5",
            "--set",
            "runtime.attempts=9",
        ]
        killed = 0
        while True:
            process = start_coma([*map(str, command), "--max-usd", f"{cap:.6f}"])
            if killed < kills:
                size = journal.stat().st_size if journal.exists() else 0
                sleep_until(process, journal, size + chance.randint(1, 2_400 * functions // kills))
                process.send_signal(signal.SIGKILL)
            _, errors = process.communicate()
            assert process.returncode in (0, 5, -signal.SIGKILL), errors
            killed += process.returncode == -signal.SIGKILL
            check_money(url, workspace, cap)
            seen = state_of(url)["received"]
            answers = stored(workspace)
            for name in map(name_at_server, answers):
                assert settled.setdefault(name, seen[name]) == seen[name], "a whole answer was requested again"
            if process.returncode == 0:
                break
            if process.returncode == 5:
                cap *= 1.5
        seen = state_of(url)
    keys = Counter(answer["request_sha256"] for answer in answers)
    assert set(keys.values()) == {1} and killed == kills
    assert set(map(name_at_server, answers)) == set(seen["received"]), "every request has its answer"
    artifact = Workspace(workspace).require_newest("gen-instructions")
    rows = [row for name in ("train", "validation", "dropped") for row in read_rows(artifact.file(f"{name}.jsonl"))]
    assert len({row["id"] for row in rows}) == len(rows) == functions
    check_agreement(in_ledger(workspace), answers, seen, kills)


def check_agreement(ledger: dict[str, dict], answers: list[dict], seen: dict, kills: int) -> None:
    """What was answered costs what the server counted; more was booked only for answers that were lost on the way."""
    states = Counter(row["state"] for row in ledger.values())
    assert set(states) <= {"answered", "unpaid", "lost"} and states["answered"] == len(answers)
    counted = {answer["request_sha256"]: (answer["prompt_tokens"], answer["completion_tokens"]) for answer in answers}
    for row in ledger.values():
        if row["state"] == "answered":
            assert (row["prompt_tokens"], row["completion_tokens"]) == counted[row["request_sha256"]]
            assert row["usd"] == pytest.approx((row["prompt_tokens"] * 0.5 + row["completion_tokens"] * 1.5) / 1e6)
    answered = sum(row["usd"] for row in ledger.values() if row["state"] == "answered")
    lost = sum(row["usd"] for row in ledger.values() if row["state"] == "lost")
    assert answered <= seen["billed"]["usd"] + 1e-9 <= answered + lost + 2e-9
    by_fault = sum(seen["outcomes"].get(name, 0) for name in ("reset", "torn", "malformed", "empty", "hang", "trickle"))
    assert states["lost"] <= by_fault + kills * IN_FLIGHT
