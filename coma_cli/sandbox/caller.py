"""What this process has inherited from its caller and the sandbox can't work with: limits of a shell, ignored signals.

Such a limit would else show as failed programs, since each process of the sandbox inherits it too.
"""

import os
import resource
import signal
import threading
from typing import NamedTuple

from coma_cli.sandbox.contract import InheritedLimitError, Limits, SandboxError
from coma_cli.sandbox.inside.isolation import rlimits

_MIB = 1 << 20
# CPU seconds that a zygote may need until it is replaced, programs aside.
_ZYGOTE_CPU_S = 300
# Address space of an interpreter with numpy in memory.
_INTERPRETER_MB = 512
_STACK_MB = 1
_FILES_PER_WORKER = 16


class _Need(NamedTuple):
    """A limit, the option of `ulimit` that sets it, the least that it may be, its unit in bytes, and what it is of."""

    limit: int
    option: str
    least: int
    unit: int
    what: str


def check_inherited(limits: Limits, workers: int) -> None:
    """Raise InheritedLimitError, naming the option of `ulimit`, where a limit is too low; have children report back.

    A parent that ignores SIGCHLD (`trap '' CHLD`) makes this process do so too, and children that nobody waits for
    leave no status. The signal is reset, which only a main thread can do: SandboxError elsewhere.
    """
    if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
        if threading.current_thread() is not threading.main_thread():
            raise SandboxError("this process ignores SIGCHLD, so that it can't hear how its children end")
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for need in _needs(limits, workers):
        soft = resource.getrlimit(need.limit)[0]
        if soft != resource.RLIM_INFINITY and soft < need.least * need.unit:
            raise InheritedLimitError(
                f"{need.what} limited to {soft / need.unit:.4g} here (ulimit -{need.option}), "
                f"and the sandbox needs {need.least}"
            )


def _needs(limits: Limits, workers: int) -> list[_Need]:
    memory = limits.memory_mb + _INTERPRETER_MB
    needs = [
        _Need(resource.RLIMIT_CPU, "t", _ZYGOTE_CPU_S + int(2 * limits.cpu_s), 1, "the CPU seconds of a process are"),
        _Need(resource.RLIMIT_AS, "v", memory, _MIB, "the MiB of address space of a process are"),
        _Need(resource.RLIMIT_DATA, "d", memory, _MIB, "the MiB of data of a process are"),
        _Need(resource.RLIMIT_STACK, "s", _STACK_MB, _MIB, "the MiB of stack of a process are"),
        _Need(resource.RLIMIT_FSIZE, "f", rlimits.FILE_MB, _MIB, "the MiB of a file are"),
        _Need(resource.RLIMIT_NOFILE, "n", rlimits.OPEN_FILES + _FILES_PER_WORKER * workers, 1, "open files are"),
    ]
    processes = rlimits.PROCESSES + (0 if os.geteuid() == 0 else rlimits.tasks_of(os.getuid()))
    return [*needs, _Need(resource.RLIMIT_NPROC, "u", processes, 1, "the processes of a user are")]
