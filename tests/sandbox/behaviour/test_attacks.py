"""Small attacks, one property each: what a program must not reach, keep, forge or break at level `ns`."""

import os
import socket
import textwrap
from contextlib import ExitStack
from pathlib import Path

import pytest

from coma_cli.sandbox import Limits, Program, Sandbox, proctree
from tests.sandbox.conftest import Runner

PASS_IF_REFUSED = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def refused(act, *arguments):
    try:
        result = act(*arguments)
    except OSError:
        return True
    return type(result) is int and result == -1
"""


def refused(expression: str) -> str:
    """A script that passes only if an expression is refused."""
    return f"{PASS_IF_REFUSED}\nassert refused({expression})\n"


# --- what a program must not reach ---


@pytest.mark.parametrize(
    "expression",
    [
        "open, '/etc/passwd'",
        "open, '/proc/self/environ'",
        "os.listdir, '/proc'",
        "open, '/usr/lib/planted', 'w'",
        "open, '/planted', 'w'",
        "os.mkdir, '/dev/planted'",
        "os.remove, '/dev/null'",
        "os.chmod, '/usr', 0o777",
        "os.chroot, '/tmp'",
        "socket.socket, socket.AF_INET, socket.SOCK_STREAM",
        "socket.socket, socket.AF_INET, socket.SOCK_DGRAM",
        "socket.socket, socket.AF_INET6, socket.SOCK_STREAM",
        "socket.socket, socket.AF_UNIX, socket.SOCK_STREAM",
        "socket.socket, socket.AF_NETLINK, socket.SOCK_RAW",
        "socket.socket, socket.AF_PACKET, socket.SOCK_RAW",
        "socket.socket, 40, socket.SOCK_STREAM",
        "os.fork",
        "os.posix_spawn, '/bin/true', ['true'], {}",
        "os.kill, 1, 9",
        "os.setpriority, os.PRIO_PROCESS, 0, -5",
        "os.sched_setaffinity, 0, [0]",
        "os.memfd_create, 'x'",
        "libc.inotify_init1, 0",
        "libc.inotify_init",
        "os.pidfd_open, 1",
        "os.setuid, 0",
        "libc.unshare, 0x10000000",
        "libc.mount, b'none', b'/tmp', b'tmpfs', 0, None",
        "libc.ptrace, 16, 1, None, None",
        "libc.shmget, 1, 4096, 0o1666",
        "libc.syscall, 248, b'user', b'name', b'data', 4, -5",
        "libc.syscall, 425, 8, None",
        "libc.prlimit, 1, 7, None, None",
    ],
)
def test_refused(runner: Runner, expression: str) -> None:
    if "libc.syscall" in expression and os.uname().machine != "x86_64":
        pytest.skip("numbers of x86-64")
    if expression == "os.kill, 1, 9":
        # Other signals the kernel takes and does nothing: pid 1 of a namespace can't be signalled from within.
        assert runner.script("import os\nos.kill(1, 2)\n").verdict == "pass"
        assert runner.script("pass").attempts == 1
    outcome = runner.script(refused(expression))
    assert outcome.verdict == "pass", outcome.detail


FILE_SIGNALS = """
import ctypes, fcntl, os
libc = ctypes.CDLL(None, use_errno=True)
r, w = os.pipe()
fcntl.fcntl(w, fcntl.F_SETFL, os.O_NONBLOCK)
denied = [(fcntl.F_SETOWN, os.getpid()), (10, 9), (15, bytes(8)), (1024, 0), (1026, 1), (1031, 1 << 20),
          (1040, 0), (37, bytes(32)), (38, bytes(32)), (fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)]
for command, argument in denied:
    try:
        fcntl.fcntl(w, command, argument)
    except PermissionError:
        continue
    raise AssertionError(command)
for request in (0x5452, 0x8901, 0x8902):
    try:
        fcntl.ioctl(r, request, bytes(4))
    except PermissionError:
        continue
    raise AssertionError(request)
for name in ("vmsplice", "tee", "splice"):
    assert getattr(libc, name)(r, w, None, None, 1, 0) == -1 and ctypes.get_errno() == 1, name
