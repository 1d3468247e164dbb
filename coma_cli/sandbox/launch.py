# This file uses descriptors, plain paths and few imports instead of pathlib, and its /tmp is our own.
# ruff: noqa: PTH120, S108
"""Starts zygotes: each is a fresh interpreter, never a fork of this process, with an empty environment."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from site import getsitepackages
from typing import NamedTuple

from coma_cli.sandbox.contract import Level, SandboxError
from coma_cli.sandbox.inside.isolation.scratch import work_of
from coma_cli.sandbox.inside.protocol import wire
from coma_cli.sandbox.packages import to_preload
from coma_cli.sandbox.read_list import PACKAGES, PythonFiles, ReadList, package_reads, python_reads

LAYERS = frozenset(("uid", "namespaces", "rlimits", "seccomp", "landlock", "dumpable", "pdeathsig"))
_LAYERS_OF: dict[Level, frozenset[str]] = {
    "ns": LAYERS,
    "landlock": LAYERS - {"namespaces"},
    "rlimit": frozenset(("uid", "rlimits", "pdeathsig", "dumpable")),
}

# Our own package is registered without running its `__init__`, to keep zygotes lean. `-I` would do the rest, but it
# also ignores PYTHONHASHSEED, and two runs of one program should see sets in the same order.
_BOOT = """
import sys
sys.path[:] = [path for path in sys.path if path]
for name, path in (("coma_cli", sys.argv[1]), ("coma_cli.sandbox", sys.argv[1] + "/sandbox")):
    package = sys.modules[name] = type(sys)(name)
    package.__path__ = [path]
from coma_cli.sandbox.inside.zygotes.memory import import_common_modules
import_common_modules()
from coma_cli.sandbox.inside.zygotes.boot import main
run = main(int(sys.argv[2]), int(sys.argv[3]))
run()
"""
_FLAGS = ("-S", "-s", "-W", "ignore")
_PACKAGE = str(Path(__file__).resolve().parent.parent)
# Not assigned on most systems, and within the 65536 ids that containers map.
_FIRST_UID, _UIDS = 64_600, 800


@dataclass(frozen=True)
class Interpreter:
    """The Python that runs the programs, and what they may read of it."""

    executable: str
    reads: ReadList = field(default_factory=ReadList)
    site: str = ""  # the folder of the installed packages that programs may import, or ""
    version: str = ""  # what it says of itself, compiler and build date included

    def reads_with(self, packages: tuple[str, ...]) -> ReadList:
        """What programs may read, with these installed packages and what they depend on."""
        return self.reads + package_reads(self.site, packages) if packages and self.site else self.reads


@cache
def find_interpreter(python: str | None) -> Interpreter:
    """Ask an interpreter where its libraries are. Raises SandboxError if it can't be run or is too old."""
    answer = (_own_answer() if python is None else None) or _ask(python or sys.executable)
    executable = python or sys.executable
    site = os.path.dirname(os.path.dirname(answer.package)) if answer.package else ""
    stdlib = os.path.dirname(answer.os_file)
    built = f"{answer.base_exec_prefix}/{answer.platlibdir}/{stdlib.rpartition('/')[2]}"
    files = PythonFiles(answer.executable, answer.base_prefix, (stdlib, built), frozenset(answer.modules))
    return Interpreter(executable, python_reads(files), site, answer.build)


class _Answer(NamedTuple):
    """What an interpreter says of itself."""

    base_prefix: str
    base_exec_prefix: str
    platlibdir: str
    os_file: str
    modules: Sequence[str]
    executable: str
    build: str
    package: str  # where numpy, or another of `PACKAGES`, is imported from, or ""


_LONGEST_REASON = 120  # characters of a line that an interpreter ends with


