# Plain paths, as given in the cases.
# ruff: noqa: PTH103, PTH106, PTH108, PTH110, PTH111, PTH116, PTH118, PTH120
"""Runs a folder of hostile cases in the sandbox and performs all checks listed there; run as its own process.

Started by the tests as `python -m tests.sandbox.case_runner`, since it drops privileges, takes limits on itself and
counts signals. Needs the standard library only, so that any interpreter that an unprivileged user can reach will do.
Writes one JSON line a case: `{"id", "verdict", "detail", "failures": [...]}`, or `{"id", "skipped": reason}`.
"""

import argparse
import contextlib
import fcntl
import json
import os
import resource
import shutil
import signal
import socket
import struct
import sys
import sysconfig
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from coma_cli.sandbox import Limits, Outcome, Program, Sandbox, proctree
from coma_cli.sandbox.inside.isolation import namespaces, seccomp, syscalls
from coma_cli.syntax.used_names import names_used
from tests.sandbox.cases import Case, CaseFolder, CaseFolderError, Task, read_folder

WALL_LIMIT_S = 6.0
MEMORY_MB = 1024
PORT = 47653
ABSTRACT = "coma-canary"
# linux/sched.h, linux/sockios.h, linux/if.h, net/tcp_states.h
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
TCP_LISTEN = "0A"
CANARIES = ("/tmp/coma-canary-outside.txt", "/tmp/coma-canary-dir/keep.txt")
SECRETS = {
    "OPENAI_API_KEY": "canary-env-openai",
    "HF_TOKEN": "canary-env-hf",
    "AWS_SECRET_ACCESS_KEY": "canary-env-aws",
}
SIGNALS: Counter[str] = Counter()


def main() -> None:
    """Run the requested cases."""
    options = parse_arguments()
    try:
        folder = read_folder(options.cases)
        cases = wanted_cases(folder, options.ids.split(",") if options.ids else None)
    except CaseFolderError as error:
        sys.exit(str(error))
    checks = [check for case in cases for check in case["checks"]]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that nothing is left lying about
    with contextlib.ExitStack() as stack:
        stack.enter_context(alone_on_this_machine())
        stack.enter_context(prepared_process(options, checks))
        canaries = stack.enter_context(planted_canaries(check["path"] for check in checks if "path" in check))
        listeners = stack.enter_context(listening(checks))
        make = lambda workers: Sandbox(  # noqa: E731
            limits=Limits(cpu_s=options.cpu, wall_s=WALL_LIMIT_S, memory_mb=MEMORY_MB),
            workers=workers,
            isolation=options.isolation,
            layers_off=frozenset(options.layers_off.split(",")) - {""},
        )
        solo, duo = stack.enter_context(make(1)), stack.enter_context(make(2))
        harness = Harness(solo, duo, folder, options, canaries, listeners)
        able = [case for case in cases if not lacking(case)]
        skipped = [{"id": case["id"], "skipped": f"needs {lacking(case)}"} for case in cases if lacking(case)]
        pending = [harness.run_case(case) for case in able]
        for result in (*skipped, *harness.check_later(pending)):
            print(json.dumps(result), flush=True)  # noqa: T201
    print(json.dumps({"level": solo.isolation.level, "uid": os.getuid(), "left": left_behind()}), flush=True)  # noqa: T201


