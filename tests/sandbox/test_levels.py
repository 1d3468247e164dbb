"""Levels: verified by trying, fully described, never lowered silently."""

import multiprocessing
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from coma_cli.sandbox import (
    Isolation,
    Program,
    Sandbox,
    SandboxUnavailable,
    begin_probing,
    levels,
    probe_isolation,
    proctree,
)
from tests.requirements import ROOT, skip_unless


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Levels that this machine pretends not to support."""
    refused: set[str] = set()
    real = levels.try_level
    monkeypatch.setattr(
        levels, "try_level", lambda setting: "refused here" if setting.level in refused else real(setting)
    )
    return refused


def test_the_best_level_is_used_and_lists_its_layers() -> None:
    found = probe_isolation()
    skip_unless("namespaces", found.level == "ns", f"namespaces are refused here: {found.refused}")
    assert any("namespaces" in wall for wall in found.on)
    assert found.refused == ()


def test_a_lower_level_names_what_is_lost_and_why_the_better_one_was_refused(refusing: set[str]) -> None:
    refusing.add("ns")
    found = probe_isolation()
    assert found.level == "landlock"
    assert found.lost
    assert found.refused == ("ns: refused here",)


def test_a_requested_level_is_used_or_refused_never_replaced(refusing: set[str]) -> None:
    refusing.add("ns")
    with pytest.raises(SandboxUnavailable, match="ns: refused here"):
        probe_isolation("ns")


def test_auto_never_goes_below_landlock(refusing: set[str]) -> None:
    refusing.update(("ns", "landlock"))
    with pytest.raises(SandboxUnavailable, match="ns: refused here; landlock: refused here"):
        probe_isolation("auto", consent=True)


def test_a_layer_that_can_not_be_set_up_is_an_error_with_its_step() -> None:
    script = """
    from coma_cli.sandbox import probe_isolation
    from tests.sandbox.case_runner import deny_as_docker_does
    deny_as_docker_does()
    found = probe_isolation()
    print(found.level, *found.refused, sep="\\n")
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    level, refusal = done.stdout.splitlines()
    assert level == "landlock"
    assert refusal.startswith("ns: the ") and "zygote can't start: " in refusal
    assert "unshare" in refusal


def test_the_pair_that_proves_a_level_runs_the_first_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    start = levels.Pair.start
    monkeypatch.setattr(levels.Pair, "start", lambda *given: begun.append(given[3]) or start(*given))
    levels.release_proven()
    levels.try_level.cache_clear()
    begin_probing()
    assert probe_isolation().level in ("ns", "landlock")
    proofs = [index for index in begun if index == levels.PROOF_INDEX]
    with Sandbox(workers=1) as sandbox:
        outcomes = list(sandbox.run([Program(str(n), "pass", None) for n in range(3)]))
    assert [outcome.verdict for outcome in outcomes] == ["pass"] * 3
    assert begun == proofs
    with Sandbox(workers=1) as sandbox:
        list(sandbox.run([Program("a", "pass", None)]))
    assert len(begun) == len(proofs) + 1 and begun[-1] != levels.PROOF_INDEX


def test_a_pair_that_proved_a_level_ends_with_the_process_or_when_it_is_released() -> None:
    def below() -> int:
        return len(proctree.descendants(os.getpid()))

    levels.release_proven()
    before = below()
    begin_probing()
    assert below() > before
    levels.release_proven()
    assert below() == before
    text = "from coma_cli.sandbox import *; begin_probing(); probe_isolation(); print('proven')"
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "proven\n", "")
    assert below() == before


def test_a_forked_process_leaves_the_pair_to_its_parent() -> None:
    levels.release_proven()
    levels.try_level.cache_clear()
    begin_probing()
    below = proctree.descendants(os.getpid())
    child = multiprocessing.get_context("fork").Process(target=run_one_program)
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert set(below) <= set(proctree.descendants(os.getpid()))
    run_one_program()


def run_one_program() -> None:
    with Sandbox(workers=1) as sandbox:
        (outcome,) = sandbox.run([Program("a", "pass", None)])
    assert outcome.verdict == "pass"


def test_begin_probing_says_nothing_of_what_stands_in_the_way() -> None:
    begin_probing(python="/no/such/python")
    begin_probing("none")


def test_a_kernel_without_landlock_still_has_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coma_cli.sandbox.inside.isolation.landlock.abi_version", lambda: 0)
    found = probe_isolation("ns")
    assert any("Landlock" in loss for loss in found.lost)
    assert not any("Landlock" in wall for wall in found.on)
    with Sandbox(isolation="ns", workers=1) as sandbox:
        (outcome,) = sandbox.run([Program("a", "open('/etc/passwd')", None)])
    assert outcome.verdict == "fail"


