"""What each run was made from: the runs of its workspace behind its inputs, and whether they still are what it read.

An input counts by its content. Its path only says where to look: a workspace may have been moved or renamed since.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from coma_cli.hashing import hash_file, hash_tree
from coma_cli.pipeline import PIPELINE
from coma_cli.workspace.artifact import MANIFEST, Input, read_artifact
from coma_cli.workspace.listing import ListedRun, size_of_folder

# Inputs whose hash is that of the bytes at their path (`Input.of_path`), by their names.
_OF_BYTES = re.compile(r"data-\d+(-\d+)?|samples \d+|template|validation|adapter|pending")
_MOST_BYTES_HASHED = 64 << 20  # by one command, of files that were written to after they were read
_COMMANDS = frozenset(row.command for row in PIPELINE)


class RunPlace(NamedTuple):
    """A place in a workspace: command and name of a run, and the path in its folder, "" for the folder itself."""

    command: str
    name: str
    within: str


@dataclass(frozen=True)
class RunOrigin:
    """One input of a run: the run of this workspace that it comes from, if any, and what is wrong with it now.

    `changed` says that it is gone or not what was read; None if nothing speaks against it.
    """

    input: Input
    run: ListedRun | None
    changed: str | None


def inputs_of(stated: Mapping[str, Any]) -> list[Input]:
    """The inputs in a manifest or settings.json of any version; entries of another form are skipped."""
    listed = stated.get("inputs")
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    fields = ("name", "path", "content_sha256")
    return [Input(*(str(entry[key]) for key in fields)) for entry in entries if all(key in entry for key in fields)]


class Origins:
    """The runs of one workspace by place and content."""

    def __init__(self, root: Path, runs: Sequence[ListedRun]) -> None:
        """`root` is the workspace's folder, `runs` all that is in it."""
        self.root = root
        self.runs = runs
        self._exists: dict[str, bool] = {}
        self._real: dict[str, str] = {}
        self._left = _MOST_BYTES_HASHED

    @cached_property
    def _by_title(self) -> Mapping[str, ListedRun]:
        return {run.title: run for run in self.runs}

    @cached_property
    def _by_content(self) -> Mapping[str, list[ListedRun]]:
        found: dict[str, list[ListedRun]] = {}
        for run in self.runs:
            if run.artifact is not None:
                found.setdefault(run.artifact.content_sha256, []).append(run)
        return found

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        """The workspace's folder as it is called, and as it is called without symbolic links."""
        return tuple(dict.fromkeys((os.path.normpath(self.root.absolute()), str(self.root.resolve()))))

    @cached_property
    def _bases(self) -> tuple[str, ...]:
        """The folders that a relative path may start from: this one, and the one that the workspace is in."""
        return (str(Path.cwd()), *(str(Path(root).parent) for root in self._roots))

    def of(self, run: ListedRun) -> list[RunOrigin]:
        """The origins of a run, in the order of its inputs."""
        return [self._origin(run, given) for given in inputs_of(run.stated)]

    def _origin(self, run: ListedRun, given: Input) -> RunOrigin:
        place = self.place_of(given.path)
        named = self._by_title.get(f"{place.command}/{place.name}") if place else None
        equal = [other for other in self._by_content.get(given.content_sha256, ()) if other is not run]
        if equal:
            return RunOrigin(given, named if named in equal else equal[0], None)
        if named is not None and named is not run:
            assert place is not None
            return RunOrigin(given, named, self._change_of_run(named, place.within, given))
        if place is not None and named is None:
            return RunOrigin(given, None, f"{place.command}/{place.name} is gone")
        return RunOrigin(given, None, self._change_outside(run, given))

    def place_of(self, path: str) -> RunPlace | None:
        """The place in this workspace that a recorded path names, None for a path outside of it."""
        there = [candidate for candidate in self._candidates(path) if self._is_there(candidate)]
        for candidate in (*self._candidates(path), *map(self._without_links, there)):
            for root in self._roots:
                if candidate.startswith(f"{root}/"):
                    return _place(candidate[len(root) + 1 :].split("/"))
        if there:
            return None
        parts = path.split("/")
        last = max((n for n, part in enumerate(parts[:-1]) if part in _COMMANDS), default=None)
        return None if last is None else _place(parts[last:])

    def _candidates(self, path: str) -> list[str]:
        """Where a recorded path may be now; the first is where it was, if it is absolute."""
        places = [path] if path.startswith("/") else [f"{base}/{path}" for base in self._bases]
        return list(dict.fromkeys(map(os.path.normpath, places)))

    def _is_there(self, path: str) -> bool:
        if path not in self._exists:
            self._exists[path] = os.access(path, os.F_OK)
        return self._exists[path]

    def _without_links(self, path: str) -> str:
        if path not in self._real:
            self._real[path] = os.path.realpath(path)
        return self._real[path]

    def _change_of_run(self, run: ListedRun, within: str, given: Input) -> str | None:
        """How a run of this workspace, or something in its folder, differs from what was read."""
        if run.holder is not None:
            return f"{run.title} is being written"
        if run.artifact is None:
            return f"{run.title} is unfinished"
        if not within:
            return f"{run.title} has changed"
        entry = run.artifact.manifest["outputs"].get(within)
        if entry is None:
            return None if os.path.lexists(run.path / within) else f"{run.title}/{within} is gone"
        hashes = {entry["sha256"], entry["content_sha256"]}
        is_other = given.content_sha256 not in hashes and _OF_BYTES.fullmatch(given.name) is not None
        return f"{run.title}/{within} has changed" if is_other else None

    def _change_outside(self, run: ListedRun, given: Input) -> str | None:
        """How a file or folder outside the workspace differs from what was read, as far as its path tells."""
        is_of_bytes = _OF_BYTES.fullmatch(given.name) is not None
        if not given.path.startswith("/") and not is_of_bytes:
            return None  # the name of a model, a benchmark or a data set
        there = next((path for path in self._candidates(given.path) if self._is_there(path)), None)
        if there is None:
            # A relative path was meant from a folder that nobody recorded: most likely where the workspace is.
            known = given.path.startswith("/") or self._bases[0] in self._bases[1:]
            return f"{given.path} is gone" if known else None
        try:
            is_other = self._is_other(run, Path(there), given, is_of_bytes)
        except OSError:  # unreadable: nothing is known
            return None
        return f"{given.path} has changed" if is_other else None

    def _is_other(self, run: ListedRun, path: Path, given: Input, is_of_bytes: bool) -> bool:
        """Whether a run of another workspace, a file or a folder differs; False if that would take too long to say."""
        if self._is_there(str(path / MANIFEST)):
            artifact = read_artifact(path / MANIFEST)
            return artifact is None or artifact.content_sha256 != given.content_sha256
        if not is_of_bytes:
            return False
        size, changed = _size_and_change(path)
        began = _began(run)
        if (began is not None and changed < began) or size > self._left:
            return False
        self._left -= size
        return (hash_tree(path) if path.is_dir() else hash_file(path)) != given.content_sha256


