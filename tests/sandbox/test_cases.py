"""The hostile cases in a folder, with all checks listed there; as root, as an ordinary user, and as in a container.

The default run takes a fixed sample; `soak` takes all cases in each way to run.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.requirements import skip_unless
from tests.sandbox import case_runner

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
# The sample excludes programs that can only be waited for, except one of each kind.
WAITED_FOR = ("timeout", "memory")
LEFT_TO_THE_SOAK = ("exception-str-hangs", "recurse-no-limit", "many-files")
STILL_IN_THE_SAMPLE = ("c-regex", "mem-bytearray")
# With other privileges: cases that depend on them, at least one of each class of attack.
OF_OTHER_PRIVILEGES = """
always-equal answer-from-frames atexit-forge close-every-fd connect-loopback connect-outside daemon-grandchild
delete-outside env-secret exec-print-passed fill-disk flood-fd forge-every-fd kill-everyone kill-group kill-parent
limit-parent listen mem-bytearray os-exit-0 parent-environ parent-mem popen-detached ptrace-parent quit-mbpp read-home
read-main-file read-passwd segfault src-nul state-leave state-find stdlib-tour symlink-out sys-exit-0 thread-bomb
undeletable-dir write-site-packages write-tmp
"""
# Fewer seconds than at full size: for a program's CPU time, and before checking what it may have left behind.
SHORTER = ("--cpu", "2", "--settle", "2")
WAYS = {
    "root": (),
    "user": ("--uid", str(NOBODY)),
    "container": ("--uid", str(NOBODY), "--docker-like"),
    "container-root": ("--docker-like",),
}


def run_cases(
    folder: Path, ids: list[str] | None, *arguments: str
) -> tuple[dict[str, dict[str, object]], dict[str, object]]:
    """Run cases in a separate process; results by case, and that process's final report."""
    python = sys.executable if "--uid" not in arguments else python_for_everyone()
    command = [python, "-m", "tests.sandbox.case_runner", "--cases", str(folder), *arguments]
    command += ["--ids", ",".join(ids)] if ids else []
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    *lines, last = map(json.loads, done.stdout.splitlines())
    return {line["id"]: line for line in lines}, last


def python_for_everyone() -> str:
    """An interpreter that an unprivileged user can run."""
    for candidate in (sys.executable, "/usr/bin/python3", shutil.which("python3") or ""):
        if candidate and _everyone_can_enter(Path(os.path.realpath(candidate))):
            return candidate
    pytest.skip("no interpreter that an unprivileged user could run")


def _everyone_can_enter(path: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (path, *path.parents))


def failures_of(results: dict[str, dict[str, object]]) -> dict[str, object]:
    return {case: (result["verdict"], result["failures"]) for case, result in results.items() if result["failures"]}


def test_the_harness_sees_a_socket_that_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert case_runner.listens(port)
    if socket.has_dualstack_ipv6():
        with socket.create_server(("::", 0), family=socket.AF_INET6) as listener:
            assert case_runner.listens(listener.getsockname()[1])
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert not case_runner.listens(bound.getsockname()[1])


def skip_unless_possible(way: str) -> None:
    if way != "root" and os.getuid() != 0:
        pytest.skip("only root can take another id")


def test_a_sample_of_the_cases_as_root(cases_folder: Path) -> None:
    cases = [json.loads(line) for line in (cases_folder / "cases.jsonl").read_text().splitlines()]
    quick = [case["id"] for case in cases if case["expected_verdict"] not in WAITED_FOR]
    sample = [*(case for case in quick if case not in LEFT_TO_THE_SOAK), *STILL_IN_THE_SAMPLE]
    results, end = run_cases(cases_folder, sample, *SHORTER)
    skip_unless("namespaces", end["level"] == "ns", "this machine permits no namespaces")
    assert failures_of(results) == {}
    assert end["left"] == []
    assert len(results) > len(sample) - 5


@pytest.mark.slow
@pytest.mark.parametrize("way", [way for way in WAYS if way != "root"])
def test_a_sample_of_the_cases_with_other_privileges(cases_folder: Path, way: str) -> None:
    skip_unless_possible(way)
    results, end = run_cases(cases_folder, OF_OTHER_PRIVILEGES.split(), *SHORTER, *WAYS[way])
    if "container" in way:
        assert end["level"] == "landlock"
    else:
        skip_unless("namespaces", end["level"] == "ns", "this machine permits no namespaces")
    assert failures_of(results) == {}
    assert end["left"] == []


@pytest.mark.soak
@pytest.mark.parametrize("way", WAYS)
def test_all_cases(cases_folder: Path, way: str) -> None:
    skip_unless_possible(way)
    results, end = run_cases(cases_folder, None, *WAYS[way])
    assert failures_of(results) == {}
    assert end["left"] == []


@pytest.mark.soak
def test_all_cases_in_one_process_except_forgeries(cases_folder: Path) -> None:
    results, end = run_cases(cases_folder, None, "--mode", "inproc")
    cases = [json.loads(line) for line in (cases_folder / "cases.jsonl").read_text().splitlines()]
    strict = {case["id"] for case in cases if case["level"] == "strict"}
    assert {case: failure for case, failure in failures_of(results).items() if case not in strict} == {}
    assert end["left"] == []


# Classes that hold without any single layer: each must be stopped by at least two layers.
LAYERS = {
    "seccomp": "delete-outside env-secret kill-parent read-home read-passwd write-site-packages connect-loopback",
    "landlock": "delete-outside env-secret kill-everyone read-home read-passwd write-site-packages ptrace-parent",
    "rlimits": "c-regex read-passwd delete-outside connect-loopback kill-everyone",
    "dumpable": "parent-mem ptrace-parent parent-environ",
    "pdeathsig": "daemon-grandchild sys-exit-0",
    "uid": "read-passwd delete-outside kill-everyone write-site-packages undeletable-dir",
}


@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
def test_with_one_layer_off_the_others_hold(cases_folder: Path, layer: str) -> None:
    results, _ = run_cases(cases_folder, LAYERS[layer].split(), "--layers-off", layer, "--settle", "1")
    assert results
    assert failures_of(results) == {}


# What one layer stops alone: memory for each of many children, which may not be forked, and what the kernel keeps for a
# user (shared memory, keys); the memory of a single process.
ALONE = {
    "seccomp": {"mem-forked-share", "state-find"},
    "rlimits": {"mem-bytearray", "mem-grow-list", "mem-swallow-memoryerror", "mem-mmap-touch"},
}


@pytest.mark.soak
@pytest.mark.parametrize("layer", LAYERS)
def test_all_cases_with_one_layer_off(cases_folder: Path, layer: str) -> None:
    results, end = run_cases(cases_folder, None, "--layers-off", layer)
    assert failures_of(results).keys() <= ALONE.get(layer, set())
    assert end["left"] == []


@pytest.mark.slow
def test_without_namespaces_the_other_layers_hold(cases_folder: Path) -> None:
    ids = [
        "delete-outside",
        "env-secret",
        "kill-everyone",
        "kill-parent",
        "read-passwd",
        "write-tmp",
        "write-site-packages",
        "connect-loopback",
    ]
    results, end = run_cases(cases_folder, ids, "--isolation", "landlock", "--settle", "1")
    assert end["level"] == "landlock"
    assert failures_of(results) == {}
