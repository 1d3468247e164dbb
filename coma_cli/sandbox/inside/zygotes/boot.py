# This file uses descriptors, plain paths and few imports instead of pathlib, and its /tmp is our own.
"""Starts a zygote: from a fresh interpreter, through setting up isolation, to the loop that serves programs.

The order of the steps matters, and each one explains its position. A requested layer that can't be set up is an error,
never a warning, reported to the supervisor before the first program runs.
"""

from __future__ import annotations

import _socket
import builtins
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from coma_cli.sandbox.inside.isolation import (
    descriptors,
    inherited,
    landlock,
    namespaces,
    rlimits,
    scratch,
    seccomp,
    syscalls,
)
from coma_cli.sandbox.inside.protocol import wire
from coma_cli.sandbox.inside.zygotes import import_finder, memory, reaper
from coma_cli.sandbox.inside.zygotes.zygote_ops import ZygoteOps

if TYPE_CHECKING:
    from coma_cli.sandbox.inside.zygotes.candidate_zygote import CandidateZygote

# Address space that a checker has beside what a program has: its tests, and what they expect.
_TESTS_MB = 1024


# Not released in the processes of programs: that would write to pages that they share with the zygote.
_kept: list[CandidateZygote] = []


class Order(NamedTuple):
    """The supervisor's configuration: the first frame on the control connection."""

    role: str  # "candidate" or "checker"
    level: str
    layers: frozenset[str]
    uid: int | None
    paths: list[str]  # what programs may read: the three lists of `read_list.ReadList`
    listed: list[str]
    links: list[list[str]]
    scratch: str
    site: str  # a folder of installed packages, or ""
    preload: list[str]
    allow_fork: bool
    memory_mb: int
    tied_to_parent: bool
    parent: int

    def on(self, layer: str) -> bool:
        return layer in self.layers


def main(control_fd: int, channel_fd: int) -> Callable[[], NoReturn]:
    """Set up isolation, report it, serve.

    It returns in the new process of each program, and what it returns runs the program: the caller calls it when no
    frame of the zygote is left on the stack, where a program would find what they hold.
    """
    control_fd = descriptors.move_up(control_fd)
    channel = _socket.socket(fileno=descriptors.move_up(channel_fd))
    os.closerange(3, descriptors.FIRST)
    try:
        inherited.reset_signals()
        order = _read_order(control_fd)
        os.umask(0o022)
        os.setsid()
        _die_with_parent(order)
        if order.role == "checker":
            _serve_checks(order, control_fd, channel)
        else:
            return _serve_programs(order, control_fd, channel)
    except BaseException as error:
        _say(control_fd, {"broken": f"{type(error).__name__}: {error}"[:300]})
    os._exit(1)


def _read_order(control_fd: int) -> Order:
    # Read not one byte more than the order: programs may follow it.
    length = int.from_bytes(_read_exactly(control_fd, 4), "little")
    fields: dict[str, Any] = json.loads(_read_exactly(control_fd, length))
    return Order(**{**fields, "layers": frozenset(fields["layers"])})