# What a program sees at level `landlock` and not at `ns`, by a word of the loss that names it. An id of 0 is an answer:
# the group or session was made outside of the tests' own process namespace.
SEEN = {
    "sizes": "os.stat('/etc/passwd').st_size > 0",
    "link targets": "os.readlink({link!r}) == 'somewhere'",
    "attributes": "isinstance(os.listxattr({folder!r}), list)",
    "process ids": "os.getpgid({pid}) >= 0",
    "CPU time": "time.clock_gettime(((~{pid}) << 3) | 2) > 0",
    "priority": "isinstance(os.getpriority(os.PRIO_PROCESS, {pid}), int)",
    "session": "os.getsid({pid}) >= 0",
    "free space": "os.statvfs({folder!r}).f_blocks > 0",
}


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that everyone can enter and list, with a link in it."""
    (tmp_path / "link").symlink_to("somewhere")
    for place in (tmp_path, *tmp_path.parents[:3]):
        place.chmod(place.stat().st_mode | 0o055)
    return tmp_path


@pytest.fixture
def process_outside() -> Iterator[int]:
    """A process with an id above those that a sandbox's own processes, counted from 1, reach in one test."""
    with ExitStack() as stack:
        while (process := stack.enter_context(subprocess.Popen(["sleep", "60"]))).pid < 200:
            stack.callback(process.kill)
        stack.callback(process.kill)
        yield process.pid


@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_what_a_level_loses_is_named_and_the_level_above_protects_it(
    level: str, open_folder: Path, process_outside: int
) -> None:
    facts = {"pid": process_outside, "folder": str(open_folder), "link": str(open_folder / "link")}
    head = "import ctypes, os, time\nlibc = ctypes.CDLL(None)\nassert "
    programs = [Program(word, head + question.format(**facts), None) for word, question in SEEN.items()]
    with Sandbox(isolation=level, workers=1) as sandbox:  # type: ignore[arg-type]
        seen = {outcome.key for outcome in sandbox.run(programs) if outcome.verdict == "pass"}
        lost = sandbox.isolation.lost
    assert seen == (set(SEEN) if level == "landlock" else set())
    assert all(any(word in loss for loss in lost) for word in seen)


@pytest.mark.parametrize(("abi", "named"), [(5, True), (6, False)])
def test_signals_that_an_older_landlock_lets_through_are_named(
    monkeypatch: pytest.MonkeyPatch, abi: int, named: bool
) -> None:
    monkeypatch.setattr("coma_cli.sandbox.inside.isolation.landlock.abi_version", lambda: abi)
    monkeypatch.setattr(levels, "try_level", lambda setting: None)
    assert any("signals" in loss for loss in probe_isolation("landlock").lost) is named


@pytest.mark.parametrize(
    ("abi", "covers"),
    [
        (1, "files"),
        (4, "files, TCP"),
        (6, "files, TCP, abstract sockets and signals"),
        (99, "files, TCP, abstract sockets and signals"),
    ],
)
def test_landlock_is_said_to_cover_what_this_kernel_s_covers(
    monkeypatch: pytest.MonkeyPatch, abi: int, covers: str
) -> None:
    monkeypatch.setattr("coma_cli.sandbox.inside.isolation.landlock.abi_version", lambda: abi)
    monkeypatch.setattr(levels, "try_level", lambda setting: None)
    for level in ("ns", "landlock"):
        assert f"Landlock for {covers}" in probe_isolation(level).on  # type: ignore[arg-type]


def test_even_without_isolation_a_program_leaves_no_process_behind(open_folder: Path) -> None:
    open_folder.chmod(0o777)
    source = f"""
    import os, time
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            open({str(open_folder / "pid")!r}, "w").write(str(os.getpid()))
            time.sleep(60)
        os._exit(0)
    else:
        os.wait()
        while not os.path.exists({str(open_folder / "pid")!r}):
            time.sleep(0.01)
    """
    with Sandbox(isolation="none", consent=True, workers=1) as sandbox:
        (outcome,) = sandbox.run([Program("a", textwrap.dedent(source), None)])
    assert outcome.verdict == "pass", outcome
    assert not Path(f"/proc/{(open_folder / 'pid').read_text()}").exists()


def test_an_isolation_is_a_plain_value() -> None:
    assert Isolation("ns") == Isolation("ns", (), (), ())