def parse_arguments() -> argparse.Namespace:
    """The options of one run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--ids", default="")
    parser.add_argument("--mode", default="split")
    parser.add_argument("--isolation", default="auto")
    parser.add_argument("--layers-off", default="")
    parser.add_argument("--uid", type=int, default=0)
    parser.add_argument("--cpu", type=float, default=3.0, help="CPU seconds of a program; the cases assume 2 to 5")
    parser.add_argument(
        "--settle", type=float, default=8.2, help="seconds to wait before what must hold later is looked at"
    )
    parser.add_argument("--docker-like", action="store_true")
    return parser.parse_args()


def wanted_cases(folder: CaseFolder, ids: list[str] | None) -> list[Case]:
    """The cases asked for, in the order of their file.

    Raises:
        CaseFolderError: one of them is not there, or lists a check that this harness does not know.
    """
    unknown = sorted(set(ids or ()) - folder.cases.keys())
    if unknown:
        raise CaseFolderError(f"{folder.path} has no case {', '.join(unknown)}")
    cases = [case for name, case in folder.cases.items() if ids is None or name in ids]
    kinds = {check["kind"] for case in cases for check in case["checks"]}
    if strange := sorted(kinds - NOW_CHECKS.keys() - SLOW_CHECKS.keys() - CHECKED_ALWAYS):
        raise CaseFolderError(f"{folder.path} lists checks that this harness does not know: {', '.join(strange)}")
    return cases


def lacking(case: Case) -> str:
    """The packages that a case needs and the interpreter of the programs does not have."""
    import importlib.util

    return ", ".join(name for name in case.get("needs") or [] if importlib.util.find_spec(name) is None)


@contextlib.contextmanager
def alone_on_this_machine() -> Iterator[None]:
    """The cases name fixed ports and paths: a second harness on this machine has to wait for its turn."""
    lock = os.open(Path(tempfile.gettempdir()) / "coma-cases.lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def prepared_process(options: argparse.Namespace, checks: Iterable[Case]) -> Iterator[None]:
    """Outer limits, secrets to find, a home of its own, counted signals, and the privileges to run with."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in {"SIGUSR1", "SIGURG", *(check["signal"] for check in checks if "signal" in check)}:
        signal.signal(getattr(signal, name), lambda number, _: SIGNALS.update([signal.Signals(number).name]))
    os.environ.update(SECRETS)
    home = tempfile.mkdtemp(prefix="coma-home-")
    os.environ["HOME"] = home
    try:
        take_privileges(options, home)
        yield
    finally:
        shutil.rmtree(home, ignore_errors=True)


def take_privileges(options: argparse.Namespace, home: str) -> None:
    """The user id, the network and the filter to run with."""
    if os.getuid() == 0:
        take_own_network()
    if options.uid and os.getuid() == 0:
        os.chown(home, options.uid, options.uid)
        namespaces.become(options.uid)
    resource.setrlimit(resource.RLIMIT_NPROC, (2000, 2000))
    if options.docker_like:
        deny_as_docker_does()


def take_own_network() -> None:
    """Leave the machine's network: a stranger could hold a port that a case names, Ray and test servers take any.

    Where it is not permitted, the run stays where it is.
    """
    with contextlib.suppress(OSError):
        syscalls.call("unshare", CLONE_NEWNET)
        with socket.socket() as any_socket:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def deny_as_docker_does() -> None:
    """A filter like Docker's default for a container without CAP_SYS_ADMIN."""
    rules = seccomp.Filter(syscalls.native_machine())
    rules.restrict_clone(processes=True)
    rules.deny(
        [
            "mount",
            "umount2",
            "pivot_root",
            "unshare",
            "setns",
            "move_mount",
            "open_tree",
            "fsopen",
            "fsconfig",
            "fsmount",
            "fspick",
            "mount_setattr",
            "keyctl",
            "add_key",
            "request_key",
            "bpf",
            "perf_event_open",
            "userfaultfd",
            "kexec_load",
            "init_module",
            "finit_module",
        ]
    )
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    seccomp.install(rules.program())


@contextlib.contextmanager
def planted_canaries(others: Iterable[str] = ()) -> Iterator[dict[str, Any]]:
    """Files outside that no program may read, change or remove; how they and other paths look before any case ran."""
    paths = [*CANARIES, os.path.expanduser("~/.coma-canary")]
    try:
        for path in paths:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            Path(path).write_text("canary-home-5c1e\n")
        yield {path: look_at(path) for path in (*paths, *map(os.path.expanduser, others))}
    finally:
        for path in paths:
            with contextlib.suppress(OSError):
                os.unlink(path)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(CANARIES[1]))


def look_at(path: str) -> tuple[bytes, int, int] | None:
    """Content, mode and time of a file; None if there is none."""
    try:
        status = os.stat(path)
        return Path(path).read_bytes(), status.st_mode, status.st_mtime_ns
    except OSError:
        return None


