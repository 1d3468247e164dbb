# This file uses descriptors, plain paths and few imports instead of pathlib, and its /tmp is our own.
# ruff: noqa: PTH102, PTH103, PTH106, PTH116, PTH120, PTH211, S108
"""Namespaces and the small file system of a sandbox.

What they stop: seeing or signalling processes outside, any network, access to files outside the binds below, to mounts
and to the host name. What they do NOT stop: kernel bugs, use of CPU and memory.

The new root is a tmpfs with read-only binds of what programs may read, file by file. There is no /proc: a
process could read the environment of others there. `/tmp` and `/dev/shm` are links into `/rw`, whose two tmpfs are
remounted after a program has touched them; they are links because Landlock rules apply to the directory above a mount
and would be lost with it.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Sequence

from coma_cli.sandbox.inside.isolation import syscalls

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_NOATIME, _NODIRATIME, _RELATIME = 1024, 2048, 1 << 21
_DETACH = 2

_OLD = "/.old"
DEVICES = ("null", "zero", "full", "random", "urandom")
SCRATCH, WORK, SHARED_MEMORY = "/rw/tmp", "/rw/tmp/w", "/rw/shm"
# Memory of the program's that no other limit counts, and about a kilobyte for each file.
_SCRATCH_OPTIONS = "size=48m,nr_inodes=10000,mode=1777"
_SHARED_MEMORY_OPTIONS = "size=16m,nr_inodes=1000,mode=1777"


def become(uid: int, keep: int = 0) -> None:
    """Switch from root to an unused id, before anything else: the kernel exempts root from the process limit.

    `keep`: capabilities to keep, which Landlock must then contain.
    """
    if keep:
        syscalls.prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if keep:
        set_capabilities(keep)
    # Changing ids makes the process undumpable and its /proc files owned by root: the id maps could not be written.
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)


def is_open_to_all(path: str) -> bool:
    """Whether every user may enter a directory."""
    places = [path[:end] or "/" for end, letter in enumerate(path + "/") if letter == "/"]
    return all(os.stat(place).st_mode & stat.S_IXOTH for place in places)


def open_own_proc() -> int:
    """A descriptor of our own directory in /proc, to be opened while /proc is still mounted."""
    return os.open("/proc/self", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def unshare_user(own_proc: int, *, pid: bool) -> None:
    """Enter a user namespace and the others inside it, with id 1000. `pid`: the next child becomes pid 1."""
    uid, gid = os.getuid(), os.getgid()
    syscalls.call("unshare", _NEWUSER | _NEWNS | _NEWUTS | _NEWIPC | _NEWNET | (_NEWPID if pid else 0))
    for name, text in (("setgroups", "deny"), ("uid_map", f"1000 {uid} 1"), ("gid_map", f"1000 {gid} 1")):
        entry = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=own_proc)
        try:
            os.write(entry, text.encode())
        finally:
            os.close(entry)


def unshare_mounts() -> None:
    """Enter only a mount namespace, as real root: its binds may then reach paths that the unprivileged id can't."""
    syscalls.call("unshare", _NEWNS)


def place_of(path: str) -> str:
    """Where a tree is mounted in the new root: an interpreter below /tmp has to move, since scratch space is there."""
    covered = any(path == scratch or path.startswith(scratch + "/") for scratch in ("/tmp", "/dev/shm"))
    return "/moved" + path if covered else path


def build_root(paths: Sequence[str], links: Sequence[Sequence[str]]) -> None:
    """Replace the root of the file system by a tmpfs with these real paths, read-only, and the devices.

    `links` are pairs of a place for a link and the path that it leads to.
    """
    _mount("none", "/", None, _REC | _PRIVATE)
    # Any directory works as a mount point: once it is the root, the mount no longer covers what was below it.
    _mount("tmpfs", "/tmp", "tmpfs", _NOSUID | _NODEV, "size=4m,mode=755")
    os.mkdir("/tmp" + _OLD)
    os.chdir("/tmp")
    syscalls.call("pivot_root", b".", b"." + _OLD.encode())
    os.chdir("/")
    for path in (*paths, *(f"/dev/{name}" for name in DEVICES)):
        _show(path)
    for place, path in links:
        _link(place_of(place), place_of(path))
    for path in ("/rw/tmp", "/rw/shm"):
        os.makedirs(path, 0o755, exist_ok=True)
    os.symlink("/rw/tmp", "/tmp")
    os.symlink("/rw/shm", "/dev/shm")
    syscalls.call("umount2", _OLD.encode(), _DETACH)
    os.rmdir(_OLD)


