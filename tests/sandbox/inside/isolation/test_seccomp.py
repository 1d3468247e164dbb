"""The filters, read by an interpreter for both architectures, and the tables against the kernel's own headers."""

import errno
import re
import subprocess
import sys
from pathlib import Path

import pytest

from coma_cli.sandbox.inside.isolation import landlock, seccomp, syscalls
from tests.sandbox.bpf import run_filter

EPERM, ENOSYS, PRETEND = (seccomp.ERRNO | errno.EPERM), (seccomp.ERRNO | errno.ENOSYS), seccomp.ERRNO
SIGCHLD, CLONE_NEWUSER, CLONE_NEWUTS, CLONE_VM, CLONE_THREAD = 17, 0x10000000, 0x04000000, 0x100, 0x10000
FOREIGN = {"x86_64": 0x40000003, "aarch64": 0x40000028}
HEADERS = {
    "x86_64": [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm/unistd_64.h")],
    "aarch64": [Path("/usr/include/asm-generic/unistd.h")],
}
# Newer than the headers that distributions ship; taken from the kernel's tables.
ALLOWED = ["read", "write", "openat", "mmap", "brk", "futex", "execve", "wait4", "exit_group", "getrandom"]


@pytest.fixture(params=syscalls.ARCHITECTURES)
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def answer(program: bytes, machine: str, name: str, *arguments: int) -> int:
    return run_filter(program, syscalls.numbers(machine)[name], seccomp.AUDIT_ARCH[machine], arguments)


def header_numbers(machine: str) -> dict[str, int]:
    found = [path for path in HEADERS[machine] if path.is_file()]
    if not found:
        pytest.skip(f"no kernel headers for {machine}")
    lines = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", found[0].read_text())
    return {name: int(number) for name, number in lines}


def test_numbers_match_the_kernels_headers(machine: str) -> None:
    known = header_numbers(machine)
    ours = syscalls.numbers(machine)
    shared = ours.keys() & known.keys()
    assert len(shared) > 80
    assert {name: ours[name] for name in shared} == {name: known[name] for name in shared}


def test_every_denied_name_is_in_the_table() -> None:
    everywhere = syscalls.numbers("x86_64").keys() | syscalls.numbers("aarch64").keys()
    assert everywhere >= {*seccomp.DENIED, *seccomp.METADATA}


def test_no_two_names_share_a_number(machine: str) -> None:
    numbers = list(syscalls.numbers(machine).values())
    assert len(numbers) == len(set(numbers))


def test_denied_calls_get_eperm_and_ordinary_ones_pass(machine: str) -> None:
    program = seccomp.zygote_filter(machine, processes=False)
    for name in seccomp.DENIED:
        if name in syscalls.numbers(machine):
            assert answer(program, machine, name) == EPERM, name
    known = header_numbers(machine)
    for name in ALLOWED:
        number = known.get(name, known.get("mmap" if name == "mmap" else name))
        assert number is not None
        assert run_filter(program, number, seccomp.AUDIT_ARCH[machine]) == seccomp.ALLOW, name


def test_other_architectures_are_killed(machine: str) -> None:
    program = seccomp.zygote_filter(machine, processes=False)
    assert run_filter(program, 1, FOREIGN[machine]) == seccomp.KILL


def test_calls_that_no_table_knows_do_not_exist(machine: str) -> None:
    program = seccomp.zygote_filter(machine, processes=False)
    assert max(syscalls.numbers(machine).values()) <= syscalls.NEWEST_KNOWN
    for number in (syscalls.NEWEST_KNOWN + 1, 500, 4000):
        assert run_filter(program, number, seccomp.AUDIT_ARCH[machine]) == ENOSYS
    assert run_filter(program, 468, seccomp.AUDIT_ARCH[machine]) == seccomp.ALLOW  # file_getattr


# What programs used or could use to signal others, to reach sockets by name, or to hold memory that is not counted.
NEVER_ALLOWED = [
    "accept",
    "accept4",
    "bind",
    "connect",
    "listen",
    "setsockopt",
    "socket",
    "inotify_init",
    "inotify_init1",
    "inotify_add_watch",
    "inotify_rm_watch",
    "vmsplice",
    "tee",
    "splice",
    "memfd_create",
    "memfd_secret",
    "io_uring_setup",
    "process_madvise",
    "userfaultfd",
    "shmget",
    "msgsnd",
    "mq_open",
    "add_key",
]


def test_what_no_honest_program_needs_is_denied(machine: str) -> None:
    program = seccomp.zygote_filter(machine, processes=True)
    known = syscalls.numbers(machine)
    assert set(NEVER_ALLOWED) <= known.keys() | {"inotify_init"}
    for name in known.keys() & set(NEVER_ALLOWED):
        assert answer(program, machine, name) == EPERM, name


def test_x32_calls_are_killed() -> None:
    program = seccomp.zygote_filter("x86_64", processes=True)
    assert run_filter(program, 0x40000000 | 1, seccomp.AUDIT_ARCH["x86_64"]) == seccomp.KILL


def test_threads_are_allowed_and_processes_are_not(machine: str) -> None:
    program = seccomp.zygote_filter(machine, processes=False)
    assert answer(program, machine, "clone", CLONE_VM | CLONE_THREAD) == seccomp.ALLOW
    assert answer(program, machine, "clone", SIGCHLD) == EPERM
    assert answer(program, machine, "clone", CLONE_NEWUSER | CLONE_THREAD) == EPERM
    assert answer(program, machine, "clone3") == ENOSYS
    if machine == "x86_64":
        assert answer(program, machine, "fork") == EPERM
        assert answer(program, machine, "vfork") == EPERM


def test_only_the_zygotes_flag_allows_a_process_if_it_is_set(machine: str) -> None:
    program = seccomp.zygote_filter(machine, processes=False, zygote_flag=seccomp.CLONE_NEWUTS)
    assert answer(program, machine, "clone", CLONE_NEWUTS | SIGCHLD) == seccomp.ALLOW
    assert answer(program, machine, "clone", CLONE_NEWUTS | CLONE_NEWUSER | SIGCHLD) == EPERM
    assert answer(program, machine, "clone", SIGCHLD) == EPERM


def test_processes_are_possible_if_allowed_but_never_new_namespaces(machine: str) -> None:
    program = seccomp.zygote_filter(machine, processes=True)
    assert answer(program, machine, "clone", SIGCHLD) == seccomp.ALLOW
    assert answer(program, machine, "clone", CLONE_NEWUTS | SIGCHLD) == EPERM


@pytest.mark.parametrize(
    ("name", "allowed", "denied"),
    [
        ("socketpair", (1, 1), (2, 1)),
        ("socketpair", (1, 1 | 0x80800), (1, 2 | 0x80800)),
        ("socketpair", (1, 5), (1, 3)),
        ("sendto", (3, 4096, 8, 0x4000), (3, 4096, 8, 0x4000, 0x7F00_0000_1000)),
        ("sendto", (3,), (3, 0, 0, 0, 1 << 40)),
        ("prlimit64", (0,), (1,)),
        ("ioctl", (1, 0x5401), (1, 0x5412)),
        ("ioctl", (1, 0x5421), (1, 0x541C)),
        ("ioctl", (1, 0x541B), (1, 0x5452)),
        ("ioctl", (1, 0x5451), (1, 0x8901)),
        ("ioctl", (1, 0x40086602), (1, 0x8902)),
        ("fcntl", (1, 0), (1, 8)),
        ("fcntl", (1, 1), (1, 10)),
        ("fcntl", (1, 2, 0x2000), (1, 15)),
        ("fcntl", (1, 3), (1, 1024)),
        ("fcntl", (1, 1025), (1, 1026)),
        ("fcntl", (1, 1030), (1, 1031)),
        ("fcntl", (1, 1039), (1, 1040)),
        ("fcntl", (1, 6), (1, 37)),
        ("fcntl", (1, 36), (1, 38)),
        ("fcntl", (1, 4, 0x800), (1, 4, 0x2800)),
    ],
)
def test_calls_that_depend_on_an_argument(machine: str, name: str, allowed: tuple[int], denied: tuple[int]) -> None:
    program = seccomp.zygote_filter(machine, processes=False)
    assert answer(program, machine, name, *allowed) == seccomp.ALLOW
    assert answer(program, machine, name, *denied) == EPERM


def test_mode_changes_are_faked_without_a_mount_namespace(machine: str) -> None:
    assert answer(seccomp.zygote_filter(machine, processes=False, own_files=False), machine, "fchmodat") == PRETEND
    assert answer(seccomp.zygote_filter(machine, processes=False), machine, "fchmodat") == seccomp.ALLOW


def test_flags_of_files_can_not_be_changed_without_a_mount_namespace(machine: str) -> None:
    shared = seccomp.zygote_filter(machine, processes=False, own_files=False)
    for request in (0x40086602, 0x40046602, 0x401C5820):
        assert answer(shared, machine, "ioctl", 1, request) == EPERM
    assert answer(shared, machine, "ioctl", 1, 0x80086601) == seccomp.ALLOW
    assert answer(shared, machine, "file_setattr") == PRETEND


def test_truncation_by_path_is_denied_if_landlock_does_not_cover_it(machine: str) -> None:
    older = seccomp.zygote_filter(machine, processes=False, own_files=False, truncating=False)
    assert answer(older, machine, "truncate") == EPERM
    assert answer(seccomp.zygote_filter(machine, processes=False), machine, "truncate") == seccomp.ALLOW


@pytest.mark.parametrize(("abi", "guarded"), [(0, False), (1, False), (2, False), (3, True), (6, True)])
def test_landlock_covers_truncation_from_its_third_version_on(
    monkeypatch: pytest.MonkeyPatch, abi: int, guarded: bool
) -> None:
    monkeypatch.setattr(landlock, "abi_version", lambda: abi)
    assert landlock.guards_truncation() is guarded


def test_a_program_may_signal_itself_alone(machine: str) -> None:
    program = seccomp.program_filter(machine, own_pid=77, processes=False)
    for name in ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"):
        assert answer(program, machine, name, 77) == seccomp.ALLOW
        assert answer(program, machine, name, 78) == EPERM
        assert answer(program, machine, name, -1) == EPERM
        assert answer(program, machine, name, 0) == EPERM
    assert answer(program, machine, "tkill", 77) == EPERM
    assert answer(program, machine, "prctl", syscalls.PR_SET_PDEATHSIG) == EPERM


def test_an_installed_filter_agrees_with_the_interpreter() -> None:
    text = (
        "import errno\n"
        "from coma_cli.sandbox.inside.isolation import seccomp, syscalls\n"
        "syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)\n"
        "seccomp.install(seccomp.zygote_filter(syscalls.native_machine(), processes=False))\n"
        "import os, socket\n"
        "for act in (os.fork, socket.socket):\n"
        "    try:\n"
        "        act()\n"
        "    except PermissionError:\n"
        "        print('denied')\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "denied\ndenied\n"
