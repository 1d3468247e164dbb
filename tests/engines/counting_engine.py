"""An engine without a model, for tests of worker processes: it says in an instant which process answered what.

A request's instruction tells it what else to do: `kill` ends its process as a full machine does, `fail` raises an
error for the user, `bug` another one, `sleep` takes a minute.
"""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from coma_cli.engines.interface import Decoding, GenerationRequest, GenerationResponse
from coma_cli.errors import CliError


class CountingEngine:
    """Answers with its process id, and how many it answered before."""

    path = "numbers"

    def __init__(self, device: str, pause_s: float) -> None:
        self._device = device
        self._pause_s = pause_s
        self._count = 0

    def generate(self, requests: Iterable[GenerationRequest]) -> Iterator[GenerationResponse]:
        for request in requests:
            self._obey(request.instruction)
            time.sleep(self._pause_s)
            self._count += 1
            yield GenerationResponse(request.key, f"{os.getpid()} {self._device}", "eos", 1, self._count)

    def log_probability(self, prompt_ids: tuple[int, ...], continuation_ids: tuple[int, ...]) -> float:
        return float(-sum(continuation_ids))

    def _obey(self, order: str) -> None:
        word, _, once = order.partition(" ")
        if once and Path(once).exists():
            return
        if once:
            Path(once).touch()
        if word == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif word == "fail":
            raise CliError("no room", "make some")
        elif word == "bug":
            raise ZeroDivisionError("a bug")
        elif word == "sleep":
            time.sleep(60)


def open_counting(device: str, note, *, pause_s: float = 0.0) -> CountingEngine:
    note(f"opened on {device}")
    return CountingEngine(device, pause_s)


def open_broken(device: str, note) -> CountingEngine:
    raise CliError(f"no model for {device}", "get one")


def requests_for(problems: int, rows: int, **orders: str) -> list[GenerationRequest]:
    """Requests with keys `p0-0`, `p0-1`, ...; `orders` are instructions by such a key, with `_` for `-`."""
    return [
        GenerationRequest(
            f"p{problem}-{row}", Decoding(), 0, prompt_ids=(problem,), instruction=orders.get(f"p{problem}_{row}", "")
        )
        for problem in range(problems)
        for row in range(rows)
    ]