def seal_root() -> None:
    """Make the new root read-only; the scratch mounts below it stay writable."""
    _mount("none", "/", None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)


def mount_scratch(options: str = _SCRATCH_OPTIONS) -> None:
    """Mount fresh /tmp, with these options, and /dev/shm, of limited size, empty except for the working directory."""
    _mount("tmpfs", SCRATCH, "tmpfs", _NOSUID | _NODEV, options)
    _mount("tmpfs", SHARED_MEMORY, "tmpfs", _NOSUID | _NODEV | _NOEXEC, _SHARED_MEMORY_OPTIONS)
    os.mkdir(WORK, 0o755)


def renew_scratch() -> None:
    """Discard a program's files by remounting, so their depth, names, modes and number don't matter."""
    for path in (SCRATCH, SHARED_MEMORY):
        syscalls.call("umount2", path.encode(), _DETACH)
    mount_scratch()


def drop_capabilities(keep: int = 0) -> None:
    """Drop all capabilities except the bits in `keep` permanently: the bounding set is emptied too."""
    for capability in range(64):
        try:
            syscalls.prctl(syscalls.PR_CAPBSET_DROP, capability)
        except OSError:
            break
    set_capabilities(keep)


CAP_SYS_ADMIN = 1 << 21
# Enter any directory and read any file; `open_by_handle_at`, which it also allows, is denied by the seccomp filter.
CAP_DAC_READ_SEARCH = 1 << 2
_PR_SET_KEEPCAPS = 8
# CAP_DAC_OVERRIDE: a program may keep using files that it has made unreadable itself, as root in a container could.
# It only covers files of the one mapped id, and those outside the scratch space are mounted read-only.
PROGRAM_CAPABILITIES = 1 << 1


def capability_words(keep: int) -> tuple[bytes, ctypes.Array[ctypes.c_char]]:
    """Header and data for `capset` (version 3) that keep exactly the bits in `keep`."""
    low, high = keep & 0xFFFFFFFF, keep >> 32
    return struct.pack("=Ii", 0x20080522, 0), ctypes.create_string_buffer(
        struct.pack("=6I", low, low, 0, high, high, 0)
    )


def set_capabilities(keep: int) -> None:
    """Set effective and permitted capabilities to the bits in `keep`; none are inherited across exec."""
    header, data = capability_words(keep)
    syscalls.call("capset", header, data)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    syscalls.call(
        "mount",
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() if kind else None,
        flags,
        options.encode() or None,
    )


def _show(path: str) -> None:
    """Bind one file or directory of the old root, read-only."""
    source, target = _OLD + path, place_of(path)
    try:
        mode = os.stat(source).st_mode
    except OSError:
        return
    os.makedirs(target if stat.S_ISDIR(mode) else os.path.dirname(target), 0o755, exist_ok=True)
    if not stat.S_ISDIR(mode):
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    _mount(source, target, None, _BIND | (_REC if stat.S_ISDIR(mode) else 0))
    if not stat.S_ISCHR(mode):
        _make_read_only(target)


def _link(place: str, path: str) -> None:
    """A link, where no file is shown."""
    if not os.path.lexists(place):
        os.makedirs(os.path.dirname(place), 0o755, exist_ok=True)
        os.symlink(path, place)


def _make_read_only(path: str) -> None:
    _mount("none", path, None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV | _locked_flags(path))


def _locked_flags(path: str) -> int:
    """Flags of the mount at `path` that a user namespace may not clear, and so must repeat."""
    have = os.statvfs(path).f_flag
    pairs = (
        (os.ST_NOEXEC, _NOEXEC),
        (os.ST_NOATIME, _NOATIME),
        (os.ST_NODIRATIME, _NODIRATIME),
        (os.ST_RELATIME, _RELATIME),
    )
    return sum(flag for bit, flag in pairs if have & bit)
