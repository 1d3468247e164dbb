"""No program finds an answer: not in files, memory, frames or descriptors, and not by the traces of other programs.

Markers lie in earlier and waiting programs, in tests, in expected answers, in the interpreter's folders and in the
project's; programs that were written to find them do not. The same programs find what does lie open to them.
"""

import os
import secrets
import shutil
import subprocess
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from coma_cli.sandbox import Outcome, Program
from tests.requirements import ROOT
from tests.sandbox import cheats
from tests.sandbox.run_cases import python_for_everyone
from tests.sandbox.run_programs import MANY, run, run_as_nobody


@dataclass(frozen=True)
class Markers:
    """The two halves of all markers, and the files that hold one."""

    halves: tuple[str, str]
    files: tuple[str, ...] = ()

    def of(self, kind: str) -> str:
        return "".join((*self.halves, kind))


@pytest.fixture(scope="module")
def markers() -> Iterator[Markers]:
    """Files with markers in the folders where answers or secrets have been found, and in one that is open to all."""
    stdlib, site = Path(os.__file__).parent, Path(sysconfig.get_path("purelib"))
    with ExitStack() as stack:
        yield from planted_in(site=site, stdlib=stdlib, project=ROOT, outside=open_folder(stack))


class UserPython(NamedTuple):
    """An interpreter in a virtual environment that every user may read, and markers in its folders."""

    executable: str
    markers: "Markers"


@pytest.fixture(scope="module")
def user_python() -> Iterator[UserPython]:
    """What an ordinary user would have: an environment that he can read, in a project with secrets."""
    if os.getuid() != 0:
        pytest.skip("only root can take another id")
    with ExitStack() as stack:
        project = open_folder(stack)
        environment = project / "venv"
        make = [python_for_everyone(), "-m", "venv", "--without-pip", environment]
        subprocess.run(make, check=True, capture_output=True)
        (site,) = environment.glob("lib/python*/site-packages")
        for markers in planted_in(site=site, stdlib=site.parent, project=project, outside=open_folder(stack)):
            yield UserPython(str(environment / "bin" / "python"), markers)


def open_folder(stack: ExitStack) -> Path:
    """A folder that every user may enter and read; pytest's own are closed again by any other run of it."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coma-open-")))
    folder.chmod(0o755)
    return folder


def planted_in(**folders: Path) -> Iterator[Markers]:
    """Markers in folders, by the kinds that they are named for."""
    bare = Markers((secrets.token_hex(8), secrets.token_hex(8)))
    name = f"planted_{secrets.token_hex(4)}"
    planted: list[Path] = []
    try:
        for kind, folder in folders.items():
            if os.access(folder, os.W_OK):
                planted += plant(folder, name, bare.of(kind))
        yield Markers(bare.halves, tuple(map(str, planted)))
    finally:
        for folder in folders.values():
            for path in [*folder.glob(f"{name}*"), *folder.glob(f".env.{name}")]:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def plant(folder: Path, name: str, marker: str) -> list[Path]:
    """A text, a hidden file, a package and an archive with a marker."""
    package, archive = folder / name, folder / f"{name}.zip"
    package.mkdir()
    texts = [folder / f"{name}.jsonl", folder / f".env.{name}", package / "__init__.py"]
    for path in texts:
        path.write_text(f"answer = {marker!r}\n")
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("planted.txt", marker)
    return [*texts, archive]


# A program and its tests leave traces wherever they can.
TRACES = """
import os, re, sys
secret = sys.intern({marker!r})
re.compile(secret)
wide = [(secret + chr(0x1F600)) * 40]
def leave(act, *arguments):
    try:
        act(*arguments)
    except (OSError, AttributeError):
        pass
for folder in (".", "..", "/dev/shm", "/tmp"):
    leave(lambda: open(os.path.join(folder, "left"), "w").write(secret))
    leave(lambda: os.mkdir(os.path.join(folder, secret)))
    leave(lambda: os.setxattr(folder, "user.left", secret.encode()))
def f(x):
    return [x, secret] * 50
"""


def beside(markers: Markers, kind: str, number: int, mode: str) -> Program:
    """Another program and its tests with markers, which runs before a cheating one or waits behind it."""
    source = TRACES.format(marker=markers.of(kind))
    tests = f"problem = {markers.of(kind + 'problem')!r}\nassert f(problem) == [problem, {markers.of(kind)!r}] * 50\n"
    return Program(f"{kind} {number}", source, tests, entry_points=("f",), mode=mode)  # type: ignore[arg-type]


def failing(markers: Markers, number: int, mode: str) -> Program:
    """A program that fails with a marker in the message, and what its tests expect."""
    source = f"def f(x):\n    raise ValueError({markers.of('message')!r} * 9)\n"
    return Program(f"failing {number}", source, "f(1)", entry_points=("f",), mode=mode)  # type: ignore[arg-type]


def attacks(markers: Markers, techniques: Mapping[str, str], mode: str) -> list[Program]:
    """Each cheating program between others, so that two have run before it and one waits in the zygote's socket."""
    asserted = "found = cheat()\nassert found == [], found\n"
    if mode == "split":
        # Its own tests and what they expect are out of reach only where they are in another process.
        expected = f"expected = [{markers.of('tests')!r}, {markers.of('expected')!r}] * 20\n"
        asserted = f"{expected}{asserted}assert len(expected) == 40\n"
    programs = []
    for number, (name, technique) in enumerate(techniques.items()):
        source = cheats.program(technique, markers.halves, markers.files)
        cheat = Program(name, source, asserted, entry_points=("cheat",), mode=mode)  # type: ignore[arg-type]
        others = [beside(markers, kind, number, mode) for kind in ("earlier", "waiting")]
        programs += [others[0], failing(markers, number, mode), cheat, others[1]]
    return programs


