"""No program finds an answer: not in files, memory, frames or descriptors, and not by the traces of other programs.

Markers lie in earlier and waiting programs, in tests, in expected answers, in the interpreter's folders and in the
project's; programs that were written to find them do not. The same programs find what does lie open to them.
"""

import os
import secrets
import shutil
import sysconfig
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from coma_cli.records import Problem
from coma_cli.sandbox import Limits, Outcome, Program, Sandbox, SandboxUnavailable
from tests.evaluation.sampled import HUMANEVAL, right
from tests.requirements import ROOT, skip_unless
from tests.sandbox import cheats

LIMITS = Limits(cpu_s=20, wall_s=40)


@dataclass(frozen=True)
class Markers:
    """The two halves of all markers, and the files that hold one."""

    halves: tuple[str, str]
    files: tuple[str, ...] = ()

    def of(self, kind: str) -> str:
        return "".join((*self.halves, kind))


@pytest.fixture(scope="module")
def markers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Markers]:
    """Files with markers in the folders where answers or secrets have been found, and in one that is open to all."""
    bare = Markers((secrets.token_hex(8), secrets.token_hex(8)))
    name = f"planted_{secrets.token_hex(4)}"
    open_folder = tmp_path_factory.mktemp("open")
    for place in (open_folder, *open_folder.parents[:3]):
        place.chmod(place.stat().st_mode | 0o055)
    stdlib, site = Path(os.__file__).parent, Path(sysconfig.get_path("purelib"))
    planted: list[Path] = []
    try:
        for folder, kind in ((site, "site"), (stdlib, "stdlib"), (ROOT, "project"), (open_folder, "outside")):
            if os.access(folder, os.W_OK):
                planted += plant(folder, name, bare.of(kind))
        yield Markers(bare.halves, tuple(map(str, planted)))
    finally:
        for folder in (site, stdlib, ROOT):
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


def sandbox_at(level: str, **settings: object) -> Sandbox:
    return Sandbox(isolation=level, limits=LIMITS, workers=1, **settings)  # type: ignore[arg-type]


def run(level: str, programs: list[Program], **settings: object) -> dict[str, Outcome]:
    try:
        with sandbox_at(level, **settings) as sandbox:
            return {outcome.key: outcome for outcome in sandbox.run(programs)}
    except SandboxUnavailable as error:
        skip_unless("namespaces", False, str(error))
        raise


def beside(markers: Markers, kind: str, number: int, mode: str) -> Program:
    """Another program and its tests with markers, which runs before a cheating one or waits behind it."""
    source = f"secret = {markers.of(kind)!r}\ndef f(x):\n    return [x, secret] * 50\n"
    tests = f"problem = {markers.of(kind + 'problem')!r}\nassert f(problem) == [problem, {markers.of(kind)!r}] * 50\n"
    return Program(f"{kind} {number}", source, tests, entry_points=("f",), mode=mode)  # type: ignore[arg-type]


def attacks(markers: Markers, techniques: Mapping[str, str], mode: str) -> list[Program]:
    """Each cheating program between two others, so that one has run before it and one waits in the zygote's socket."""
    asserted = "found = cheat()\nassert found == [], found\n"
    if mode == "split":
        # Its own tests and what they expect are out of reach only where they are in another process.
        expected = f"expected = [{markers.of('tests')!r}, {markers.of('expected')!r}] * 20\n"
        asserted = f"{expected}{asserted}assert len(expected) == 40\n"
    programs = []
    for number, (name, technique) in enumerate(techniques.items()):
        source = cheats.program(technique, markers.halves, markers.files)
        cheat = Program(name, source, asserted, entry_points=("cheat",), mode=mode)  # type: ignore[arg-type]
        programs += [beside(markers, "earlier", number, mode), cheat, beside(markers, "waiting", number, mode)]
    return programs


def shortcomings(outcomes: dict[str, Outcome], expected: int) -> dict[str, str]:
    assert len(outcomes) == expected
    return {
        key: f"{outcome.verdict}: {outcome.detail}" for key, outcome in outcomes.items() if outcome.verdict != "pass"
    }


