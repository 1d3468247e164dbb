"""Runs a program of another language than Python, by the commands of its toolchain, in the sandbox.

The layers are those of Python programs: namespaces with a root file system of their own, or Landlock; seccomp; limits.
What differs: processes may be started, the read list is the toolchain's, and memory counts as it is resident, because
Go, the JVM and Node reserve far more addresses than they use. Nothing is kept from one program to the next.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Literal

from coma_cli.sandbox import proctree
from coma_cli.sandbox.contract import Level, SandboxError
from coma_cli.sandbox.inside.isolation import namespaces
from coma_cli.sandbox.launch import uid_of
from coma_cli.sandbox.read_list import ReadList, system_libraries
from coma_cli.sandbox.strays import end_tree
from coma_cli.sandbox.zygote_scratch import remove_scratch

CommandVerdict = Literal["pass", "fail", "timeout", "memory", "output"]
_BOOT = """
import sys
sys.path[:] = [path for path in sys.path if path]
for name, path in (("coma_cli", sys.argv[1]), ("coma_cli.sandbox", sys.argv[1] + "/sandbox")):
    package = sys.modules[name] = type(sys)(name)
    package.__path__ = [path]
from coma_cli.sandbox.inside.command import main
main(int(sys.argv[2]), int(sys.argv[3]))
"""
_PACKAGE = str(Path(__file__).resolve().parent.parent)
_LOOK_S = 0.02
_START_S = 30.0  # for isolation to be set up on a busy machine
# User ids of their own, above those of zygotes, which count from 1.
_numbers = count(400)


@dataclass(frozen=True)
class CommandLimits:
    """What one program may use: all its processes together.

    `wall_s` ends a step that waits for ever. `files_mb` bounds what is written,
    `output_kb` what is printed.
    """

    memory_mb: int = 1024
    wall_s: float = 30.0
    files_mb: int = 256
    output_kb: int = 256


@dataclass(frozen=True)
class CommandStep:
    """A command, by the real path of its program, and the CPU seconds that it may use."""

    command: tuple[str, ...]
    cpu_s: float


@dataclass(frozen=True)
class CommandOutcome:
    """How a program ended: `pass` if each step ended with status 0 and within its limits.

    `step` is the last step that ran, `status` its exit status (negative: a signal; None: it was ended). `output` is
    what all steps have printed, untrusted, as text; `peak_mb` the most memory that was seen.
    """

    verdict: CommandVerdict
    step: int
    status: int | None
    output: str
    cpu_s: float
    peak_mb: float


@dataclass
class _Watched:
    """What is seen of a run so far."""

    output: bytearray = field(default_factory=bytearray)
    statuses: list[int] = field(default_factory=list)
    cpu_of_steps: float = 0.0
    cpu_of_last: float = 0.0
    peak: int = 0
    deadline: float = 0.0
    broken: str = ""
    is_over: bool = False


def run_command(
    steps: Sequence[CommandStep],
    files: Mapping[str, str],
    reads: ReadList,
    *,
    level: Level = "ns",
    environment: Mapping[str, str] | None = None,
    limits: CommandLimits | None = None,
) -> CommandOutcome:
    """Run commands one after the other in an empty folder with these files.

    `{work}` in a value of `environment` is that folder.

    Raises:
        SandboxError: the isolation can't be set up, or was disturbed from outside.
    """
    if level not in ("ns", "landlock"):
        raise SandboxError("programs of other languages run in full isolation only")
    limits = limits or CommandLimits()
    scratch = "" if level == "ns" else tempfile.mkdtemp(prefix="coma-sandbox-", dir="/tmp")
    uid = uid_of(next(_numbers))
    # By this name below it, `end_tree` recognises processes that have got away.
    work = f"{scratch}/w" if scratch else ""
    try:
        if scratch:
            Path(work).mkdir()
        if scratch and os.geteuid() == 0:
            os.chown(scratch, uid, uid)
        order = {
            "level": level,
            "uid": uid,
            **_paths(reads + system_libraries()),
            "scratch": work,
            "files": dict(files),
            "steps": [(list(step.command), step.cpu_s) for step in steps],
            "environment": _environment(work or namespaces.WORK, environment or {}),
            "memory_mb": limits.memory_mb,
            "files_mb": limits.files_mb,
            "tied_to_parent": threading.current_thread() is threading.main_thread(),
        }
        return _run(order, steps, limits, scratch)
    finally:
        if scratch:
            remove_scratch(scratch)


def _paths(reads: ReadList) -> dict[str, object]:
    return {"paths": reads.paths, "links": reads.links}


def _environment(work: str, more: Mapping[str, str]) -> dict[str, str]:
    """A minimal environment: nothing from the caller's is passed on."""
    # With the slash they name the folder as `end_tree` looks for it.
    own = {"PATH": "/usr/bin:/bin", "HOME": f"{work}/", "TMPDIR": f"{work}/", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    return own | {name: value.replace("{work}", work) for name, value in more.items()}


def _run(
    order: Mapping[str, object], steps: Sequence[CommandStep], limits: CommandLimits, scratch: str
) -> CommandOutcome:
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-S", "-s", "-W", "ignore", "-c", _BOOT, _PACKAGE, str(theirs.fileno()), str(writer)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"LC_ALL": "C.UTF-8"},
        cwd="/",
        pass_fds=(theirs.fileno(), writer),
    )
    theirs.close()
    os.close(writer)
    watched, ended_by = _Watched(), None
    try:
        data = json.dumps(order).encode()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            ours.sendall(struct.pack("<I", len(data)) + data)
        ended_by = _watch(process, ours, reader, steps, limits, watched)
    finally:
        end_tree(process, scratch)
        _drain(reader, watched, limits)
        ours.close()
        os.close(reader)
    return _outcome(ended_by, steps, watched)


