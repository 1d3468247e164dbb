"""Programs of other languages run in the same isolation: harmless ones run, hostile ones are held and leave nothing."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coma_cli.sandbox import SandboxUnavailable, probe_isolation
from coma_cli.sandbox.command import CommandLimits, CommandOutcome, run_command
from coma_cli.sandbox.contract import Level
from coma_cli.sandbox.toolchains import LANGUAGES_RUN, find_toolchain, is_readable
from tests.requirements import ROOT, skip_unless
from tests.sandbox import foreign_programs as programs

LEVELS: tuple[Level, ...] = ("ns", "landlock")


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Level:
    wanted: Level = request.param
    try:
        probe_isolation(wanted)
    except SandboxUnavailable as error:
        skip_unless("namespaces", False, str(error))
    return wanted


def run(
    language: str, program: str, level: Level, *, cpu_s: float = 3.0, limits: CommandLimits | None = None
) -> CommandOutcome:
    chain = find_toolchain(language)
    skip_unless("toolchains", chain is not None, f"no toolchain for {language} is installed")
    assert chain is not None
    if not is_readable(chain, level):
        pytest.skip(f"{language} lies in a folder that only root may enter")
    text = chain.prepare(program)
    limits = limits or CommandLimits(wall_s=20)
    steps = chain.steps(text, 60, cpu_s, limits.memory_mb)
    files = {chain.file_name(text): text}
    return run_command(steps, files, chain.reads, level=level, environment=chain.environment, limits=limits)


def is_held(outcome: CommandOutcome) -> bool:
    return outcome.verdict == "pass" and "HELD" in outcome.output and "GOT" not in outcome.output


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES_RUN)
def test_a_program_of_each_toolchain_runs(language, level):
    outcome = run(language, programs.WELL[language], level)
    assert (outcome.verdict, outcome.output.split()) == ("pass", ["42"]), outcome


@pytest.mark.slow
@pytest.mark.parametrize("language", programs.READS)
@pytest.mark.parametrize("path", ["/etc/passwd", str(ROOT / "pyproject.toml")])
def test_files_outside_are_not_read(language, path, level):
    assert is_held(run(language, programs.READS[language].replace("@", path), level))


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that every user may write to, so that only the sandbox can prevent it."""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        if folder != Path("/tmp"):
            folder.chmod(0o777)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("language", programs.WRITES)
def test_nothing_is_written_outside(language, level, open_folder):
    place = open_folder / "written"
    assert is_held(run(language, programs.WRITES[language].replace("@", str(place)), level))
    assert not place.exists()


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.slow
@pytest.mark.parametrize("language", programs.CONNECTS)
def test_no_connection_is_opened(language, level, port):
    assert is_held(run(language, programs.CONNECTS[language].replace("@", str(port)), level))


def test_other_processes_are_not_signalled(level):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        try:
            assert is_held(run("c", programs.SIGNALS.replace("@", str(other.pid)), level))
            assert other.poll() is None
        finally:
            other.kill()


def left_behind(within_s: float = 5.0) -> list[str]:
    """Processes of programs that are there after this time; a killed one takes a moment to be gone."""
    deadline = time.monotonic() + within_s
    while (found := running_programs()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def running_programs() -> list[str]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            found += [place.name] if (place / "comm").read_text().strip() in ("left-behind", "program") else []
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_a_fork_bomb_is_ended_whole(level):
    outcome = run("c", programs.FORKS, level, cpu_s=1.0, limits=CommandLimits(wall_s=5))
    assert outcome.verdict == "timeout"
    assert left_behind() == []


def test_detached_processes_end_with_the_program(level):
    assert run("c", programs.DETACHES, level).verdict == "pass"
    assert left_behind() == []


@pytest.mark.slow
@pytest.mark.parametrize("language", programs.HOGS)
def test_memory_is_bounded(language, level):
    limits = CommandLimits(memory_mb=256, wall_s=20)
    outcome = run(language, programs.HOGS[language], level, cpu_s=10, limits=limits)
    assert outcome.verdict == "memory" or "Memory" in outcome.output, outcome
    assert outcome.peak_mb < 1024


def test_a_program_that_only_reserves_addresses_is_not_held(level):
    reserves = (
        "#include <sys/mman.h>\nint main(void) { return mmap(0, 1L << 36, PROT_NONE, 34, -1, 0) == MAP_FAILED; }\n"
    )
    assert run("c", reserves, level, limits=CommandLimits(memory_mb=256)).verdict == "pass"


def test_endless_output_is_cut(level):
    outcome = run("c", programs.FLOODS, level, limits=CommandLimits(output_kb=64))
    assert outcome.verdict == "output" and len(outcome.output) < 256 << 10


@pytest.mark.slow
def test_endless_programs_are_ended(level):
    started = time.monotonic()
    assert run("c", programs.SPINS, level, cpu_s=0.5).verdict == "timeout"
    assert run("c", programs.SLEEPS, level, limits=CommandLimits(wall_s=0.5)).verdict == "timeout"
    assert time.monotonic() - started < 20


def test_files_are_bounded_where_the_scratch_space_is_its_own(level):
    if level != "ns":
        pytest.skip("a real folder is not limited as a whole")
    assert is_held(run("c", programs.FILLS, level, limits=CommandLimits(files_mb=64, memory_mb=512)))


def test_an_error_of_the_compiler_is_reported(level):
    outcome = run("c", "int main(void) { return x; }\n", level)
    assert (outcome.verdict, outcome.step, outcome.status) == ("fail", 0, 1) and "main.c" in outcome.output


def test_the_exit_status_and_signals_are_told(level):
    assert run("c", "int main(void) { return 3; }\n", level).status == 3
    assert run("c", "int main(void) { *(volatile int *)0 = 1; }\n", level).status == -11
