"""Landlock: the kernel's unprivileged access control, a second layer for files, and the only one without namespaces.

What it stops: reading, writing, creating and removing files outside the given trees; TCP; connecting to abstract unix
sockets and signalling processes outside the domain (newer kernels). What it does NOT stop: chmod, chown, utime, stat
and UDP, nor truncation by path on older kernels; the seccomp filter does that.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Sequence

from coma_cli.sandbox.inside.isolation import syscalls

# include/uapi/linux/landlock.h
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_ALL_OF_ABI_1 = (1 << 13) - 1
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_ONLY_FOR_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_TCP_BIND_AND_CONNECT = 3
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2
_RULE_PATH_BENEATH = 1
_CREATE_RULESET_VERSION = 1


def abi_version() -> int:
    """The kernel's Landlock ABI version; 0 if it has none."""
    try:
        return syscalls.call("landlock_create_ruleset", None, 0, _CREATE_RULESET_VERSION)
    except (OSError, KeyError):
        return 0


def handled_rights(abi: int) -> tuple[int, int, int]:
    """File rights, network rights and scopes that this ABI can restrict."""
    files = _ALL_OF_ABI_1
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        files |= right if abi >= since else 0
    return (
        files,
        _TCP_BIND_AND_CONNECT if abi >= 4 else 0,
        _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if abi >= 6 else 0,
    )


def guards_truncation() -> bool:
    """Whether this kernel's Landlock covers truncate(2), as it does since Linux 6.2."""
    return abi_version() >= 3


def restrict(
    readable: Sequence[str], writable: Sequence[str], *, listed: Sequence[str] = (), scope_signals: bool = True
) -> None:
    """Restrict this process and its children: read below `readable`, full access below `writable`, nothing elsewhere.

    Below `listed` the names in folders can be listed, and nothing read.
    Paths that do not exist are skipped. Needs no_new_privs. Raises OSError if the kernel has no Landlock.
    """
    abi = abi_version()
    files, network, scopes = handled_rights(abi)
    if not scope_signals:
        scopes &= ~_SCOPE_SIGNALS
    fields = [files, network, scopes][: 3 if abi >= 6 else 2 if abi >= 4 else 1]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = syscalls.call("landlock_create_ruleset", attributes, len(attributes), 0)
    try:
        for path in readable:
            _allow(ruleset, path, _READ & files)
        for path in listed:
            _allow(ruleset, path, _READ_DIR)
        for path in writable:
            _allow(ruleset, path, files)
        syscalls.call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(target).st_mode):
            rights &= _ONLY_FOR_FILES
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, target))
        syscalls.call("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(target)