def _watch(
    process: subprocess.Popen[bytes],
    control: socket.socket,
    reader: int,
    steps: Sequence[CommandStep],
    limits: CommandLimits,
    watched: _Watched,
) -> CommandVerdict | None:
    """Watch until all is done; the limit that was reached, or None."""
    os.set_blocking(reader, False)
    watched.deadline = time.monotonic() + _START_S
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ, "control")
        selector.register(reader, selectors.EVENT_READ, "output")
        looked = 0.0
        while not watched.is_over:
            for key, _ in selector.select(_LOOK_S):
                if key.data == "control":
                    _take_reports(control, steps, limits, watched)
                elif not _drain(reader, watched, limits):
                    selector.unregister(reader)
            if len(watched.output) > limits.output_kb << 10:
                return "output"
            now = time.monotonic()
            if now - looked >= _LOOK_S:
                looked = now
                reached = _limit_reached(process.pid, steps, limits, watched)
                if reached is not None:
                    return reached
            if now > watched.deadline:
                return "timeout"
    return None


def _limit_reached(
    pid: int, steps: Sequence[CommandStep], limits: CommandLimits, watched: _Watched
) -> CommandVerdict | None:
    pids = proctree.descendants(pid)
    used = sum(map(proctree.own_bytes, pids))
    watched.peak = max(watched.peak, used)
    if used > limits.memory_mb << 20:
        return "memory"
    if len(pids) > _MOST_PROCESSES:
        return "timeout"
    step = min(len(watched.statuses), len(steps) - 1)
    # Init has waited for the processes of earlier steps, whose time counts with its own.
    if sum(map(proctree.cpu_seconds, pids)) - watched.cpu_of_steps > steps[step].cpu_s + _START_ALLOWANCE_S:
        return "timeout"
    return None


_MOST_PROCESSES = 200  # more than the kernel should let a program have
_START_ALLOWANCE_S = 0.5  # CPU seconds of our own processes among those counted


def _take_reports(
    control: socket.socket, steps: Sequence[CommandStep], limits: CommandLimits, watched: _Watched
) -> None:
    data = control.recv(1 << 16)
    if not data:
        watched.is_over = True
        return
    for line in data.splitlines():
        report = json.loads(line)
        if "broken" in report:
            watched.broken = str(report["broken"])
            watched.is_over = True
        elif "begins" in report:
            watched.deadline = time.monotonic() + limits.wall_s
        else:
            watched.statuses.append(int(report["status"]))
            watched.cpu_of_last = float(report["cpu_s"])
            watched.cpu_of_steps += watched.cpu_of_last
            watched.is_over = watched.statuses[-1] != 0 or len(watched.statuses) == len(steps)


def _drain(reader: int, watched: _Watched, limits: CommandLimits) -> bool:
    """Read what was printed, as far as it counts; whether there may be more."""
    with contextlib.suppress(BlockingIOError):
        while len(watched.output) <= limits.output_kb << 10:
            part = os.read(reader, 1 << 16)
            if not part:
                return False
            watched.output += part
    return True


def _outcome(ended_by: CommandVerdict | None, steps: Sequence[CommandStep], watched: _Watched) -> CommandOutcome:
    if watched.broken:
        raise SandboxError(f"isolation for other languages can't be set up: {watched.broken}")
    text = bytes(watched.output).decode("utf-8", "replace")
    peak = watched.peak / (1 << 20)
    done = len(watched.statuses)
    if ended_by is not None:
        return CommandOutcome(ended_by, min(done, len(steps) - 1), None, text, watched.cpu_of_steps, peak)
    if not done:
        raise SandboxError("the process that runs programs of other languages was killed")
    status = watched.statuses[-1]
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    verdict: CommandVerdict = "pass" if status == 0 and done == len(steps) else "fail"
    if code in (-signal.SIGXCPU, -signal.SIGKILL) and watched.cpu_of_last > steps[done - 1].cpu_s:
        verdict = "timeout"  # by the kernel's own limit
    elif verdict == "fail" and status == 0:
        raise SandboxError("the process that runs programs of other languages was killed")
    return CommandOutcome(verdict, done - 1, code, text, watched.cpu_of_steps, peak)