def shortcomings(outcomes: dict[str, Outcome], expected: int) -> dict[str, str]:
    assert len(outcomes) == expected
    wanted = {key: "fail" if key.startswith("failing") else "pass" for key in outcomes}
    return {
        key: f"{outcome.verdict}: {outcome.detail}"
        for key, outcome in outcomes.items()
        if outcome.verdict != wanted[key]
    }


@pytest.mark.parametrize("mode", ["split", "inproc"])
@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_no_technique_finds_a_marker(markers: Markers, level: str, mode: str) -> None:
    assert len(cheats.TECHNIQUES) >= 38
    programs = attacks(markers, cheats.TECHNIQUES, mode)
    assert shortcomings(run(level, programs), len(programs)) == {}


@pytest.mark.parametrize("mode", ["split", pytest.param("inproc", marks=pytest.mark.slow)])
@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_no_technique_finds_a_marker_as_an_ordinary_user_with_many_workers(
    user_python: UserPython, level: str, mode: str
) -> None:
    programs = attacks(user_python.markers, cheats.TECHNIQUES, mode)
    outcomes = run_as_nobody(user_python.executable, level, programs, MANY)
    assert shortcomings(outcomes, len(programs)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["split", "inproc"])
@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_no_technique_finds_a_marker_with_many_workers(markers: Markers, level: str, mode: str) -> None:
    programs = attacks(markers, cheats.TECHNIQUES, mode)
    assert shortcomings(run(level, programs, MANY), len(programs)) == {}


def planting(markers: Markers, techniques: Mapping[str, str], files: tuple[str, ...], *kinds: str) -> list[Program]:
    """Programs with markers in their own files, memory, frames and descriptors, that must find one of these kinds."""
    tests = f"found = cheat()\nassert any(kind.startswith({kinds!r}) for kind in found), found\n"
    return [
        Program(name, cheats.program(text, markers.halves, files, plant=True), tests, entry_points=("cheat",))
        for name, text in techniques.items()
    ]


def test_each_technique_finds_what_lies_open(markers: Markers) -> None:
    programs = planting(markers, cheats.TECHNIQUES, markers.files, "own", "outside")
    assert shortcomings(run("none", programs, consent=True), len(programs)) == {}


@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_a_program_finds_its_own_markers_under_isolation(markers: Markers, level: str) -> None:
    programs = planting(markers, cheats.INSIDE, (), "own")
    assert shortcomings(run(level, programs), len(programs)) == {}


def test_without_the_wall_around_files_they_are_found(markers: Markers) -> None:
    programs = attacks(markers, {name: cheats.FILES[name] for name in ("planted paths", "guessed places")}, "split")
    outcomes = run("landlock", programs, layers_off=frozenset(("landlock",)))
    for name in ("planted paths", "guessed places"):
        assert outcomes[name].verdict == "fail"
        assert "outside" in outcomes[name].detail and "project" in outcomes[name].detail


@pytest.mark.parametrize("layer", ["dumpable", "landlock"])
def test_one_wall_is_enough_around_a_program_that_waits_in_the_zygote(user_python: UserPython, layer: str) -> None:
    # In the zygote's descriptors, which belong to the same user: it is undumpable, and the file can't be opened again.
    techniques = {name: cheats.TECHNIQUES[name] for name in ("proc", "proc mem", "other processes")}
    programs = attacks(user_python.markers, techniques, "split")
    for workers in (1, MANY):
        outcomes = run_as_nobody(user_python.executable, "landlock", programs, workers, layer)
        found = [outcomes[name].detail for name in techniques]
        assert not any(kind in text for text in found for kind in ("earlier", "waiting", "tests'", "expected'")), found


STATE = """
import functools, gc, sys
def state():
    caches = [item.cache_info().currsize for item in gc.get_objects() if isinstance(item, functools._lru_cache_wrapper)]
    return [sorted(caches), sorted(sys.modules), len(sys.path_importer_cache), sys.getallocatedblocks()]
"""
OTHER = "import re\nx_{n} = re.compile('{n}' * 9)\ndef f(x):\n    return x\n"


@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_a_zygote_keeps_no_trace_of_the_programs_that_it_ran(level: str) -> None:
    # Whatever a cache remembered could be seen in its size, or measured by the time that it saves.
    tests = "seen = []\nfound = state()\nassert False, repr(found[3]) + ' ' + str(hash(repr(found[:3])))"
    look = [Program(f"look {n}", STATE, tests, entry_points=("state",)) for n in range(30)]
    others = [Program(f"other {n}", OTHER.format(n=n), f"assert f({n}) == {n}", entry_points=("f",)) for n in range(30)]
    outcomes = run(level, [program for pair in zip(look, others, strict=True) for program in pair])
    states = [outcomes[program.key].detail.split(" at test line")[0].split()[1:] for program in look]
    assert len({caches for _, caches in states[1:]}) == 1, states
    blocks = [int(count) for count, _ in states[1:]]
    assert max(blocks) - min(blocks) <= 20, blocks
