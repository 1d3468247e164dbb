"""The hostile cases of a folder, with every check that they list; as root, as an ordinary user, and as in a container.

The default run takes a sample; `soak` takes all cases in each way to run. The tests know the cases of the shared folder
by name; of another one (`--sandbox-cases DIR`) they take one of each class of attack. A test that selects no case, or
none that can run here, fails.
"""

import os
import socket

import pytest

from tests.requirements import skip_unless
from tests.sandbox import case_runner
from tests.sandbox.cases import CaseFolder
from tests.sandbox.run_cases import failures_of, run_cases

NOBODY = 65534
# The sample leaves out the programs that can only be waited for, but for one of each kind.
WAITED_FOR = ("timeout", "memory")
LEFT_TO_THE_SOAK = ("exception-str-hangs", "recurse-no-limit", "many-files")
STILL_IN_THE_SAMPLE = ("c-regex", "mem-bytearray")
# With other privileges: what depends on them, one case at least of each class of attack.
OF_OTHER_PRIVILEGES = """
always-equal answer-from-frames atexit-forge close-every-fd connect-loopback connect-outside daemon-grandchild
delete-outside env-secret exec-print-passed fill-disk flood-fd forge-every-fd kill-everyone kill-group kill-parent
limit-parent listen mem-bytearray os-exit-0 parent-environ parent-mem popen-detached ptrace-parent quit-mbpp read-home
read-main-file read-passwd segfault src-nul state-leave state-find stdlib-tour symlink-out sys-exit-0 thread-bomb
undeletable-dir write-site-packages write-tmp
"""
# Fewer seconds than at the full sizes: for a program's CPU time, and before it is looked for what it may have left.
SHORTER = ("--cpu", "2", "--settle", "2")
WAYS = {
    "root": (),
    "user": ("--uid", str(NOBODY)),
    "container": ("--uid", str(NOBODY), "--docker-like"),
    "container-root": ("--docker-like",),
}


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


def sample_of(folder: CaseFolder) -> list[str]:
    """All cases but those that can only be waited for, and of these one of each kind."""
    quick = [name for name, case in folder.cases.items() if case["expected_verdict"] not in WAITED_FOR]
    waited_for = [case for case in folder.cases.values() if case["expected_verdict"] in WAITED_FOR]
    slow = folder.choose(STILL_IN_THE_SAMPLE, verdicts=WAITED_FOR)[: len(WAITED_FOR)] if waited_for else []
    return [*(name for name in quick if name not in LEFT_TO_THE_SOAK), *slow]


def test_a_sample_of_the_cases_as_root(cases_folder: CaseFolder) -> None:
    results, end = run_cases(cases_folder, sample_of(cases_folder), *SHORTER)
    skip_unless("namespaces", end["level"] == "ns", "this machine permits no namespaces")
    assert failures_of(results) == {}
    assert end["left"] == []


@pytest.mark.slow
@pytest.mark.parametrize("way", [way for way in WAYS if way != "root"])
def test_a_sample_of_the_cases_with_other_privileges(cases_folder: CaseFolder, way: str) -> None:
    skip_unless_possible(way)
    results, end = run_cases(cases_folder, cases_folder.choose(OF_OTHER_PRIVILEGES.split()), *SHORTER, *WAYS[way])
    if "container" in way:
        assert end["level"] == "landlock"
    else:
        skip_unless("namespaces", end["level"] == "ns", "this machine permits no namespaces")
    assert failures_of(results) == {}
    assert end["left"] == []


@pytest.mark.soak
@pytest.mark.parametrize("way", WAYS)
def test_all_cases(cases_folder: CaseFolder, way: str) -> None:
    skip_unless_possible(way)
    results, end = run_cases(cases_folder, list(cases_folder.cases), *WAYS[way])
    assert failures_of(results) == {}
    assert end["left"] == []


@pytest.mark.soak
def test_all_cases_in_one_process_but_for_forgeries(cases_folder: CaseFolder) -> None:
    results, end = run_cases(cases_folder, list(cases_folder.cases), "--mode", "inproc")
    strict = {name for name, case in cases_folder.cases.items() if case["level"] == "strict"}
    assert {case: failure for case, failure in failures_of(results).items() if case not in strict} == {}
    assert end["left"] == []


# Which attacks fail whatever single layer is missing: the claim is that each is stopped by two layers at least.
LAYERS = {
    "seccomp": "delete-outside env-secret kill-parent read-home read-passwd write-site-packages connect-loopback",
    "landlock": "delete-outside env-secret kill-everyone read-home read-passwd write-site-packages ptrace-parent",
    "rlimits": "c-regex read-passwd delete-outside connect-loopback kill-everyone",
    "dumpable": "parent-mem ptrace-parent parent-environ",
    "pdeathsig": "daemon-grandchild sys-exit-0",
    "uid": "read-passwd delete-outside kill-everyone write-site-packages undeletable-dir",
}
# The same by class, for folders with other cases.
CLASSES = {
    "seccomp": ("kill", "network", "read-outside", "secrets", "write-outside"),
    "landlock": ("kill", "proc", "read-outside", "secrets", "write-outside"),
    "rlimits": ("busy-c", "kill", "network", "read-outside", "write-outside"),
    "dumpable": ("proc",),
    "pdeathsig": ("daemon", "early-exit"),
    "uid": ("disk", "kill", "read-outside", "write-outside"),
}
WITHOUT_NAMESPACES = """
delete-outside env-secret kill-everyone kill-parent read-passwd write-tmp write-site-packages connect-loopback
"""


@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
def test_with_one_layer_off_the_others_hold(cases_folder: CaseFolder, layer: str) -> None:
    chosen = cases_folder.choose(LAYERS[layer].split(), CLASSES[layer])
    results, _ = run_cases(cases_folder, chosen, "--layers-off", layer, "--settle", "1")
    assert failures_of(results) == {}


# What one layer stops alone: memory for each of many children, which may not be forked, and what the kernel keeps for a
# user (shared memory, keys); the memory of a single process.
ALONE = {
    "seccomp": {"mem-forked-share", "state-find"},
    "rlimits": {"mem-bytearray", "mem-grow-list", "mem-swallow-memoryerror", "mem-mmap-touch"},
}


@pytest.mark.soak
@pytest.mark.parametrize("layer", LAYERS)
def test_all_cases_with_one_layer_off(cases_folder: CaseFolder, layer: str) -> None:
    results, end = run_cases(cases_folder, list(cases_folder.cases), "--layers-off", layer)
    assert failures_of(results).keys() <= ALONE.get(layer, set())
    assert end["left"] == []


@pytest.mark.slow
def test_without_namespaces_the_other_layers_hold(cases_folder: CaseFolder) -> None:
    chosen = cases_folder.choose(WITHOUT_NAMESPACES.split(), CLASSES["seccomp"])
    results, end = run_cases(cases_folder, chosen, "--isolation", "landlock", "--settle", "1")
    assert end["level"] == "landlock"
    assert failures_of(results) == {}