def _ask(executable: str) -> _Answer:
    question = (
        f"import sys,os,json,importlib.util as u;s=next(filter(None,map(u.find_spec,{PACKAGES})),None);"
        "print(json.dumps([sys.version_info[:2],sys.base_prefix,sys.base_exec_prefix,getattr(sys,'platlibdir','lib'),os.__file__,"
        "sorted(getattr(sys,'stdlib_module_names',())),sys.executable,sys.version,s.origin if s and s.origin else '']))"
    )
    try:
        answer = subprocess.run(
            [executable, "-I", "-c", question],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        version, *found = json.loads(answer.stdout)
    except subprocess.TimeoutExpired:
        raise SandboxError(f"{executable} does not run as a Python interpreter: no answer in 60 s") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip().splitlines() or [""])[-1]
        said = f": {said}" if 0 < len(said) <= _LONGEST_REASON else ""  # another program may quote the whole question
        reason = f"exit code {error.returncode}{said}"
        raise SandboxError(f"{executable} does not run as a Python interpreter: {reason}") from None
    except (TypeError, ValueError):
        raise SandboxError(f"{executable} does not run as a Python interpreter: it prints something else") from None
    except OSError as error:
        raise SandboxError(f"{executable} does not run as a Python interpreter: {error}") from None
    if tuple(version) < (3, 10):
        raise SandboxError(f"{executable} is Python {version[0]}.{version[1]}; programs need 3.10 or newer")
    return _Answer(*found)


def _own_answer() -> _Answer | None:
    """What this interpreter would answer, without starting it again; None where no package is in a place of its own.

    With `-I` neither PYTHONPATH nor the user's packages count, so only the installation's own folders are looked at.
    """
    places = getsitepackages()
    package = next(filter(None, (PathFinder.find_spec(name, places) for name in PACKAGES)), None)
    if package is None or not package.origin:
        return None
    return _Answer(
        sys.base_prefix,
        sys.base_exec_prefix,
        sys.platlibdir,
        str(os.__file__),
        sorted(sys.stdlib_module_names),
        sys.executable,
        sys.version,
        package.origin,
    )


@dataclass(frozen=True)
class PairKind:
    """The kind of pair a program needs; programs of one kind share zygotes."""

    inproc: bool = False
    packages: tuple[str, ...] = ()  # installed distributions for the program, already imported
    checker_packages: tuple[str, ...] = ()
    allow_fork: bool = False
    memory_mb: int = 1024


@dataclass(frozen=True)
class Setting:
    """The configuration shared by all zygotes of one sandbox."""

    level: Level
    interpreter: Interpreter
    layers_off: frozenset[str] = frozenset()

    @property
    def layers(self) -> frozenset[str]:
        return _LAYERS_OF[self.level] - self.layers_off


@dataclass
class Zygote:
    """A started process and our end of its control connection."""

    process: subprocess.Popen[bytes]
    control: socket.socket


def start_zygote(
    role: str, setting: Setting, kind: PairKind, channel: socket.socket, index: int, scratch: str
) -> Zygote:
    """Start one zygote and send it its order; it answers on its control connection once its isolation is set up."""
    ours, theirs = socket.socketpair()
    packages = kind.packages if role == "candidate" else kind.checker_packages
    site = setting.interpreter.site if packages else ""
    with theirs:
        process = subprocess.Popen(
            [
                setting.interpreter.executable,
                *_FLAGS,
                "-c",
                _BOOT,
                _PACKAGE,
                str(theirs.fileno()),
                str(channel.fileno()),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(scratch),
            cwd="/",
            pass_fds=(theirs.fileno(), channel.fileno()),
            close_fds=True,
        )
    order = {
        "role": role,
        "level": setting.level,
        "layers": sorted(setting.layers),
        "uid": uid_of(index),
        **asdict(setting.interpreter.reads_with(packages)),
        "scratch": scratch,
        "site": site,
        "preload": to_preload(site, packages) if site else [],
        "allow_fork": kind.allow_fork,
        "memory_mb": kind.memory_mb,
        # The signal is per thread: a thread that ends before its process must not take the zygotes with it.
        "tied_to_parent": threading.current_thread() is threading.main_thread(),
        "parent": os.getpid(),
    }
    # One that was killed meanwhile has hung up, which the reader of its connection sees.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        ours.sendall(wire.encode(json.dumps(order).encode()))
    ours.setblocking(False)
    return Zygote(process, ours)


def uid_of(index: int) -> int:
    """The user id for a zygote started by root; each has its own, so that they can't signal each other."""
    return _FIRST_UID + index % _UIDS


def _environment(scratch: str) -> dict[str, str]:
    """A minimal environment: nothing from the caller's environment is passed on."""
    home = work_of(scratch) if scratch else "/tmp/w"
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home if scratch else "/tmp",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
