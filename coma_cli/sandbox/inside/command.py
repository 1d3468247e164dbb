# This file uses descriptors and plain paths instead of pathlib.
# ruff: noqa: PTH118, PTH123
"""Runs the commands of a foreign toolchain isolated like Python programs, each time in a fresh process.

    boot ─ enters namespaces, builds the root file system and the scratch space, writes the program's files
      └ init ─ pid 1 of the namespace; raises the inner layers; kills what a command leaves behind
          └ one child per command, with its output going into a pipe

Without namespaces init adopts what a command detaches, and the supervisor kills what init can't. Memory is not limited
by addresses, of which Go, the JVM and Node reserve many: the supervisor watches what is resident.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import struct
import sys
from typing import Any, NamedTuple, NoReturn

from coma_cli.sandbox.inside.isolation import descriptors, inherited, landlock, namespaces, rlimits, seccomp, syscalls

_MIB = 1 << 20
PROCESSES, OPEN_FILES = 128, 256
# The tail of private memory above the limit that the supervisor watches: what is taken between two looks.
_DATA_BEYOND_MB = 4096


class CommandOrder(NamedTuple):
    """What is to be run and where: the one message from the supervisor.

    `steps` are the commands, each with its CPU limit in seconds; a step runs if those before it ended with status 0.
    `scratch` is a real directory for the files, "" inside a mount namespace.
    """

    level: str
    uid: int | None
    paths: list[str]
    links: list[list[str]]
    scratch: str
    files: dict[str, str]
    steps: list[tuple[list[str], float]]
    environment: dict[str, str]
    memory_mb: int
    files_mb: int
    tied_to_parent: bool


def main(control_fd: int, output_fd: int) -> NoReturn:
    """Set up isolation, run the steps, report on the control descriptor; the process ends with it."""
    control, output = descriptors.move_up(control_fd), descriptors.move_up(output_fd)
    try:
        inherited.reset_signals()
        order = _read_order(control)
        os.umask(0o022)
        os.setsid()
        _die_with_parent(order)
        others = _others(order)
        _enter(order)
        _die_with_parent(order)
        pid = os.fork()
        if pid:
            os.close(control)
            os.close(output)
            os.waitpid(pid, 0)
        else:
            _be_init(order, control, output, others)
    except BaseException as error:
        _say(control, {"broken": f"{type(error).__name__}: {error}"[:300]})
    os._exit(0)


def _read_order(control: int) -> CommandOrder:
    data = b""
    while len(data) < 4 or len(data) < 4 + struct.unpack("<I", data[:4])[0]:
        part = os.read(control, 1 << 20)
        if not part:
            os._exit(0)
        data += part
    return CommandOrder(**json.loads(data[4:]))


def _say(control: int, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        os.write(control, json.dumps(message).encode() + b"\n")


def _die_with_parent(order: CommandOrder) -> None:
    """Be killed when the supervisor ends; changing ids or namespaces resets this, so it is called twice."""
    if order.tied_to_parent and sys.platform == "linux":
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)


def _enter(order: CommandOrder) -> None:
    if order.level != "ns":
        _write_files(order, order.scratch)
        if os.geteuid() == 0 and order.uid is not None:
            for folder, _, names in os.walk(order.scratch):
                for place in (folder, *(os.path.join(folder, name) for name in names)):
                    os.chown(place, order.uid, order.uid)
            namespaces.become(order.uid)
        return
    own_proc = namespaces.open_own_proc()
    built = False
    if os.geteuid() == 0 and order.uid is not None:
        # As real root, build the file system first: its binds may be below directories that only root can enter.
        with contextlib.suppress(OSError):
            namespaces.unshare_mounts()
            built = True
        if built:
            namespaces.build_root(order.paths, order.links)
            namespaces.seal_root()
        namespaces.become(order.uid)
    namespaces.unshare_user(own_proc, pid=True)
    os.close(own_proc)
    if not built:
        namespaces.build_root(order.paths, order.links)
        namespaces.seal_root()
    namespaces.mount_scratch(f"size={order.files_mb}m,nr_inodes=20000,mode=1777")
    _write_files(order, namespaces.WORK)


def _write_files(order: CommandOrder, folder: str) -> None:
    for name, text in order.files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)


def _be_init(order: CommandOrder, control: int, output: int, others: int) -> NoReturn:
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _die_with_parent(order)
        is_private = order.level == "ns"
        work = namespaces.WORK if is_private else order.scratch
        os.chdir(work)
        if not is_private and sys.platform == "linux":
            # What a command detaches is given to us, and killed.
            syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
        if is_private and others == 0 and rlimits.counts_others(2):
            raise OSError("this kernel counts the processes of other users towards our limit")
        _raise_layers(order, "/rw" if is_private else order.scratch, others)
        for number, (command, cpu_s) in enumerate(order.steps):
            _say(control, {"begins": number})
            status, used = _run(order, command, cpu_s, output)
            _say(control, {"step": number, "status": status, "cpu_s": used})
            if status != 0:
                break
            _make_executable()
    except BaseException as error:
        _say(control, {"broken": f"{type(error).__name__}: {error}"[:300]})
    os._exit(0)


def _others(order: CommandOrder) -> int:
    """Processes that count towards the limit but are not ours; call while /proc is still there."""
    becomes = order.uid if os.geteuid() == 0 and order.uid is not None else os.getuid()
    return rlimits.others_of(becomes, own_namespace=order.level == "ns")


def _raise_layers(order: CommandOrder, writable: str, others: int) -> None:
    is_private = order.level == "ns"
    if sys.platform == "linux":
        syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    rlimits.apply(
        [
            (resource.RLIMIT_FSIZE, order.files_mb * _MIB),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_MEMLOCK, 0),
            (resource.RLIMIT_NOFILE, OPEN_FILES),
            (resource.RLIMIT_NPROC, PROCESSES + others),
            (resource.RLIMIT_DATA, (order.memory_mb + _DATA_BEYOND_MB) * _MIB),
        ]
    )
    paths = [namespaces.place_of(path) for path in order.paths] if is_private else order.paths
    if not is_private or landlock.abi_version():
        devices = [f"/dev/{name}" for name in namespaces.DEVICES]
        landlock.restrict([*paths, *devices], [writable, "/dev/null"])
    if is_private:
        namespaces.drop_capabilities()
    if sys.platform == "linux":
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)


def _filter_calls(order: CommandOrder) -> None:
    is_private = order.level == "ns"
    machine = syscalls.native_machine()
    guarded = is_private or landlock.guards_truncation()
    seccomp.install(seccomp.zygote_filter(machine, processes=True, own_files=is_private, truncating=guarded))


def _make_executable() -> None:
    """Linkers do so themselves by `chmod`, which does nothing where the filter has to keep it from files outside."""
    with contextlib.suppress(OSError):
        program = os.open("program", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.fchmod(program, 0o755)
        finally:
            os.close(program)


def _run(order: CommandOrder, command: list[str], cpu_s: float, output: int) -> tuple[int, float]:
    """Run one command and kill what it leaves; its status as from wait(2), and the CPU seconds of all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    pid = os.fork()
    if pid == 0:
        _execute(order, command, cpu_s, output)
    status = 0
    while True:
        ended, how = os.waitpid(-1, 0)
        if ended == pid:
            status = how
            break
    _kill_others(order)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return status, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _kill_others(order: CommandOrder) -> None:
    """At `landlock` the supervisor kills them: a filter keeps us from signalling what is not ours there."""
    if order.level == "ns":
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)


def _execute(order: CommandOrder, command: list[str], cpu_s: float, output: int) -> NoReturn:
    try:
        os.setsid()
        seconds = int(cpu_s) + 1
        rlimits.apply([(resource.RLIMIT_CPU, seconds)])
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, 1 << 16)
        _filter_calls(order)
        os.execve(command[0], command, order.environment)  # noqa: S606 - what this module is for
    finally:
        os._exit(127)
