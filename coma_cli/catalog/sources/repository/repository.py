"""Your own code as a source: the functions of a folder in eleven languages, or of the interpreter's standard library.

Documented functions are used for summarization, generation and completion; every function in which one small edit
injects a bug is used for repair and defect detection. Whether defect detection sees the original or the buggy version
depends only on the function's location, so that no function shows both. Tests get no bug: an edited expectation is not
a bug in the code. Notebooks are read cell by cell.
"""

import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from coma_cli.catalog.licences.detection import folder_licences
from coma_cli.catalog.licences.headers import file_licence
from coma_cli.catalog.material import Function, JudgedFunction, Material, Repair
from coma_cli.catalog.sources.repository.code_files import MAX_FILE_BYTES, code_files, decode, language_of, refusal
from coma_cli.catalog.sources.repository.notebooks import MAX_NOTEBOOK_BYTES, Cell, python_cells
from coma_cli.catalog.sources.repository.notebooks import SUFFIX as NOTEBOOK
from coma_cli.catalog.sources.source import Source
from coma_cli.catalog.tasks import TASKS
from coma_cli.errors import MissingInputError
from coma_cli.formats.data_file import Shard
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.text import readable_name
from coma_cli.records import Origin, row_seed
from coma_cli.syntax.documentation import prose_of
from coma_cli.syntax.function import CodeFunction
from coma_cli.syntax.functions import functions
from coma_cli.syntax.mutations import mutate
from coma_cli.syntax.trees import parses

STDLIB = "stdlib"
_STDLIB_TEST_FOLDERS = frozenset({"test", "tests", "idle_test", "_bundled"})
_MUTATED_CHARS = range(60, 4000)  # shorter ones have little to get wrong; two longer ones do not fit into a row
_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|testing|specs?|__tests__|unittests?)/|(?:^|/)(?:test_[^/]*|conftest)\.\w+$"
    r"|[._-](?:test|tests|spec|unittest)\.\w+$|(?:^|/)[^/]*[a-z](?:Tests?|TestCase|Spec)\.(?:java|cs|php|kt|swift|cpp|ts)$"
)
_TEST_NAME = re.compile(r"(?:test(?:_|[A-Z]|$)|Test[A-Z_]|setUp|tearDown|assert[A-Z_])")
# Tasks that take functions, but not those of a repository.
_NOT_FOR = ("code-search", "cloze-test")
# Nothing in a function tells which check is missing: of 40 repairs read, those of this kind were the defective ones.
_NOT_TOLD = ("dropped-check",)
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
    return [Shard(place / name, readable_name(name), "PSF-2.0") for name in names]


def find(place: Path) -> list[Shard]:
    """The code files of a folder that `.gitignore` files do not exclude, each with the nearest licence above it."""
    names = code_files(place)
    licences = folder_licences(place, names)
    return [Shard(place / name, readable_name(name), licences[name]) for name in names]


def program_files(place: Path) -> list[Shard]:
    """The code files of a folder, as `find` gives them, without notebooks."""
    return [shard for shard in find(place) if not shard.name.lower().endswith(NOTEBOOK)]


@dataclass(frozen=True)
class _CodeFile:
    """What a file holds: where in it each program is, and the licence that it or its folder states."""

    name: str
    programs: Sequence["_Part"]
    licence: str


class _Part(NamedTuple):
    """A program of a file; `place` is "" where it is all of the file."""

    place: str
    language: str
    code: str

    def origin_of(self, name: str, function: CodeFunction) -> Origin:
        """Where a function of this program is in the file `name`."""
        named = f"{self.place}: {function.name}" if self.place else function.name
        return Origin(path=name, row=named, lines=function.lines)


