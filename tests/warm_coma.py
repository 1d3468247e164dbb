"""Starts `coma` in real processes that need not load torch and transformers anew: each is forked from one that has.

A command takes five seconds to import what it needs, and the tests that kill commands start many. The processes are
as real as any other, with their own pid, memory and signals; only their libraries were loaded before.
"""

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

# What the commands import when they work; loaded once, in the process that the others are forked from.
HEAVY = (
    "coma_cli.cli",
    "coma_cli.training.trainer",
    "coma_cli.training.merge_lora",
    "coma_cli.engines.transformers_engine",
    "coma_cli.engines.openai_engine",
    "coma_cli.instructions.gen_instructions",
    "coma_cli.dataset.build_data",
    "coma_cli.dataset.building",
    "coma_cli.evaluation.score",
    "openai",
    "peft",
    "transformers.models.llama.modeling_llama",
    "transformers.models.auto.modeling_auto",
)


class WarmProcess:
    """One command that was started; `returncode` is negative where a signal ended it, as with subprocess."""

    def __init__(self, server: "WarmComa", pid: int, log: Path) -> None:
        self.pid = pid
        self.log = log
        self.returncode: int | None = None
        self._server = server

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        if self.returncode is None:
            status = self._server.ask({"status_of": self.pid})
            self.returncode = None if status is None else os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """The exit code, once there is one."""
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > deadline:
                self.kill()
                raise subprocess.TimeoutExpired("coma", timeout)
            time.sleep(0.01)
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        """End it as hard as a process can be ended, and wait for that."""
        os.kill(self.pid, signal.SIGKILL)
        while self.poll() is None:
            time.sleep(0.001)


class WarmComa:
    """The process that has everything loaded. Computes with one thread, so that runs compare bit by bit."""

    def __init__(self, model_cache: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm_coma"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parent.parent,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENAI_API_KEY": "test", "COMA_CACHE": str(model_cache)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def start(self, arguments: Sequence[str], folder: Path, log: Path, output: Path | None = None) -> WarmProcess:
        """Start one command in `folder`; what it prints goes to `log`, standard output to `output` if one is named."""
        request = {"arguments": list(arguments), "folder": folder, "log": log, "output": output or log}
        return WarmProcess(self, self.ask(request), log)

    def summary(self, arguments: Sequence[str], folder: Path, timeout_s: float = 300) -> dict[str, Any]:
        """Run one command to its end with --json and read what it prints; it must succeed."""
        log, output = (folder / f"{arguments[0]}.{kind}" for kind in ("log", "json"))
        output.write_text("")
        process = self.start([*arguments, "--json"], folder, log, output)
        assert process.wait(timeout_s) == 0, log.read_text()
        found: dict[str, Any] = json.loads(output.read_text())
        return found

    def ask(self, request: dict[str, Any]) -> Any:
        """One question to the loaded process, and its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request, default=str) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _serve() -> None:
    for module in HEAVY:
        importlib.import_module(module)
    gc.freeze()  # a collection in a command would touch, and so copy, every page that it shares with this process
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        if "status_of" in request:
            pid, status = os.waitpid(request["status_of"], os.WNOHANG)
            answer = status if pid else None
        else:
            answer = os.fork()
            if answer == 0:
                _run(request)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _run(request: dict[str, Any]) -> None:
    """Become the command; never returns."""
    from tests.support.command import run_coma

    code = 1
    try:
        os.chdir(request["folder"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for name, target in (("output", 1), ("log", 2)):
            os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), target)
        code = run_coma(request["arguments"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