@pytest.mark.parametrize("mode", ["split", "inproc"])
@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_no_technique_finds_a_marker(markers: Markers, level: str, mode: str) -> None:
    assert len(cheats.TECHNIQUES) >= 20
    programs = attacks(markers, cheats.TECHNIQUES, mode)
    assert shortcomings(run(level, programs), len(programs)) == {}


@pytest.mark.parametrize("name", cheats.TECHNIQUES)
def test_each_technique_finds_what_lies_open(markers: Markers, name: str) -> None:
    # Without isolation, and with markers in the program's own files, memory, frames and descriptors.
    source = cheats.program(cheats.TECHNIQUES[name], markers.halves, markers.files, plant=True)
    tests = "found = cheat()\nassert {'own', 'outside'} & set(found), found\n"
    program = Program(name, source, tests, entry_points=("cheat",))
    assert shortcomings(run("none", [program], consent=True), 1) == {}


@pytest.mark.parametrize("name", [*cheats.MEMORY, *cheats.OBJECTS, "descriptors", "sockets", "passed rights"])
@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_a_program_finds_its_own_markers_under_isolation(markers: Markers, level: str, name: str) -> None:
    source = cheats.program(cheats.TECHNIQUES[name], markers.halves, (), plant=True)
    tests = "found = cheat()\nassert any(kind.startswith('own') for kind in found), found\n"
    program = Program(name, source, tests, entry_points=("cheat",))
    assert shortcomings(run(level, [program]), 1) == {}


def test_without_the_wall_around_files_they_are_found(markers: Markers) -> None:
    programs = attacks(markers, {"planted paths": cheats.PATHS, "guessed places": cheats.GUESSES}, "split")
    outcomes = run("landlock", programs, layers_off=frozenset(("landlock",)))
    for name in ("planted paths", "guessed places"):
        assert outcomes[name].verdict == "fail"
        assert "outside" in outcomes[name].detail and "project" in outcomes[name].detail


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


# --- real problems ---


def solutions(count: int) -> list[tuple[str, str, Problem]]:
    """Name of the function, reference and problem, of problems of which no earlier one asks for the same function."""
    found = {problem.entry_point: (right(problem), problem) for problem in HUMANEVAL if problem.entry_point}
    return [(name, reference, problem) for name, (reference, problem) in list(found.items())[:count]]


def judged(key: str, source: str, name: str, problem: Problem) -> Program:
    return Program(key, source, problem.tests, problem.prompt + "    pass\n", (name,))


def adapted_programs(techniques: Mapping[str, str], count: int, *, own: bool) -> list[Program]:
    """The references, and each technique's programs, each behind a reference of its problem and in front of another."""
    programs = []
    for name, reference, problem in solutions(count):
        programs.append(judged(f"reference {name}", problem.prompt + reference, name, problem))
        for technique, text in techniques.items():
            source = cheats.adapted(text, name, answer=problem.prompt + reference if own else "")
            programs.append(judged(f"{technique}|{name}", source, name, problem))
            programs.append(judged(f"again {technique}|{name}", problem.prompt + reference, name, problem))
    return programs


@pytest.mark.slow
@pytest.mark.parametrize("level", ["ns", "landlock"])
def test_no_program_passes_by_cheating(level: str) -> None:
    outcomes = run(level, adapted_programs(cheats.TECHNIQUES, 10, own=False))
    assert len(outcomes) == 10 + 20 * len(cheats.TECHNIQUES)
    honest = [key for key in outcomes if key.startswith(("reference", "again"))]
    assert [key for key in honest if outcomes[key].verdict != "pass"] == []
    assert [key for key in outcomes.keys() - set(honest) if outcomes[key].verdict == "pass"] == []


@pytest.mark.parametrize("technique", ["mincore heap", "collector", "frames", "modules"])
def test_programs_that_cheat_pass_where_an_answer_lies_in_their_memory(technique: str) -> None:
    outcomes = run("ns", adapted_programs({technique: cheats.TECHNIQUES[technique]}, 3, own=True))
    assert {key: outcome.detail for key, outcome in outcomes.items() if outcome.verdict != "pass"} == {}
