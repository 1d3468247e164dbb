"""Which installed packages a program needs, by the imports in its text, and what its zygote imports beforehand.

A zygote can read and has imported only what its programs name, with what that depends on, so the time of an import is
not charged to a program, and a program that names nothing is forked from a small process.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

from coma_cli.sandbox.contract import SandboxError
from coma_cli.sandbox.read_list import NEVER, PACKAGES, installed_in, normal_name, top_entries, with_dependencies

# Modules to import beforehand that the package itself does not import.
_SUBMODULES = {"scipy": ("scipy.stats", "scipy.signal", "scipy.optimize", "scipy.spatial")}
# A statement at the start of a line, behind a colon or a semicolon, or in a string that is executed.
_IMPORT = re.compile(r"(?:^|[\n\r;:'\"])[ \t\f]*(import|from)[ \t]+([^\n\r;#'\")]*)")
_BY_CALL = re.compile(r"(?:__import__|import_module)\s*\(\s*['\"]([\w.]+)")


@dataclass(frozen=True)
class ImportablePackages:
    """The packages of the folder `site` that programs may import: the usual ones and the distributions in `extra`."""

    site: str = ""
    extra: tuple[str, ...] = ()

    @cached_property
    def _distributions(self) -> dict[str, str]:
        """The installed ones, by the names that are imported."""
        installed = installed_in(self.site) if self.site else {}
        usual = {name: name for name in PACKAGES if name in installed}
        return usual | {module: name for name in self.extra for module in modules_of(self.site, name)}

    def needed_by(self, *texts: str) -> tuple[str, ...]:
        """The distributions that these texts import, without those that come with another of them."""
        distributions = self._distributions
        found: set[str] = set()
        for text in texts:
            # Plain searches first: they are much faster, and usually enough.
            if "import" in text:
                for module in distributions:
                    if module in text and module in _imported(text):
                        found.add(distributions[module])
        if not found:
            return ()
        return tuple(sorted(name for name in found if not any(self._brings(o, name) for o in found if o != name)))

    def bring_numpy(self, distributions: Iterable[str]) -> bool:
        """Whether a program with these distributions may return values of numpy."""
        return any(name == "numpy" or self._brings(name, "numpy") for name in distributions)

    def _brings(self, one: str, other: str) -> bool:
        return other in _closure(self.site, one)


@cache
def _closure(site: str, name: str) -> frozenset[str]:
    return frozenset(with_dependencies((name,), installed_in(site)))


@lru_cache(maxsize=1)
def _imported(text: str) -> frozenset[str]:
    """Top-level names of the modules that a text imports; a few more where a string reads like an import."""
    found = {name.partition(".")[0] for name in _BY_CALL.findall(text)}
    for keyword, names in _IMPORT.findall(text.replace("\\\n", " ")):
        for name in names.split(",") if keyword == "import" else [names]:
            found.add(name.strip().partition(" ")[0].partition(".")[0])
    return frozenset(found)


@cache
def modules_of(site: str, distribution: str) -> tuple[str, ...]:
    """Top-level modules of an installed distribution."""
    if distribution in PACKAGES:
        return (distribution,)
    entries = (entry.partition("/")[0] for entry in top_entries(installed_in(site)[distribution], distribution))
    found = {entry.partition(".")[0] for entry in entries if not entry.endswith((".libs", "-info", ".pth"))}
    return tuple(sorted(name for name in found if name.isidentifier()))


def to_preload(site: str, distributions: Iterable[str]) -> list[str]:
    """What a zygote imports for these distributions."""
    return [
        module
        for name in distributions
        for top in modules_of(site, name)
        for module in (top, *_SUBMODULES.get(top, ()))
    ]


@cache
def importable_packages(site: str, names: Sequence[str] = ()) -> ImportablePackages:
    """The usual packages, and these, by the names of their distributions or modules.

    Raises:
        SandboxError: one is not installed, or holds what programs must not read.
    """
    return ImportablePackages(site, tuple(dict.fromkeys(_distribution(site, name) for name in names)))


def _distribution(site: str, asked: str) -> str:
    name = normal_name(asked)
    installed = installed_in(site) if site else {}
    if name not in installed:
        by_module = (other for other in installed if asked in modules_of(site, other))
        name = next(by_module, name)
    if name in NEVER:
        raise SandboxError(f"programs must not read the package {asked}: it holds answers of benchmarks, or is coma's")
    if name not in installed:
        raise SandboxError(f"the package {asked} is not installed where numpy and the other packages are")
    return name
