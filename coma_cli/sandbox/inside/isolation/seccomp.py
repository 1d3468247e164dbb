"""Seccomp filters in classic BPF, assembled and installed without any library.

What the inherited filter stops: other architectures and x32; calls that are newer than our tables; sockets other than
AF_UNIX pairs that are connected for good (one of datagram sockets can be addressed again); keys, io_uring, bpf, perf,
ptrace and process_vm_*; System V and POSIX message queues, semaphores and shared memory; memfd; mounting and new
namespaces; changing limits, scheduling or priorities; terminal injection; signals by a file that is ready (F_SETOWN,
O_ASYNC); memory that no limit counts (vmsplice, tee, larger pipes and socket buffers, queues of inotify, locks that
outlive a descriptor). What it does NOT stop: file access (mounts and Landlock do) and CPU or memory use (limits do).
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterator, Sequence

from coma_cli.sandbox.inside.isolation import syscalls

# struct seccomp_data: nr at 0, arch at 4, instruction pointer at 8, six 64-bit arguments from 16.
_NR, _ARCH = 0, 4
_LOAD, _JUMP_EQ, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000

CLONE_THREAD = 0x00010000
CLONE_NEWUTS = 0x04000000
_CLONE_NEW_ANY = 0x7E020000  # every namespace flag that clone(2) takes
_AF_UNIX, _SOCK_DGRAM = 1, 2
# include/uapi/asm-generic/ioctls.h, sockios.h, linux/fs.h: terminal injection; signals to other processes when a file
# is ready; flags of files and folders.
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_FIOASYNC, _FIOSETOWN, _SIOCSPGRP = 0x5452, 0x8901, 0x8902
_FS_IOC_SETFLAGS, _FS_IOC32_SETFLAGS, _FS_IOC_FSSETXATTR = 0x40086602, 0x40046602, 0x401C5820
# include/uapi/asm-generic/fcntl.h, linux/fcntl.h
_F_SETFL, _F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 4, 8, 10, 15
_F_SETLEASE, _F_NOTIFY, _F_SETPIPE_SZ, _F_SETDELEG = 1024, 1026, 1031, 1040
_F_OFD_SETLK, _F_OFD_SETLKW = 37, 38
_O_ASYNC = 0x2000

# Calls that send a signal, and the argument that says which.
_SIGNALLING = {"kill": 1, "tkill": 1, "tgkill": 2, "rt_sigqueueinfo": 1, "rt_tgsigqueueinfo": 2}
_SIGKILL, _EVERYONE = 9, 0xFFFFFFFF

# Denied with EPERM whatever the arguments.
DENIED = [
    "accept",
    "accept4",
    "acct",
    "add_key",
    "adjtimex",
    "bind",
    "bpf",
    "chroot",
    "clock_adjtime",
    "clock_settime",
    "connect",
    "delete_module",
    "fanotify_init",
    "fanotify_mark",
    "finit_module",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "init_module",
    "inotify_add_watch",
    "inotify_init",
    "inotify_init1",
    "inotify_rm_watch",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "ioperm",
    "iopl",
    "ioprio_set",
    "kcmp",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "listen",
    "listmount",
    "lookup_dcookie",
    "mbind",
    "memfd_create",
    "memfd_secret",
    "migrate_pages",
    "modify_ldt",
    "mount",
    "mount_setattr",
    "move_mount",
    "move_pages",
    "mq_getsetattr",
    "mq_notify",
    "mq_open",
    "mq_timedreceive",
    "mq_timedsend",
    "mq_unlink",
    "msgctl",
    "msgget",
    "msgrcv",
    "msgsnd",
    "name_to_handle_at",
    "nfsservctl",
    "open_by_handle_at",
    "open_tree",
    "open_tree_attr",
    "perf_event_open",
    "personality",
    "pidfd_getfd",
    "pidfd_open",
    "pidfd_send_signal",
    "pivot_root",
    "process_madvise",
    "process_mrelease",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "quotactl",
    "quotactl_fd",
    "reboot",
    "request_key",
    "sched_setaffinity",
    "sched_setattr",
    "sched_setparam",
    "sched_setscheduler",
    "semctl",
    "semget",
    "semop",
    "semtimedop",
    "set_mempolicy",
    "set_mempolicy_home_node",
    "setdomainname",
    "sethostname",
    "setns",
    "setpriority",
    "setsockopt",
    "settimeofday",
    "shmat",
    "shmctl",
    "shmdt",
    "shmget",
    "socket",
    "splice",
    "statmount",
    "swapoff",
    "swapon",
    "sysfs",
    "syslog",
    "tee",
    "umount2",
    "unshare",
    "uselib",
    "userfaultfd",
    "ustat",
    "vhangup",
    "vmsplice",
]

# Without a mount namespace these reach files, and Landlock does not cover them. They pretend to succeed, because
# programs that clean up after themselves would fail on an error but never check whether the mode has changed.
METADATA = [
    "chmod",
    "chown",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "fchown",
    "fchownat",
    "file_setattr",
    "fremovexattr",
    "fsetxattr",
    "futimesat",
    "lchown",
    "lremovexattr",
    "lsetxattr",
    "removexattr",
    "removexattrat",
    "setxattr",
    "setxattrat",
    "utime",
    "utimensat",
    "utimes",
]


class Filter:
    """A filter under construction: the first matching rule decides; calls without a match are allowed."""

    def __init__(self, machine: str) -> None:
        self._numbers = syscalls.numbers(machine)
        self._machine = machine
        self._code = [
            _op(_LOAD, _ARCH),
            _op(_JUMP_EQ, AUDIT_ARCH[machine], 1, 0),
            _op(_RETURN, KILL),
            _op(_LOAD, _NR),
        ]
        if machine == "x86_64":
            self._code += [_op(_JUMP_GE, _X32_BIT, 0, 1), _op(_RETURN, KILL)]

    def deny(self, names: list[str], error: int = errno.EPERM) -> None:
        """Deny these calls with an error (0: pretend success). Names that the architecture lacks are skipped."""
        for name in names:
            if name in self._numbers:
                self._code += [_op(_JUMP_EQ, self._numbers[name], 0, 1), _op(_RETURN, ERRNO | error)]

    def deny_unless_argument(self, name: str, index: int, value: int) -> None:
        """Deny a call unless the low word of an argument has this value."""
        self._guarded(
            name, [_op(_LOAD, _argument(index)), _op(_JUMP_EQ, value, 1, 0), _op(_RETURN, ERRNO | errno.EPERM)]
        )

    def deny_if_argument(self, name: str, index: int, *values: int) -> None:
        """Deny a call if the low word of an argument has one of these values. Call once for each name."""
        self._guarded(name, [_op(_LOAD, _argument(index)), *_deny_any(values)])

    def restrict_signals(self, *, own_pid: int | None = None) -> None:
        """Deny SIGKILL, but to all other processes at once (`kill(-1)`), so that a program can't have killed itself.

        With `own_pid`, signals go to that process only, and none of them is SIGKILL.
        """
        for name, signal_at in _SIGNALLING.items():
            body = []
            if own_pid is not None:
                deny = _op(_RETURN, ERRNO | errno.EPERM)
                body = [_op(_LOAD, _argument(0)), _op(_JUMP_EQ, own_pid, 1, 0), deny]
            elif name == "kill":
                body = [_op(_LOAD, _argument(0)), _op(_JUMP_EQ, _EVERYONE, 0, 1), _op(_RETURN, ALLOW)]
            self._guarded(name, [*body, _op(_LOAD, _argument(signal_at)), *_deny_any((_SIGKILL,))])

    def restrict_fcntl(self) -> None:
        """Deny what signals other processes when a file is ready, leases, larger pipes, and locks of open files."""
        signalling = (_F_SETOWN, _F_SETSIG, _F_SETOWN_EX, _F_SETLEASE, _F_NOTIFY, _F_SETDELEG)
        denied = (*signalling, _F_SETPIPE_SZ, _F_OFD_SETLK, _F_OFD_SETLKW)
        flags = [_op(_LOAD, _argument(2)), _op(_JUMP_SET, _O_ASYNC, 0, 1), _op(_RETURN, ERRNO | errno.EPERM)]
        body = [_op(_LOAD, _argument(1)), *_deny_any(denied), _op(_JUMP_EQ, _F_SETFL, 0, len(flags)), *flags]
        self._guarded("fcntl", body)

    def restrict_sockets(self) -> None:
        """Only connected pairs of unix sockets, and nothing sent to another address than their own.

        A datagram socket of a pair could be connected to any socket of the machine that has a name or a path. The types
        with this bit are SOCK_DGRAM, SOCK_RAW (the same for unix sockets) and SOCK_PACKET.
        """
        denied = _op(_RETURN, ERRNO | errno.EPERM)
        family = [_op(_LOAD, _argument(0)), _op(_JUMP_EQ, _AF_UNIX, 1, 0), denied]
        self._guarded("socketpair", [*family, _op(_LOAD, _argument(1)), _op(_JUMP_SET, _SOCK_DGRAM, 0, 1), denied])
        address = (_argument(4), _argument(4) + 4)
        self._guarded("sendto", [op for half in address for op in (_op(_LOAD, half), _op(_JUMP_EQ, 0, 1, 0), denied)])

    def deny_newer(self) -> None:
        """Calls that our tables don't know do not exist, as on an older kernel."""
        self._code += [_op(_JUMP_GE, syscalls.NEWEST_KNOWN + 1, 0, 1), _op(_RETURN, ERRNO | errno.ENOSYS)]

    def restrict_clone(self, *, processes: bool, zygote_flag: int = 0) -> None:
        """Allow threads; new processes only if `processes`; no new namespaces, except by one flag for the zygote.

        A clone with `zygote_flag` needs a capability that the zygote has and its children have dropped: so the zygote
        can fork under a filter that forbids forking, and no separate filter is needed for each program.
        """
        body = [_op(_LOAD, _argument(0))]
        if zygote_flag:
            body += [_op(_JUMP_SET, _CLONE_NEW_ANY & ~zygote_flag, 0, 1), _op(_RETURN, ERRNO | errno.EPERM)]
            body += [_op(_JUMP_SET, zygote_flag, 0, 1), _op(_RETURN, ALLOW)]
        else:
            body += [_op(_JUMP_SET, _CLONE_NEW_ANY, 0, 1), _op(_RETURN, ERRNO | errno.EPERM)]
        if not processes:
            body += [_op(_JUMP_SET, CLONE_THREAD, 1, 0), _op(_RETURN, ERRNO | errno.EPERM)]
        self._guarded("clone", body)
        # Its flags are in memory, which a filter can't read; ENOSYS makes the C library fall back to clone.
        self.deny(["clone3"], errno.ENOSYS)
        if not processes:
            self.deny(["fork", "vfork"])

    def _guarded(self, name: str, body: list[bytes]) -> None:
        if name in self._numbers:
            tail = [_op(_RETURN, ALLOW)]
            self._code += [_op(_JUMP_EQ, self._numbers[name], 0, len(body) + 1), *body, *tail]

    def program(self) -> bytes:
        """The finished filter."""
        return b"".join([*self._code, _op(_RETURN, ALLOW)])


