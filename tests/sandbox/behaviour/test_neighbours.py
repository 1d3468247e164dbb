"""No program disturbs another: what it leaves or makes its tests do is bounded, and charged to it alone."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from coma_cli.sandbox import Limits, Outcome, Program, Sandbox

LEVELS = pytest.mark.parametrize("level", ["ns", "landlock"])
LIMITS = Limits(cpu_s=2.0, wall_s=10.0)


def right(key: str, **fields: object) -> Program:
    return Program(key, "def f():\n    return 3\n", "assert f() == 3", "", ("f",), **fields)  # type: ignore[arg-type]


def run(sandbox: Sandbox, *programs: Program) -> dict[str, Outcome]:
    """Outcomes of programs with two right ones around them, which pass at the first attempt."""
    outcomes = {outcome.key: outcome for outcome in sandbox.run([right("before"), *programs, right("a"), right("b")])}
    for key in ("before", "a", "b"):
        outcome = outcomes.pop(key)
        assert (outcome.verdict, outcome.attempts) == ("pass", 1), outcome
    return outcomes


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where scratch directories are made, which every user may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    # A busy disk may take long, and a few files shall do.
    monkeypatch.setattr("coma_cli.sandbox.supervisor.REMOVING_S", 100.0)
    monkeypatch.setattr("coma_cli.sandbox.zygote_scratch.AT_ONCE", 50)
    yield folder
    folder.rmdir()


# --- files ---

MANY = """
import os
def f():
    for i in range({count}):
        os.mkdir(f'd{{i}}')
        open(f'd{{i}}/f', 'w').close()
    return 3
"""


def test_many_folders_of_a_program_do_not_hold_up_its_neighbours(temporary: Path) -> None:
    source = MANY.format(count=300)
    programs = [Program(f"p{n}", source, "assert f() == 3", "", ("f",)) for n in range(2)]
    with Sandbox(limits=LIMITS, workers=1, isolation="landlock") as sandbox:
        list(sandbox.run([right("warm")]))
        pairs = sandbox.zygote_pids
        outcomes = run(sandbox, *programs)
        assert sandbox.zygote_pids == pairs
        assert {outcome.verdict for outcome in outcomes.values()} == {"pass"}
        # Left by the last one, and more than is removed at once.
        list(sandbox.run([programs[0]]))
    assert list(temporary.iterdir()) == []


def test_folders_that_are_made_until_the_time_is_up_end_their_program_alone(temporary: Path) -> None:
    source = "import os\ndef f():\n    i = 0\n    while True:\n        os.mkdir(str(i))\n        i += 1\n"
    with Sandbox(limits=Limits(cpu_s=0.1), workers=1, isolation="landlock") as sandbox:
        outcome = run(sandbox, Program("p", source, "f()", "", ("f",)))["p"]
        assert (outcome.verdict, outcome.attempts) == ("timeout", 1), outcome
    assert list(temporary.iterdir()) == []


def test_nothing_can_be_put_beside_the_working_directory(temporary: Path) -> None:
    """Or else what a program left could not be moved away in one step."""
    source = """
import os
assert os.getcwd() == os.environ['HOME']
for attempt in (lambda: os.mkdir('../beside'), lambda: os.rename('../w', '../v'), lambda: os.rmdir('../w')):
    try:
        attempt()
    except OSError:
        continue
    raise AssertionError
os.makedirs('inner/most', 0)
open('file', 'w').write('x')
"""
    find = "import os\nassert os.listdir('.') == []\nassert os.listdir('..') == ['w']\n"
    with Sandbox(limits=LIMITS, workers=1, isolation="landlock") as sandbox:
        outcomes = run(sandbox, Program("leave", source, None), Program("find", find, None))
        assert {outcome.verdict for outcome in outcomes.values()} == {"pass"}, outcomes


# --- the time and memory of the tests ---

COLLIDE = "def f():\n    return [i * (2 ** 61 - 1) for i in range(50_000)]\n"
TIDY, FORKED = "assert set(f()) == {3}", "import sys\nassert set(f()) == {3} and open"


@LEVELS
@pytest.mark.parametrize(("tests", "pairs_lost"), [(TIDY, 1), (FORKED, 0)])
def test_values_that_keep_the_tests_busy_are_charged_to_their_program(
    monkeypatch: pytest.MonkeyPatch, level: str, tests: str, pairs_lost: int
) -> None:
    monkeypatch.setattr("coma_cli.sandbox.verdict.TESTS_ALLOWANCE_S", 0.2)
    limits = Limits(cpu_s=0.3)
    with Sandbox(limits=limits, workers=1, isolation=level) as sandbox:  # type: ignore[arg-type]
        list(sandbox.run([right("warm")]))
        pairs = sandbox.zygote_pids
        outcome = run(sandbox, Program("p", COLLIDE, tests, "", ("f",)))["p"]
        assert (outcome.verdict, outcome.attempts, outcome.runner_crash) == ("timeout", 1, False), outcome
        assert outcome.detail == "the tests used more than 0.5 s of CPU time on its values"
        assert len(set(pairs) - set(sandbox.zygote_pids)) == pairs_lost


@LEVELS
@pytest.mark.parametrize("before", ["", "import sys\n"])
def test_values_that_take_all_memory_of_the_tests_are_charged_to_their_program(level: str, before: str) -> None:
    source = "def f():\n    return 'x' * 4_000_000\n"
    tests = f"{before}kept = []\nfor _ in range(3):\n    kept.append(f() * 150)\n"
    limits = Limits(cpu_s=5, memory_mb=64)
    with Sandbox(limits=limits, workers=1, isolation=level) as sandbox:  # type: ignore[arg-type]
        outcome = run(sandbox, Program("p", source, tests, "", ("f",)))["p"]
    assert (outcome.verdict, outcome.attempts, outcome.runner_crash) == ("memory", 1, False), outcome
    assert outcome.detail == "the tests ran out of memory on its values"


def test_the_time_of_the_tests_does_not_count_for_the_next_program() -> None:
    busy = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass\nassert f() == 3\n"
    with Sandbox(limits=Limits(cpu_s=0.2, wall_s=0.5), workers=1) as sandbox:
        outcomes = run(sandbox, *(Program(f"p{n}", "def f(): return 3\n", busy, "", ("f",)) for n in range(3)))
    assert {outcome.verdict for outcome in outcomes.values()} == {"pass"}


@pytest.mark.usefixtures("temporary")
def test_no_process_is_left_by_what_removes_files() -> None:
    """What removes many files goes on beside the sandbox, and is waited for when that is closed."""
    before = children()
    with Sandbox(limits=LIMITS, workers=1, isolation="landlock") as sandbox:
        list(sandbox.run([Program("p", MANY.format(count=300) + "f()\n", None)]))
    assert children() <= before


def children() -> set[bytes]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_bytes().split())