"""


@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_files_send_no_signals_and_pipes_hold_no_memory_that_is_not_counted(level: str) -> None:
    with Sandbox(isolation=level, workers=1) as sandbox:  # type: ignore[arg-type]
        outcome = Runner(sandbox).script(FILE_SIGNALS)
    assert outcome.verdict == "pass", outcome.detail


NAMED_SOCKETS = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)

def sent_to(end, name):
    yield lambda: end.sendto(b"sendto", name)
    yield lambda: end.sendmsg([b"sendmsg"], (), 0, name)
    yield lambda: (end.connect(name), end.send(b"connect"))

def ends():
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_RAW):
        for flags in (0, socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK):
            try:
                yield from socket.socketpair(socket.AF_UNIX, kind | flags)
            except OSError:
                pass

kinds, reached = set(), []
for end in ends():
    kinds.add(end.type & 7)
    end.setblocking(False)
    for name in {names}:
        for act in sent_to(end, name):
            try:
                act()
            except OSError:
                continue
            if end.type & 7 == socket.SOCK_DGRAM:
                reached.append(name)
    for act in (lambda: end.bind("\\0coma-bound"), lambda: end.bind("bound"), end.listen, end.accept):
        try:
            act()
        except OSError as error:
            if error.errno == 1:
                continue
        reached.append("named or waited")
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    except PermissionError:
        continue
    reached.append("larger")
assert kinds == {socket.SOCK_STREAM, socket.SOCK_SEQPACKET}, kinds
assert not reached, reached
"""


@pytest.mark.parametrize("off", [(), ("landlock",)])
@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_pairs_of_sockets_reach_no_other_socket(level: str, off: tuple[str, ...], tmp_path: Path) -> None:
    # Landlock covers abstract names since its sixth version, and no version until today covers paths.
    for place in (tmp_path, *tmp_path.parents[:3]):
        place.chmod(place.stat().st_mode | 0o055)
    names = [f"\0coma-{os.getpid()}", str(tmp_path / "socket")]
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) for _ in names]
        for listener, name in zip(listeners, names, strict=True):
            listener.bind(name)
            listener.setblocking(False)
        Path(names[1]).chmod(0o777)
        sandbox = stack.enter_context(Sandbox(isolation=level, workers=1, layers_off=frozenset(off)))  # type: ignore[arg-type]
        outcome = Runner(sandbox).script(NAMED_SOCKETS.replace("{names}", repr(names)))
        assert outcome.verdict == "pass", outcome.detail
        for listener in listeners:
            with pytest.raises(BlockingIOError):
                listener.recv(10)


def test_sockets_reach_others_where_nothing_stops_them(tmp_path: Path) -> None:
    # The same program finds what it looks for: a pair of datagram sockets can be addressed again.
    tmp_path.chmod(0o777)
    for place in tmp_path.parents[:3]:
        place.chmod(place.stat().st_mode | 0o055)
    name = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name)
        listener.setblocking(False)
        Path(name).chmod(0o777)
        with Sandbox(isolation="landlock", workers=1, layers_off=frozenset(("seccomp",))) as sandbox:
            outcome = Runner(sandbox).script(NAMED_SOCKETS.replace("{names}", repr([name])))
        assert outcome.verdict == "fail"
        assert listener.recv(10) == b"sendto"