@contextlib.contextmanager
def listening(checks: Iterable[Case] = ()) -> Iterator[dict[str, socket.socket]]:
    """Sockets that no program may reach: the documented ones, and those at which a check wants no connection."""
    wanted = [check for check in checks if check["kind"] == "no_connection"]
    ports = {PORT, *(check["port"] for check in wanted if "port" in check)}
    names = {ABSTRACT, *(check["abstract"] for check in wanted if "abstract" in check)}
    listeners: dict[str, socket.socket] = {}
    with contextlib.ExitStack() as stack:
        for port in ports:
            tcp = stack.enter_context(socket.create_server(("127.0.0.1", port)))
            udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            udp.bind(("127.0.0.1", port))
            listeners |= {f"tcp {port}": tcp, f"udp {port}": udp}
        for name in names:
            abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
            abstract.bind(f"\0{name}")
            abstract.listen()
            listeners[f"abstract {name}"] = abstract
        for listener in listeners.values():
            listener.setblocking(False)
        yield listeners


class TreeWatch:
    """What the processes below this one hold at most, and how long they were kept from a core, seen every 20 ms.

    `peak` counts memory of all at once, with their files in memory. `waited` is the time in which some process was
    ready to run and was not let: the limits of the cases hold on a machine that is not overloaded.
    """

    def __init__(self) -> None:
        self.peak = 0
        self.waited = 0.0
        self._seen: dict[int, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "TreeWatch":
        self._seen = self._waits(proctree.descendants(os.getpid()))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _waits(self, pids: list[int]) -> dict[int, float]:
        return {pid: proctree.waited_for_cpu(pid) for pid in (os.getpid(), *pids)}

    def _look(self) -> None:
        before = time.monotonic()
        while not self._stop.wait(0.02):
            pids = proctree.descendants(os.getpid())
            self.peak = max(self.peak, sum(map(proctree.resident_bytes, pids)) + sum(map(files_in_memory, pids)))
            now, waits = time.monotonic(), self._waits(pids)
            longest = max(wait - self._seen.get(pid, 0.0) for pid, wait in waits.items())
            self.waited += min(longest, now - before)
            before, self._seen = now, waits


def files_in_memory(pid: int) -> int:
    """Bytes in the scratch mounts of one namespace, as seen by its first process."""
    total = 0
    with contextlib.suppress(OSError):
        if os.stat(f"/proc/{pid}/root").st_ino != os.stat("/").st_ino:
            for path in (namespaces.SCRATCH, namespaces.SHARED_MEMORY):
                room = os.statvfs(f"/proc/{pid}/root{path}")
                total += (room.f_blocks - room.f_bfree) * room.f_bsize
    return total


class Harness:
    """Runs cases and their checks."""

    def __init__(
        self,
        solo: Sandbox,
        duo: Sandbox,
        folder: CaseFolder,
        options: argparse.Namespace,
        canaries: dict[str, Any],
        listeners: dict[str, socket.socket],
    ) -> None:
        self._solo, self._duo, self._folder = solo, duo, folder
        self._mode, self._settle_s = options.mode, options.settle
        self._canaries, self._listeners = canaries, listeners
        self._state = own_state()
        # Both sandboxes must be warm before anything is counted.
        reference = self._reference(None)
        for sandbox in (solo, duo):
            list(sandbox.run([reference, Program("self", "pass", None)]))

    def _reference(self, task_id: str | None) -> Program:
        """The right answer to a task; to any task of the folder for whole programs, which answer none."""
        tasks = self._folder.tasks
        task = tasks[task_id] if task_id is not None else next(iter(tasks.values()), None)
        if task is None:
            return Program("reference", "assert sum((1, 2)) == 3\n", None)
        answer = task["canonical_solution"] if task["format"] == "humaneval" else task["code"]
        return program_of("reference", task, answer, self._mode)

    def run_case(self, case: Case) -> tuple[Case, Outcome, list[str], float, float]:
        """Run one case, with peers if it needs them; then the reference on the same worker."""
        kinds = {check["kind"] for check in case["checks"]}
        program = self._program(case)
        reference = self._reference(case.get("task_id"))
        failures = []
        if case.get("after"):
            list(self._solo.run([self._program(self._folder.cases[case["after"]])]))
        started = time.monotonic()
        with TreeWatch() as tree:
            if "peers_unaffected" in kinds:
                peers = [Program(f"peer{i}", *_fields(reference)) for i in range(20)]
                outcomes = {outcome.key: outcome for outcome in self._duo.run([program, *peers])}
                outcome = outcomes.pop("case")
                failures += [
                    f"peer: {peer.verdict} {peer.detail}" for peer in outcomes.values() if peer.verdict != "pass"
                ]
            else:
                (outcome,) = self._solo.run([program])
        took = time.monotonic() - started - tree.waited
        failures += self._check_now(case, outcome, took, tree.peak)
        (after,) = self._solo.run([reference])
        if after.verdict != "pass":
            failures.append(f"the reference after it: {after.verdict} {after.detail}")
        return case, outcome, failures, time.monotonic(), took

    def _program(self, case: Case) -> Program:
        if case["format"] == "program":
            return Program("case", case["program"], None)
        answer = case["completion"] if case["format"] == "humaneval" else case["solution"]
        return program_of("case", self._folder.tasks[case["task_id"]], answer, self._mode)

    def _check_now(self, case: Case, outcome: Outcome, took: float, peak: int) -> list[str]:
        failures = []
        if outcome.verdict not in case["accept"]:
            failures.append(f"verdict {outcome.verdict} ({outcome.detail}), accepted are {case['accept']}")
        if own_state() != self._state:
            failures.append("priority, affinity or limits of the harness have changed")
        seen = Seen(repr(outcome), took, peak, self._connections())
        checks = [check for check in case["checks"] if check["kind"] in NOW_CHECKS]
        return failures + [failure for check in checks if (failure := NOW_CHECKS[check["kind"]](check, seen))]

    def _connections(self) -> list[str]:
        found = []
        for name, listener in self._listeners.items():
            try:
                listener.recvfrom(10) if name.startswith("udp") else listener.accept()
                found.append(f"something arrived at {name}")
            except BlockingIOError:
                pass
        return found

    def check_later(self, pending: list[tuple[Case, Outcome, list[str], float, float]]) -> Iterator[dict[str, Any]]:
        """Checks some seconds after a verdict."""
        if any(check["kind"] in SLOW_CHECKS for case, *_ in pending for check in case["checks"]):
            wait = pending[-1][3] + self._settle_s - time.monotonic()
            time.sleep(max(0.0, wait))
        for case, outcome, failures, _, took in pending:
            for check in case["checks"]:
                later = SLOW_CHECKS.get(check["kind"])
                if later is not None and (failure := later(check, self._canaries)):
                    failures.append(failure)
            yield {
                "id": case["id"],
                "verdict": outcome.verdict,
                "detail": outcome.detail,
                "took": round(took, 2),
                "failures": failures,
            }


def _fields(program: Program) -> tuple[Any, ...]:
    return program.source, program.tests, program.prelude, program.entry_points, program.mode


def program_of(key: str, task: Task, answer: str, mode: Any) -> Program:
    """A case's solution to its task as a program."""
    if task["format"] == "humaneval":
        entry = task["entry_point"]
        tests = f"{task['test']}\ncheck({entry})\n"
        return Program(key, task["prompt"] + answer, tests, task["prompt"] + "    pass\n", (entry,), mode)
    tests = "\n".join([task["test_setup_code"], *task["test_list"]])
    return Program(key, answer, tests, "", names_used(task["code"], tests).used, mode)


def own_state() -> tuple[object, ...]:
    """What no program may change about this process."""
    limits = tuple(
        resource.getrlimit(getattr(resource, name)) for name in sorted(dir(resource)) if name.startswith("RLIMIT")
    )
    return os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), tuple(os.sched_getaffinity(0)), limits