def _read_exactly(fd: int, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = os.read(fd, length - len(data))
        if not part:
            os._exit(0)
        data += part
    return data


def _say(control_fd: int, message: dict[str, Any]) -> None:
    with contextlib.suppress(wire.GoneError):
        wire.send(control_fd, json.dumps(message).encode())


def _die_with_parent(order: Order) -> None:
    """Be killed when the supervisor ends; changing ids or namespaces resets this, so it is called twice.

    A reaper that has a real directory to remove is exempt: it follows its zygote, which sees the supervisor hang up.
    """
    has_to_tidy = order.role == "candidate" and order.level != "ns"
    if has_to_tidy or not (order.on("pdeathsig") and order.tied_to_parent and sys.platform == "linux"):
        return
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    if order.parent and os.getppid() not in (order.parent, 0):
        os._exit(0)


# --- isolation ---


def _enter_namespaces(order: Order, *, pid: bool) -> None:
    """Become nobody, in our own namespaces, with our own file system."""
    own_proc = namespaces.open_own_proc()
    root_built = False
    if os.geteuid() == 0 and order.on("uid") and order.uid is not None:
        root_built = _build_root_as_root(order)
        namespaces.become(order.uid)
    namespaces.unshare_user(own_proc, pid=pid)
    os.close(own_proc)
    if not root_built:
        namespaces.build_root(order.paths, order.links)
        namespaces.seal_root()
    namespaces.mount_scratch()
    sys.path[:] = [namespaces.place_of(path) for path in sys.path]
    sys.path_importer_cache.clear()


def _become_nobody(order: Order) -> None:
    """Drop root without a private file system, where the interpreter may be in a directory that only root can enter."""
    if os.geteuid() != 0 or not order.on("uid") or order.uid is None:
        return
    folders = {path.rpartition("/")[0] or "/" for path in order.paths} | set(order.listed)
    hidden = not all(map(namespaces.is_open_to_all, folders))
    if order.level == "landlock":
        namespaces.become(order.uid, keep=namespaces.CAP_DAC_READ_SEARCH if hidden else 0)
    elif not hidden:
        namespaces.become(order.uid)


def _build_root_as_root(order: Order) -> bool:
    """As real root, build the file system first: its binds may be below directories that only root can enter."""
    try:
        namespaces.unshare_mounts()
    except OSError:
        # Root without CAP_SYS_ADMIN, as in a container: the user namespace has to do it.
        return False
    namespaces.build_root(order.paths, order.links)
    namespaces.seal_root()
    return True


def _raise_inner_walls(
    order: Order, writable: list[str], *, others: int, keep_capabilities: int = 0, fork_by_flag: bool = False
) -> None:
    """Apply the restrictions on the zygote itself, which every program inherits."""
    if sys.platform == "linux":
        syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    if order.on("rlimits"):
        # The checker holds a program's values, which that had room for, and its tests with what they expect.
        memory = order.memory_mb + (0 if order.role == "candidate" else _TESTS_MB)
        if order.level == "ns" and others == 0 and rlimits.counts_others(2 if order.role == "candidate" else 1):
            others = rlimits.UNCOUNTED
        rlimits.apply(rlimits.fixed_limits(memory, packages=bool(order.preload), others=others))
    if order.on("landlock"):
        landlock.restrict(_readable(order), writable, listed=_places(order, order.listed))
    if order.level == "ns":
        namespaces.drop_capabilities(keep_capabilities)
    if order.on("seccomp"):
        seccomp.install(
            seccomp.zygote_filter(
                syscalls.native_machine(),
                processes=not fork_by_flag,
                zygote_flag=seccomp.CLONE_NEWUTS if fork_by_flag else 0,
                own_files=order.level == "ns",
                truncating=order.level == "ns" or landlock.guards_truncation(),
            )
        )
    if order.on("dumpable") and sys.platform == "linux":
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)


def _others(order: Order) -> int:
    """Processes that count towards the limit but are not ours; call while /proc is still mounted."""
    becomes = order.uid if os.geteuid() == 0 and order.on("uid") and order.uid is not None else os.getuid()
    return rlimits.others_of(becomes, own_namespace=order.level == "ns") if sys.platform == "linux" else 0


def _readable(order: Order) -> list[str]:
    devices = [f"/dev/{name}" for name in namespaces.DEVICES]
    return [*_places(order, order.paths), *devices]


def _places(order: Order, paths: list[str]) -> list[str]:
    """Where these are now."""
    return [namespaces.place_of(path) for path in paths] if order.level == "ns" else paths


# --- the checker ---


def _serve_checks(order: Order, control_fd: int, channel: _socket.socket) -> NoReturn:
    # Each zygote imports only its own half, to stay lean, and imports it now, while our files are reachable.
    from coma_cli.sandbox.inside.zygotes.checker import CheckerZygote, raise_recursion_limit

    others = _others(order)
    memory.join_mappings()
    if order.level == "ns":
        _enter_namespaces(order, pid=False)
    else:
        _become_nobody(order)
    _die_with_parent(order)
    _prepare_imports(order)
    _raise_inner_walls(order, ["/dev/null"], others=others)
    os.chdir("/")
    raise_recursion_limit()
    _forget_ourselves()
    _say(control_fd, {"ready": True})
    CheckerZygote(control_fd, channel).run()
    os._exit(0)


# --- the candidate zygote and its reaper ---


def _serve_programs(order: Order, control_fd: int, channel: _socket.socket) -> Callable[[], NoReturn]:
    """Fork the zygote; the reaper stays outside its inner layers, renews scratch space and dies with the supervisor.

    Returns in the processes of programs only.
    """
    # Each zygote imports only its own half, to stay lean, and imports it now, while our files are reachable.
    from coma_cli.sandbox.inside.zygotes.candidate_zygote import CandidateZygote

    others = _others(order)
    memory.join_mappings()
    if order.level == "ns":
        _enter_namespaces(order, pid=True)
    else:
        _become_nobody(order)
    _die_with_parent(order)
    space = scratch.Scratch(None if order.level == "ns" else order.scratch)
    space.prepare()
    watcher = scratch.Watcher(space)
    watcher.start()
    ours, theirs = _socket.socketpair()
    inner, outer = descriptors.move_up(theirs.detach()), ours.detach()
    reaper_pid = os.getpid()
    pid = os.fork()
    if pid != 0:
        os.close(control_fd)
        os.close(channel.detach())
        os.close(inner)
        reaper.serve(pid, outer, watcher)
    os.close(outer)
    make_zygote = partial(CandidateZygote, control_fd, channel)
    return _be_zygote(order, control_fd, inner, watcher, reaper_pid, others, make_zygote)