def test_the_environment_is_built_from_scratch(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMA_CANARY", "secret")
    with Sandbox(workers=1) as sandbox:
        outcome = Runner(sandbox).script("import os\nassert not {'COMA_CANARY', 'USER', 'LOGNAME'} & set(os.environ)\n")
    assert outcome.verdict == "pass", outcome.detail


def test_no_descriptor_but_the_standard_ones_and_its_link_is_open(runner: Runner) -> None:
    source = """
    import os
    def opened():
        found = []
        for fd in range(256):
            try:
                os.fstat(fd)
                found.append(fd)
            except OSError:
                pass
        return len(found)
    """
    outcome = runner.call(textwrap.dedent(source), "assert opened() == 4, opened()", "opened")
    assert outcome.verdict == "pass", outcome.detail


def test_the_zygotes_own_modules_are_hidden(runner: Runner) -> None:
    outcome = runner.script(
        "import sys\nassert not [n for n in sys.modules if 'coma' in n]\ntry:\n    import coma_cli\n"
        "except ImportError:\n    pass\nelse:\n    assert False\n"
    )
    assert outcome.verdict == "pass", outcome.detail


def test_no_test_is_in_the_memory_of_a_program(runner: Runner) -> None:
    source = """
    import gc, sys
    def f():
        texts, frame = [], sys._getframe(1)
        while frame:
            texts.append(repr(frame.f_locals) + repr(frame.f_globals))
            frame = frame.f_back
        texts += [repr(o) for o in gc.get_objects() if isinstance(o, (dict, list, tuple))]
        needle = ''.join(['nee', 'dle-5c1e'])
        return sum(needle in text for text in texts)
    """
    tests = "secret = 'needle-5c1e'\nassert f() == 0, f()\n"
    first = runner.call(textwrap.dedent(source), tests, "f")
    second = runner.call(textwrap.dedent(source), tests, "f")
    assert (first.verdict, second.verdict) == ("pass", "pass"), (first.detail, second.detail)


# --- what a program must not keep ---


def test_files_do_not_outlive_their_program(runner: Runner) -> None:
    leave = (
        "import os\nfor p in ('x', '/tmp/y', '/dev/shm/z'):\n    open(p, 'w').write('left')\nos.chmod('/tmp/w', 0)\n"
    )
    find = "import os\nassert os.listdir('.') == os.listdir('/dev/shm') == []\nassert os.listdir('/tmp') == ['w']\n"
    with Sandbox(workers=1) as sandbox:
        assert [Runner(sandbox).script(text).verdict for text in (leave, find)] == ["pass", "pass"]


def test_changes_of_the_interpreter_do_not_outlive_their_program(runner: Runner) -> None:
    spoil = "import builtins, math, sys\nmath.pi = 3\nbuiltins.len = None\nsys.path.clear()\nsys.modules.clear()\n"
    check = "import math, json\nassert math.pi > 3.1 and len('ab') == 2\n"
    with Sandbox(workers=1) as sandbox:
        runner = Runner(sandbox)
        assert runner.script(spoil).verdict in ("pass", "fail", "error")
        assert runner.script(check).verdict == "pass"


# --- what a program must not forge ---

TO_ALL_DESCRIPTORS = """
import os, struct
def frame(data):
    return struct.pack('<I', len(data)) + data
def f(x):
    for fd in range(3, 64):
        try:
            os.write(fd, {data})
        except OSError:
            pass
    return 0
"""
FORGERIES = {
    "equal to everything": "class E:\n    __eq__ = lambda *_: True\ndef f(x):\n    return E()\n",
    "equal int": "class E(int):\n    __eq__ = lambda *_: True\n    __hash__ = None\ndef f(x):\n    return E(1)\n",
    "exit at import": "import os\nos._exit(0)\n",
    "exit in call": "import os\ndef f(x):\n    os._exit(0)\n",
    "system exit": "import sys\ndef f(x):\n    sys.exit(0)\n",
    "keyboard interrupt": "def f(x):\n    raise KeyboardInterrupt\n",
    "assertions off": "import builtins\nbuiltins.AssertionError = None\ndef f(x):\n    return 0\n",
    "written frames": TO_ALL_DESCRIPTORS.format(data="frame(b'[\"v\",42]') + frame(b'p') + frame(b'[\"ready\"]')"),
    "noise": TO_ALL_DESCRIPTORS.format(data="os.urandom(4096)"),
    "endless frame": TO_ALL_DESCRIPTORS.format(data="b'\\xff\\xff\\xff\\xff' + b'x' * 65536"),
    "string for number": "def f(x):\n    return '42'\n",
    "exception with verdict": "def f(x):\n    raise ValueError('pass')\n",
}


@pytest.mark.parametrize("source", FORGERIES.values(), ids=FORGERIES.keys())
def test_forgeries_fail(runner: Runner, source: str) -> None:
    outcome = runner.call(source, "assert f(1) == 4711", "f")
    assert outcome.verdict in ("fail", "error"), outcome


def test_answers_sent_in_advance_are_answers_not_verdicts(runner: Runner) -> None:
    # The program may answer anything: an answer sent early is still only compared.
    source = (
        "import os, struct\nm = b'[\"v\",7]'\nfor fd in range(3, 64):\n    try:\n"
        "        os.write(fd, struct.pack('<I', 9) + b'[\"ready\"]' + (struct.pack('<I', len(m)) + m) * 5)\n"
        "    except OSError:\n        pass\n"
    )
    assert runner.call(source, "assert f(1) == 42", "f").verdict == "fail"


def test_tests_that_swallow_everything_do_not_hide_that_the_program_exited(runner: Runner) -> None:
    tests = "try:\n    f(1)\nexcept BaseException:\n    pass\n"
    for source in (
        "import os\ndef f(x):\n    os._exit(0)\n",
        "def f(x):\n    raise SystemExit\n",
        "def f(x):\n    return object()\n",
    ):
        assert runner.call(source, tests, "f").verdict == "fail"
    assert runner.call("def f(x):\n    raise ValueError\n", tests, "f").verdict == "pass"


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("x = 1 +", "error"),
        ("raise ValueError", "fail"),
        ("import os\nos._exit(0)", "fail"),
        ("import sys\nsys.exit(0)", "fail"),
        ("x = [bytearray(1 << 30)] * 2", "memory"),
        ("while True: pass", "timeout"),
        ("x = 1", "pass"),
    ],
)
def test_tests_that_never_call_the_program_do_not_pass_one_that_can_not_be_loaded(
    runner: Runner, source: str, verdict: str
) -> None:
    assert runner.call(source, "assert True", "f", limits=Limits(cpu_s=0.5, memory_mb=512)).verdict == verdict