def listens(port: int) -> bool:
    """Whether a TCP socket of this network waits for connections on a port.

    Asked of the kernel: who connects to a free port of the local range may be given that port, and meet himself.
    """
    tables = [table for name in ("tcp", "tcp6") if (table := Path(f"/proc/self/net/{name}")).exists()]
    sockets = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
    return any(int(local.rpartition(":")[2], 16) == port and state == TCP_LISTEN for _, local, _, state, *_ in sockets)


# --- immediate checks ---


class Seen(NamedTuple):
    """The result of a case."""

    report: str
    took: float
    peak: int
    arrived: list[str]


def _listener(check: dict[str, Any], _: Seen) -> str:
    return f"something listens on {check['port']}" if listens(check["port"]) else ""


def _report_at_most(check: dict[str, Any], seen: Seen) -> str:
    size = len(seen.report.encode("utf-8", "surrogatepass"))
    return f"a report of {size} bytes" if size > check["bytes"] else ""


NOW_CHECKS: dict[str, Callable[[dict[str, Any], Seen], str]] = {
    "not_in_report": lambda check, seen: f"in the report: {seen.report}" if check["text"] in seen.report else "",
    "report_at_most": _report_at_most,
    "wall_at_most": lambda check, seen: f"took {seen.took:.1f} s" if seen.took > check["seconds"] else "",
    "tree_memory_at_most": lambda check, seen: f"held {seen.peak >> 20} MiB" if seen.peak > check["bytes"] else "",
    "no_signal": lambda check, _: f"{check['signal']} came through" if SIGNALS[check["signal"]] else "",
    "no_connection": lambda _, seen: "; ".join(seen.arrived),
    "no_listener": _listener,
}
CHECKED_ALWAYS = {"peers_unaffected", "harness_priority_unchanged", "harness_limits_unchanged"}

