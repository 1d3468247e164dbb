# Plain paths and few imports instead of pathlib.
"""Imports where the names in a folder can be listed but not all of its files be read.

Without it, importing what must not be read is a PermissionError, and not the ImportError that programs and packages
expect of what is not installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
    SourcelessFileLoader,
)
from types import ModuleType

_LOADERS = (
    (ExtensionFileLoader, EXTENSION_SUFFIXES),
    (SourceFileLoader, SOURCE_SUFFIXES),
    (SourcelessFileLoader, BYTECODE_SUFFIXES),
)


class ReadableFinder(FileFinder):
    """Finds the modules of one folder that may be read."""

    modules: frozenset[str] = frozenset()

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        """As FileFinder's, and None for a module that may not be read."""
        return super().find_spec(fullname, target) if fullname in self.modules else None


def find_only(paths: Iterable[str], folders: Iterable[str]) -> None:
    """From now on imports find in these folders only the given files and folders."""
    entries: dict[str, set[str]] = {folder: set() for folder in folders}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder in entries:
            entries[folder].add(name.partition(".")[0])

    def find_in(folder: str) -> ReadableFinder:
        if folder not in entries:
            raise ImportError(folder)
        finder = ReadableFinder(folder, *_LOADERS)
        finder.modules = frozenset(entries[folder])
        return finder

    sys.path_hooks.insert(0, find_in)
    sys.path_importer_cache.clear()
