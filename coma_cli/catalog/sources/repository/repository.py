"""Your own code as a source: the functions of a folder in eleven languages, or of the interpreter's standard library.

Documented functions are used for summarization, generation and completion; every function in which one small edit
injects a bug is used for repair and defect detection. Whether defect detection sees the original or the buggy version
depends only on the function's location, so that no function shows both.
"""

import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from coma_cli.catalog.licences.detection import file_licence, folder_licences
from coma_cli.catalog.material import Function, JudgedFunction, Material, Repair
from coma_cli.catalog.sources.repository.code_files import MAX_FILE_BYTES, code_files, decode, language_of, refusal
from coma_cli.catalog.sources.source import Source
from coma_cli.catalog.tasks import TASKS
from coma_cli.errors import MissingInputError
from coma_cli.formats.data_file import Shard
from coma_cli.formats.rejected import Rejected
from coma_cli.records import Origin, row_seed
from coma_cli.syntax.documentation import prose_of
from coma_cli.syntax.function import CodeFunction
from coma_cli.syntax.functions import functions
from coma_cli.syntax.mutations import mutate
from coma_cli.syntax.trees import parses

STDLIB = "stdlib"
_STDLIB_TEST_FOLDERS = frozenset({"test", "tests", "idle_test", "_bundled"})
_MUTATED_CHARS = range(60, 4000)  # shorter ones have little to get wrong; two longer ones do not fit into a row
# Tasks that take functions, but not those of a repository.
_NOT_FOR = ("code-search", "cloze-test")
_FIXED_SEED = 0  # a function gets the same bug in every run


def repository(folder: Path | str, name: str | None = None, tasks: Iterable[str] | None = None) -> tuple[Source, Path]:
    """A folder of code as a source, and its location. `stdlib` (unless a folder of that name exists here) is the
    standard library of the running interpreter without its tests.

    What only tasks other than `tasks` (None: all) need is not read.

    Raises:
        MissingInputError: the folder does not exist.
    """
    folder = Path(folder)
    if str(folder) == STDLIB and not folder.exists():
        title = f"Python {sys.version_info.major}.{sys.version_info.minor} standard library"
        return _source(STDLIB, title, tasks, is_stdlib=True), Path(sysconfig.get_path("stdlib"))
    if not folder.is_dir():
        raise MissingInputError(
            f"{folder} is not a folder (--from-repo).", "Give a folder of code, or the word stdlib."
        )
    name = name or f"repo:{folder.resolve().name}"
    return _source(name, f"the folder {folder.resolve().name}", tasks, is_stdlib=False), folder


def _source(name: str, title: str, tasks: Iterable[str] | None, *, is_stdlib: bool) -> Source:
    source = Source(
        name=name,
        folder="",
        url="https://docs.python.org/3/library/" if is_stdlib else "",
        licence="PSF-2.0" if is_stdlib else "that of the repository",
        citation=f"Mined from {title}.",
        splits="not split",
        gives=(Function, Repair, JudgedFunction),
        not_for=_NOT_FOR,
        find=find_stdlib if is_stdlib else find,
        read=read,
        bytes_per_row=330 if is_stdlib else 750,  # of 3.11: 304 before cleaning
    )
    wanted = set(source.tasks if tasks is None else tasks) & set(source.tasks)
    shapes = {shape for name in wanted for shape in TASKS[name].takes}
    documented, mutated = Function in shapes, not shapes.isdisjoint({Repair, JudgedFunction})
    return replace(source, read=partial(read, documented=documented, mutated=mutated))


def find_stdlib(place: Path) -> list[Shard]:
    """The standard library's modules, without tests, bundled wheels and installed packages."""
    names = code_files(place, skipped=_STDLIB_TEST_FOLDERS, suffixes=frozenset({".py", ".pyw"}))
    return [Shard(place / name, name, "PSF-2.0") for name in names]


def find(place: Path) -> list[Shard]:
    """The code files of a folder that `.gitignore` files do not exclude, each with the nearest licence above it."""
    names = code_files(place)
    licences = folder_licences(place, names)
    return [Shard(place / name, name, licences[name]) for name in names]


def read(shard: Shard, *, documented: bool = True, mutated: bool = True) -> Iterator[Material | Rejected]:
    """The material of one file: its documented functions, and functions with an injected bug."""
    content = shard.path.read_bytes()
    origin = Origin(path=shard.name)
    if len(content) > MAX_FILE_BYTES:
        yield Rejected("file-too-large", f"{len(content)} bytes", origin)
        return
    text = decode(shard.name, content)
    reason = "undecodable-file" if text is None else refusal(shard.name, text)
    if text is None or reason is not None:
        yield Rejected(reason or "", "", origin)
        return
    language = language_of(shard.name, text)
    found = functions(language, text, documented_only=not mutated)
    if not found and parses(language, text) is False:
        yield Rejected("does-not-parse", "", origin)
    licence = file_licence(text) or shard.licence
    for function in found:
        if documented and function.documentation.strip():
            yield _documented(function, shard.name, licence)
        if mutated and not function.empty and len(function.code) in _MUTATED_CHARS:
            yield from _mutated(function, shard.name, licence)


def _documented(function: CodeFunction, path: str, licence: str) -> Function | Rejected:
    origin = Origin(path=path, row=function.name, lines=function.lines)
    prose = prose_of(function.documentation, function.language)
    return Function.documented(function, prose, licence=licence, origin=origin)


def _mutated(function: CodeFunction, path: str, licence: str) -> Iterator[Material]:
    """A function to repair, and the same function to judge: half of them unchanged, half with the bug."""
    seed = row_seed(_FIXED_SEED, f"{path}|{function.name}|{function.lines[0]}")
    changed = mutate(function.language, function.code, seed >> 1)
    if changed is None:
        return
    edit, wrong = changed
    origin = Origin(path=path, row=function.name, lines=function.lines)
    edited = origin.model_copy(update={"detail": f"{edit.kind} in line {edit.line}"})
    yield Repair(function.language, wrong, function.code, False, licence=licence, origin=edited)
    if seed & 1:
        yield JudgedFunction(function.language, wrong, True, licence=licence, origin=edited)
    else:
        yield JudgedFunction(function.language, function.code, False, licence=licence, origin=origin)
