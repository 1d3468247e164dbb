"""What of this installation and this machine the outcome of a program may depend on, as one hash.

An outcome that was seen under one identity may be relied upon under the same one: the sandbox's own code, the isolation
that holds, the interpreter with the packages that programs can import, and the machine.
"""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from coma_cli.sandbox.launch import Interpreter, find_interpreter
from coma_cli.sandbox.levels import Isolation

_PACKAGE = Path(__file__).resolve().parent
_METADATA = (".dist-info", ".egg-info")
_MACHINE_IDS = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_CPUINFO_HEAD = 4096


def identity(isolation: Isolation, python: str | None = None, named: Sequence[str] = ()) -> str:
    """SHA-256 (hex) of all parts; `python` and the `named` packages as for the sandbox.

    Raises:
        SandboxError: the interpreter does not run.
    """
    return hashlib.sha256(json.dumps(parts(isolation, python, named), sort_keys=True).encode()).hexdigest()


def parts(isolation: Isolation, python: str | None = None, named: Sequence[str] = ()) -> dict[str, Any]:
    """The parts by name, as JSON types."""
    interpreter = find_interpreter(python)
    return {
        "sandbox": sources_sha256(_PACKAGE),
        "isolation": [isolation.level, *isolation.on, *isolation.lost],
        "interpreter": [*_file(interpreter.executable), interpreter.version],
        "packages": packages(interpreter),
        "named packages": sorted(named),
        "host": host(),
    }


@cache
def sources_sha256(package: Path) -> str:
    """SHA-256 (hex) of the names and contents of a package's source files."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def packages(interpreter: Interpreter) -> list[str]:
    """Names and versions of the packages that programs can import, as their folders of metadata are called."""
    if not interpreter.site:
        return []
    return sorted(path.name for path in Path(interpreter.site).glob("*-info") if path.name.endswith(_METADATA))


def host() -> list[str]:
    """Kernel, name and id of the machine, and the model of its CPU."""
    system = os.uname()
    machine_id = next(filter(None, map(_first_line, _MACHINE_IDS)), "")
    return [system.sysname, system.release, system.machine, system.nodename, machine_id, _cpu_model()]


def _file(name: str) -> list[Any]:
    """Where a program really lies, its size and when it was changed."""
    path = Path(shutil.which(name) or name).resolve()
    try:
        status = path.stat()
    except OSError:
        return [name, str(path)]
    return [name, str(path), status.st_size, status.st_mtime_ns]


def _first_line(path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as handle:
            return handle.readline().strip()
    except OSError:
        return ""


def _cpu_model() -> str:
    """As Linux names it; some architectures have no such line."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as handle:
            lines = handle.read(_CPUINFO_HEAD).splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
