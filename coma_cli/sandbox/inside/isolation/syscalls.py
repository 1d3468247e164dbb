"""System call numbers of x86-64 and arm64, and raw calls through ctypes.

`ctypes.PyDLL` keeps the GIL, so that a raw `clone` returns into an interpreter that can continue.
"""

from __future__ import annotations

import ctypes
import os

# Both columns are from the kernel's tables (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h);
# None: the architecture has no such call.
_TABLE: dict[str, tuple[int | None, int | None]] = {
    "accept": (43, 202),
    "accept4": (288, 242),
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bind": (49, 200),
    "bpf": (321, 280),
    "capset": (126, 91),
    "chmod": (90, None),
    "chown": (92, None),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "close_range": (436, 436),
    "connect": (42, 203),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "fcntl": (72, 25),
    "file_setattr": (469, 469),
    "finit_module": (313, 273),
    "fork": (57, None),
    "fremovexattr": (199, 16),
    "fsconfig": (431, 431),
    "fsetxattr": (190, 7),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "futimesat": (261, None),
    "init_module": (175, 105),
    "inotify_add_watch": (254, 27),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_rm_watch": (255, 28),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioctl": (16, 29),
    "ioperm": (173, None),
    "iopl": (172, None),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "kill": (62, 129),
    "landlock_add_rule": (445, 445),
    "landlock_create_ruleset": (444, 444),
    "landlock_restrict_self": (446, 446),
    "lchown": (94, None),
    "listen": (50, 201),
    "listmount": (458, 458),
    "lookup_dcookie": (212, 18),
    "lremovexattr": (198, 15),
    "lsetxattr": (189, 6),
    "mbind": (237, 235),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mprotect": (10, 226),
    "mq_getsetattr": (245, 185),
    "mq_notify": (244, 184),
    "mq_open": (240, 180),
    "mq_timedreceive": (243, 183),
    "mq_timedsend": (242, 182),
    "mq_unlink": (241, 181),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pivot_root": (155, 41),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "removexattr": (197, 14),
    "removexattrat": (466, 466),
    "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "seccomp": (317, 277),
    "semctl": (66, 191),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "sendto": (44, 206),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "setpriority": (141, 140),
    "setsockopt": (54, 208),
    "settimeofday": (164, 170),
    "setxattr": (188, 5),
    "setxattrat": (463, 463),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "shmget": (29, 194),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "splice": (275, 76),
    "statmount": (457, 457),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "sysfs": (139, None),
    "syslog": (103, 116),
    "tee": (276, 77),
    "tgkill": (234, 131),
    "tkill": (200, 130),
    "truncate": (76, 45),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "ustat": (136, None),
    "utime": (132, None),
    "utimensat": (280, 88),
    "utimes": (235, None),
    "vfork": (58, None),
    "vhangup": (153, 58),
    "vmsplice": (278, 75),
}

ARCHITECTURES = ("x86_64", "aarch64")
# The last call of Linux 6.17, the latest kernel whose calls were all looked at; the numbers from 424 on are common.
NEWEST_KNOWN = 469


def numbers(machine: str) -> dict[str, int]:
    """The call numbers of one architecture, without the calls that it lacks. Raises KeyError for unknown ones."""
    if machine not in ARCHITECTURES:
        raise KeyError(machine)
    column = ARCHITECTURES.index(machine)
    return {name: number for name, row in _TABLE.items() if (number := row[column]) is not None}


def native_machine() -> str:
    """The kernel's name for the architecture of this process."""
    return os.uname().machine


# Looked up once: whatever a program's process touches for the first time after the fork costs a copied page.
_native = numbers(os.uname().machine) if os.uname().machine in ARCHITECTURES else {}
_libc = ctypes.PyDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long


class SyscallError(OSError):
    """A raw system call failed; the first word of the message is its name."""


def call(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make one system call by name; raises SyscallError with its errno."""
    result: int = _syscall(ctypes.c_long(_native[name]), *(_word(value) for value in arguments))
    if result == -1:
        code = ctypes.get_errno()
        raise SyscallError(code, f"{name}: {os.strerror(code)}")
    return result


def prctl(option: int, *arguments: int) -> int:
    """`prctl(2)` with unused arguments set to zero, as newer options require."""
    return call("prctl", option, *arguments, *([0] * (4 - len(arguments))))


def _word(value: int | bytes | ctypes.Array[ctypes.c_char] | None) -> object:
    return ctypes.c_long(value) if isinstance(value, int) else value


PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_GET_TID_ADDRESS = 40


class PreparedCall:
    """A system call with prepared arguments, so that each call costs little more than the call itself."""

    def __init__(self, name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> None:
        self._name = name
        self._words = (ctypes.c_long(_native[name]), *(_word(value) for value in arguments))

    def __call__(self) -> int:
        """Make the call; raises SyscallError."""
        result: int = _syscall(*self._words)
        if result == -1:
            code = ctypes.get_errno()
            raise SyscallError(code, f"{self._name}: {os.strerror(code)}")
        return result


_CHILD_CLEARTID, _CHILD_SETTID, _SIGCHLD = 0x200000, 0x1000000, 17


def prepare_clone(flags: int) -> PreparedCall:
    """A fork with flags, which the C library's `fork` does not accept; returns 0 in the child.

    The C library caches the thread id for `raise` and `abort`; the kernel updates it here, at the address that the
    library registered at start. The interpreter's fork hooks are not needed with a single thread.
    """
    address = ctypes.c_ulong()
    call("prctl", PR_GET_TID_ADDRESS, ctypes.addressof(address), 0, 0, 0)
    # (flags, stack, parent tid, then child tid and tls in an order that depends on the architecture)
    last = (address.value, 0) if native_machine() == "x86_64" else (0, address.value)
    return PreparedCall("clone", flags | _CHILD_CLEARTID | _CHILD_SETTID | _SIGCHLD, 0, 0, *last)


_NONBLOCK, _CLOEXEC = os.O_NONBLOCK, os.O_CLOEXEC


def inotify_open() -> int:
    """A descriptor that becomes readable when something changes in a watched directory."""
    return int(_checked("inotify_init1", _libc.inotify_init1(_NONBLOCK | _CLOEXEC)))


def inotify_watch(fd: int, path: str, mask: int) -> None:
    """Watch one directory."""
    _checked("inotify_add_watch", _libc.inotify_add_watch(fd, os.fsencode(path), mask))


def _checked(name: str, result: int) -> int:
    if result == -1:
        code = ctypes.get_errno()
        raise SyscallError(code, f"{name}: {os.strerror(code)}")
    return result