def _place(parts: Sequence[str]) -> RunPlace | None:
    if len(parts) < 2 or parts[0] not in _COMMANDS:
        return None
    return RunPlace(parts[0], parts[1], "/".join(parts[2:]))


def _size_and_change(path: Path) -> tuple[int, float]:
    """Bytes of a file or folder, and when it was last written to, renamed or replaced."""
    if path.is_dir():
        size = size_of_folder(path)
        return sum(size.parts.values()), size.changed
    status = path.stat()
    return status.st_size, max(status.st_mtime, status.st_ctime)


def _began(run: ListedRun) -> float | None:
    """When a run first was begun, in seconds since the epoch."""
    try:
        return datetime.fromisoformat(str(run.header["created"])).timestamp()
    except (KeyError, ValueError):
        return None


def dependants(origins: Mapping[str, Iterable[RunOrigin]]) -> dict[str, list[str]]:
    """By title of a run the titles of the runs that were made from it; `origins` are those of all runs by title."""
    found: dict[str, list[str]] = {}
    for title, made_from in origins.items():
        for run in dict.fromkeys(_titles(made_from)):
            found.setdefault(run, []).append(title)
    return found


def _titles(made_from: Iterable[RunOrigin]) -> Iterator[str]:
    return (origin.run.title for origin in made_from if origin.run is not None)
