"""Your own code as a source: the functions of a folder in eleven languages, or of the interpreter's standard library.

Documented functions are used for summarization, generation and completion; every function in which one small edit
injects a bug is used for repair and defect detection. Whether defect detection sees the original or the buggy version
depends only on the function's location, so that no function shows both.
"""

import sys
import sysconfig
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from coma_cli.catalog.documented import documented as documented_function
from coma_cli.catalog.licences.detection import file_licence, folder_licences
from coma_cli.catalog.material import Function, JudgedFunction, Material, Repair
from coma_cli.catalog.sources.repository.code_files import MAX_FILE_BYTES, code_files, decode, language_of, refusal
from coma_cli.catalog.sources.source import Source
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
DOCUMENTED_TASKS = ("code-summarization", "code-generation", "line-completion")
MUTATED_TASKS = ("code-repair", "defect-detection")
TASKS = (*DOCUMENTED_TASKS, *MUTATED_TASKS)
_STDLIB_TEST_FOLDERS = frozenset({"test", "tests", "idle_test", "_bundled"})
_MUTATED_CHARS = range(60, 4000)  # shorter ones have little to get wrong; two longer ones do not fit into a row
_FIXED_SEED = 0  # a function gets the same bug in every run


def repository(folder: Path | str, name: str | None = None, tasks: Sequence[str] = TASKS) -> tuple[Source, Path]:
    """A folder of code as a source, and its location. `stdlib` (unless a folder of that name exists here) is the
    standard library of the running interpreter without its tests.

    Material that none of `tasks` uses is not made.

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


def _source(name: str, title: str, tasks: Sequence[str], *, is_stdlib: bool) -> Source:
    documented = bool(set(tasks) & set(DOCUMENTED_TASKS))
    mutated = bool(set(tasks) & set(MUTATED_TASKS))
    return Source(
        name=name,
        folder="",
        url="https://docs.python.org/3/library/" if is_stdlib else "",
        licence="PSF-2.0" if is_stdlib else "that of the repository",
        citation=f"Mined from {title}.",
        splits="not split",
        tasks=TASKS,
        find=find_stdlib if is_stdlib else find,
        read=partial(read, documented=documented, mutated=mutated),
        bytes_per_row=750,
    )


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
    return documented_function(function, prose_of(function.documentation, function.language), licence, origin)


def _mutated(function: CodeFunction, path: str, licence: str) -> Iterator[Material]:
    """A function to repair, and the same function to judge: half of them unchanged, half with the bug."""
    seed = row_seed(_FIXED_SEED, f"{path}|{function.name}|{function.lines[0]}")
    changed = mutate(function.language, function.code, seed >> 1)
    if changed is None:
        return
    edit, wrong = changed
    origin = Origin(path=path, row=function.name, lines=function.lines)
    edited = origin.model_copy(update={"detail": f"{edit.kind} in line {edit.line}"})
    yield Repair(function.language, wrong, function.code, False, licence, edited)
    if seed & 1:
        yield JudgedFunction(function.language, wrong, True, licence, edited)
    else:
        yield JudgedFunction(function.language, function.code, False, licence, origin)