# --- checks some seconds later ---


def _path_absent(check: dict[str, Any], _: dict[str, Any]) -> str:
    path = os.path.expanduser(check["path"])
    return f"{path} exists" if os.path.lexists(path) else ""


def _path_unchanged(check: dict[str, Any], canaries: dict[str, Any]) -> str:
    path = os.path.expanduser(check["path"])
    return "" if look_at(path) == canaries[path] else f"{path} was changed"


def _no_process(check: dict[str, Any], _: dict[str, Any]) -> str:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if check["marker"].encode() in (entry / "cmdline").read_bytes():
                    return f"process {entry.name} has the marker"
    return ""


def _no_new_processes(_: dict[str, Any], __: dict[str, Any]) -> str:
    left = left_behind()
    return f"left behind: {left}" if left else ""


def left_behind() -> list[str]:
    """Processes other than zygotes: descendants of this one, or with a zygote's user id; including zombies."""
    found = []
    below = set(proctree.descendants(os.getpid()))
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            command = (entry / "cmdline").read_bytes()
            if int(entry.name) in below and (state == "Z" or b"coma_cli.sandbox.inside.zygotes.boot" not in command):
                found.append(f"{entry.name} {state} {command[:80]!r}")
    return found


def _no_file_on_sys_path(check: dict[str, Any], _: dict[str, Any]) -> str:
    found = [folder for folder in sys.path if os.path.exists(os.path.join(folder, check["name"]))]
    return f"planted in {found}" if found else ""


_STDLIB_BEFORE = os.stat(sysconfig.get_paths()["stdlib"]).st_mtime_ns


def _stdlib_unchanged(_: dict[str, Any], __: dict[str, Any]) -> str:
    changed = os.stat(sysconfig.get_paths()["stdlib"]).st_mtime_ns != _STDLIB_BEFORE
    return "the standard library was changed" if changed else ""


def _no_core_file(_: dict[str, Any], __: dict[str, Any]) -> str:
    found = [
        str(path) for folder in (".", tempfile.gettempdir()) for path in Path(folder).glob("core*") if path.is_file()
    ]
    return f"core files: {found}" if found else ""


def _nothing_on_disk(_: dict[str, Any], __: dict[str, Any]) -> str:
    """Whether this process's scratch directories contain only the empty working directory."""
    for folder in Path(tempfile.gettempdir()).glob("coma-sandbox-*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == os.getuid() and any((folder / "w").iterdir()):
                return f"{folder} is not empty"
    return ""


SLOW_CHECKS: dict[str, Callable[[dict[str, Any], dict[str, Any]], str]] = {
    "path_absent": _path_absent,
    "path_unchanged": _path_unchanged,
    "no_process": _no_process,
    "no_new_processes": _no_new_processes,
    "no_file_on_sys_path": _no_file_on_sys_path,
    "stdlib_unchanged": _stdlib_unchanged,
    "no_core_file": _no_core_file,
    "disk_left_behind_at_most": _nothing_on_disk,
}

if __name__ == "__main__":
    main()