def _be_zygote(
    order: Order,
    control_fd: int,
    reaper_fd: int,
    watcher: scratch.Watcher,
    reaper_pid: int,
    others: int,
    make_zygote: Callable[[ZygoteOps], CandidateZygote],
) -> Callable[[], NoReturn]:
    from coma_cli.sandbox.inside.zygotes import candidate

    try:
        # Signals without a handler do not reach pid 1 of a namespace; Python's own ^C handler would.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if order.on("pdeathsig") and sys.platform == "linux":
            syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
            if order.level != "ns" and os.getppid() != reaper_pid:
                os._exit(0)
        _prepare_imports(order)
        os.setsid()
        os.chdir(watcher.space.work)
        by_flag = order.level == "ns" and order.on("seccomp") and not order.allow_fork
        keep = namespaces.PROGRAM_CAPABILITIES | (namespaces.CAP_SYS_ADMIN if by_flag else 0)
        fork: Callable[[], int] = syscalls.prepare_clone(seccomp.CLONE_NEWUTS) if by_flag else os.fork
        if _may_start_processes(order) and order.level != "ns" and sys.platform == "linux":
            # Orphaned processes of a program are reparented to the zygote, where they are found.
            syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
        writable = [watcher.space.writable, "/dev/null"]
        _raise_inner_walls(order, writable, others=others, keep_capabilities=keep, fork_by_flag=by_flag)
        ops = ZygoteOps(
            fork=fork,
            shut_in=_shut_in(order),
            kill_all=_killer(order, reaper_fd),
            alone=by_flag,
            scratch_touched=watcher.touched,
            renew_scratch=lambda: _renew_scratch(reaper_fd, watcher),
            limit_cpu=order.on("rlimits"),
        )
        _forget_ourselves()
        _say(control_fd, {"ready": True})
        zygote = make_zygote(ops)
        _kept.append(zygote)
        return partial(candidate.run, *zygote.run())
    except BaseException as error:
        _say(control_fd, {"broken": f"{type(error).__name__}: {error}"[:300]})
    os._exit(1)


def _shut_in(order: Order) -> Callable[[], object]:
    """The last isolation step in a program's own process."""
    words = namespaces.capability_words(namespaces.PROGRAM_CAPABILITIES)
    drop_capabilities = syscalls.PreparedCall("capset", *words) if order.level == "ns" else None
    if drop_capabilities is not None and not order.allow_fork:
        return drop_capabilities
    machine = syscalls.native_machine()

    def shut_in() -> None:
        if order.level != "ns":
            os.setsid()
            if order.on("pdeathsig") and sys.platform == "linux":
                # No namespace dies with the zygote here; the filter below keeps the program from resetting this.
                syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        if drop_capabilities is not None:
            drop_capabilities()
        if order.allow_fork and sys.platform == "linux":
            # The supervisor reads the memory use of programs that may fork, which requires them to be dumpable.
            syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
        if order.level == "landlock" and order.on("seccomp"):
            seccomp.install(seccomp.program_filter(machine, own_pid=os.getpid(), processes=order.allow_fork))

    return shut_in


def _killer(order: Order, reaper_fd: int) -> Callable[[int], None]:
    """A function that kills everything a program may have started."""

    def kill_namespace(pid: int) -> None:
        # The program itself is at least a zombie, so there is always something to signal.
        os.kill(-1, signal.SIGKILL)

    def kill_program(pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        if _may_start_processes(order):
            reaper.ask(reaper_fd, scratch.SWEEP)

    # Outside a pid namespace `kill(-1)` would reach every process of this user.
    return kill_namespace if order.level == "ns" and os.getpid() == 1 else kill_program


def _may_start_processes(order: Order) -> bool:
    return order.allow_fork or not order.on("seccomp")


def _renew_scratch(reaper_fd: int, watcher: scratch.Watcher) -> None:
    reaper.ask(reaper_fd, scratch.RENEW)
    # The old directory disappears when the last process leaves it.
    os.chdir(watcher.space.work)


# --- the interpreter ---


def _prepare_imports(order: Order) -> None:
    """Import once what programs of this kind import, so that it is already in memory."""
    if order.level == "landlock":
        import_finder.find_only(order.paths, order.listed)
    if order.site:
        sys.path.append(namespaces.place_of(order.site) if order.level == "ns" else order.site)
    for name in order.preload:
        # A package that can't be imported here fails in the programs that import it.
        with contextlib.suppress(Exception):
            __import__(name)


def _forget_ourselves() -> None:
    """Hide this package from programs: an import with the same name must not find it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "coma_cli"]:
        del sys.modules[name]
    main_module = type(sys)("__main__")
    main_module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main_module
    sys.path[:] = [path for path in sys.path if path]
    sys.argv[:] = [""]