def functions_in(shard: Shard) -> Iterator[tuple[CodeFunction, Origin, str]]:
    """The functions of a file but tests and empty ones, documented or not, each with its origin and licence.

    A generated, minified, huge or undecodable file has none.
    """
    file = _opened(shard)
    if isinstance(file, Rejected):
        return
    for part in file.programs:
        for function in functions(part.language, part.code):
            if not function.empty and not is_test(file.name, function.name):
                yield function, part.origin_of(file.name, function), file.licence


def read(shard: Shard, *, documented: bool = True, mutated: bool = True) -> Iterator[Material | Rejected]:
    """The material of one file: its documented functions, and functions with an injected bug."""
    file = _opened(shard)
    if isinstance(file, Rejected):
        yield file
        return
    for part in file.programs:
        found = functions(part.language, part.code, documented_only=not mutated)
        if not found and parses(part.language, part.code) is False:
            yield Rejected("does-not-parse", part.place, Origin(path=file.name))
        for function in found:
            origin = part.origin_of(file.name, function)
            if documented and function.documentation.strip():
                yield _documented(function, origin, file.licence)
            is_useful = not function.empty and len(function.code) in _MUTATED_CHARS
            if mutated and is_useful and not is_test(file.name, function.name):
                yield from _mutated(function, origin, file.licence)


def _opened(shard: Shard) -> _CodeFile | Rejected:
    """The programs of a file, or why it is not read."""
    content = shard.path.read_bytes()
    is_notebook = shard.name.lower().endswith(NOTEBOOK)
    if len(content) > (MAX_NOTEBOOK_BYTES if is_notebook else MAX_FILE_BYTES):
        return Rejected("file-too-large", f"{len(content)} bytes", Origin(path=shard.name))
    text = decode(shard.name, content)
    cells = python_cells(text) if is_notebook and text is not None else None
    reason = _refusal(shard.name, text, cells)
    if text is None or reason is not None:
        return Rejected(reason or "", "", Origin(path=shard.name))
    programs = list(_programs(shard.name, text, cells))
    stated = filter(None, (file_licence(part.language, part.code) for part in programs))
    return _CodeFile(shard.name, programs, next(stated, shard.licence))


def _refusal(name: str, text: str | None, cells: list[Cell] | None) -> str | None:
    if text is None or (cells is None and name.lower().endswith(NOTEBOOK)):
        return "undecodable-file"
    return refusal(name, text) if cells is None else None


def _programs(name: str, text: str, cells: list[Cell] | None) -> Iterator[_Part]:
    if cells is None:
        yield _Part("", language_of(name, text), text)
    for cell in cells or ():
        yield _Part(f"cell {cell.number}", "python", cell.code)


def is_test(path: str, name: str) -> bool:
    """Whether a function tests others, by the conventions of its file's path or its own name."""
    return _TEST_PATH.search(path) is not None or _TEST_NAME.match(re.split(r"[.:#]", name)[-1]) is not None


def _documented(function: CodeFunction, origin: Origin, licence: str) -> Function | Rejected:
    prose = prose_of(function.documentation, function.language)
    return Function.documented(function, prose, licence=licence, origin=origin)


def _mutated(function: CodeFunction, origin: Origin, licence: str) -> Iterator[Material]:
    """A function to repair, if the fix can be known, and the same to judge: half unchanged, half with the bug."""
    seed = row_seed(_FIXED_SEED, f"{origin.path}|{origin.row}|{function.lines[0]}")
    changed = mutate(function.language, function.code, seed >> 1)
    if changed is None:
        return
    edit, wrong = changed
    edited = origin.model_copy(update={"detail": f"{edit.kind} in line {edit.line}"})
    if edit.kind not in _NOT_TOLD:
        yield Repair(function.language, wrong, function.code, False, edit.kind, licence=licence, origin=edited)
    if seed & 1:
        yield JudgedFunction(
            function.language, wrong, True, edit.kind, original=function.code, licence=licence, origin=edited
        )
    else:
        yield JudgedFunction(function.language, function.code, False, edit.kind, licence=licence, origin=origin)