def _op(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, k)


def _deny_any(values: Sequence[int]) -> Iterator[bytes]:
    """Instructions that deny the call if the accumulator has one of these values."""
    for value in values:
        yield _op(_JUMP_EQ, value, 0, 1)
        yield _op(_RETURN, ERRNO | errno.EPERM)


def _argument(index: int) -> int:
    # The low half of a 64-bit argument; both architectures are little-endian.
    return 16 + 8 * index


def zygote_filter(
    machine: str, *, processes: bool, zygote_flag: int = 0, own_files: bool = True, truncating: bool = True
) -> bytes:
    """The long filter that a zygote installs once and every program inherits.

    `own_files`: programs have their own file system. `truncating`: something else guards `truncate`, which takes a path
    instead of a descriptor.
    """
    rules = Filter(machine)
    rules.restrict_clone(processes=processes, zygote_flag=zygote_flag)
    rules.deny_newer()
    rules.restrict_sockets()
    rules.deny_unless_argument("prlimit64", 0, 0)
    requests = (_TIOCSTI, _TIOCLINUX, _FIOASYNC, _FIOSETOWN, _SIOCSPGRP)
    # Without a mount namespace these reach files, and Landlock does not cover them.
    flags = () if own_files else (_FS_IOC_SETFLAGS, _FS_IOC32_SETFLAGS, _FS_IOC_FSSETXATTR)
    rules.deny_if_argument("ioctl", 1, *requests, *flags)
    rules.restrict_fcntl()
    if own_files and not processes:
        rules.restrict_signals()
    rules.deny(DENIED)
    if not own_files:
        rules.deny(METADATA, 0)
    if not truncating:
        rules.deny(["truncate"])
    return rules.program()


def program_filter(machine: str, *, own_pid: int, processes: bool) -> bytes:
    """The short filter of one program without a pid namespace: it forbids signals to other processes."""
    rules = Filter(machine)
    rules.deny_if_argument("prctl", 0, syscalls.PR_SET_PDEATHSIG)
    if not processes:
        rules.restrict_clone(processes=False)
        rules.deny(["tkill"])
        rules.restrict_signals(own_pid=own_pid)
    return rules.program()


class _SockFprog(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


_SET_MODE_FILTER = 1
_FLAG_SPEC_ALLOW = 4  # otherwise kernels before 5.16 enable a mitigation that halves Python's speed


def install(program: bytes) -> None:
    """Install a filter for this process and its children. Needs no_new_privs. Raises OSError."""
    code = ctypes.create_string_buffer(program, len(program))
    description = _SockFprog(len(program) // 8, ctypes.addressof(code))
    syscalls.call("seccomp", _SET_MODE_FILTER, _FLAG_SPEC_ALLOW, ctypes.addressof(description))