# --- what a program must not break ---


@pytest.mark.parametrize(
    ("source", "verdicts"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", ("error",)),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", ("fail",)),
        ("import os\nos.closerange(0, 4096)", ("fail", "error", "pass")),
        ("x = [bytearray(1 << 30)] * 2", ("memory",)),
        ("while True:\n    pass", ("timeout",)),
        ("x = 'é' + chr(0xd800)\nprint(x)\nraise ValueError(x)", ("fail",)),
        ("x = 1 +", ("error",)),
        ("\0", ("error",)),
        ("import sys\nsys.setrecursionlimit(10**9)\nf = lambda: f()\nf()", ("error", "memory", "fail", "timeout")),
        (
            "import threading\nfor _ in range(500):\n    threading.Thread(target=threading.Event().wait).start()",
            ("fail", "error", "memory"),
        ),
    ],
    ids=range(10),
)
def test_a_program_that_dies_leaves_a_working_worker(runner: Runner, source: str, verdicts: tuple[str, ...]) -> None:
    limited = Limits(cpu_s=0.5, wall_s=4, memory_mb=512)
    outcome = runner.script(source, limits=limited)
    assert outcome.verdict in verdicts, outcome
    assert len(outcome.detail) <= 300
    assert not outcome.runner_crash
    assert runner.script("pass").verdict == "pass"


def test_a_program_may_fork_only_where_it_is_allowed_and_its_children_die_with_it(runner: Runner) -> None:
    source = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\n    os._exit(0)\n"
    before = set(proctree.descendants(os.getpid()))
    assert runner.script(source).verdict == "fail"
    assert runner.script(source, limits=Limits(allow_fork=True)).verdict == "pass"
    # The allowed one has started another pair of zygotes; nothing else may be new.
    assert len(set(proctree.descendants(os.getpid())) - before) <= 3


def test_memory_of_a_tree_is_limited_as_a_whole(runner: Runner) -> None:
    source = (
        "import os, time\nfor _ in range(6):\n    if os.fork() == 0:\n        x = bytearray(b'y') * (60 << 20)\n"
        "        time.sleep(20)\n        os._exit(0)\ntime.sleep(20)\n"
    )
    outcome = runner.script(source, limits=Limits(memory_mb=200, allow_fork=True, wall_s=15))
    assert outcome.verdict == "memory", outcome
    assert outcome.wall_s < 10


def test_cpu_time_of_a_tree_is_limited_as_a_whole(runner: Runner) -> None:
    source = "import os\nfor _ in range(4):\n    if os.fork() == 0:\n        while True:\n            pass\nos.wait()\n"
    outcome = runner.script(source, limits=Limits(cpu_s=1, allow_fork=True, wall_s=15))
    assert outcome.verdict == "timeout", outcome


def test_signals_that_a_program_ignores_do_not_save_it(runner: Runner) -> None:
    source = """
    import signal
    for s in range(1, 65):
        try:
            signal.signal(s, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        pass
    """
    outcome = runner.script(textwrap.dedent(source), limits=Limits(cpu_s=0.3))
    assert outcome.verdict == "timeout"


def test_a_report_without_the_nonce_is_not_a_verdict(runner: Runner) -> None:
    source = TO_ALL_DESCRIPTORS.format(data="b'pass'") + "f(1)\n"
    for mode in ("inproc", "split"):
        program = Program(mode, source + "os._exit(0)\n", "assert f(1) == 42", "", ("f",), mode)  # type: ignore[arg-type]
        assert runner.one(program).verdict == "fail"
    assert runner.script(source + "os._exit(0)\n").verdict == "fail"


def test_inproc_programs_can_forge_and_split_ones_can_not(runner: Runner) -> None:
    # Kept as a reminder of what the one-process mode can't guarantee.
    source = "class E:\n    __eq__ = lambda *_: True\ndef f(x):\n    return E()\n"
    inproc = runner.one(Program("i", source, "assert f(1) == 42", mode="inproc"))
    split = runner.one(Program("s", source, "assert f(1) == 42", entry_points=("f",)))
    assert (inproc.verdict, split.verdict) == ("pass", "fail")
