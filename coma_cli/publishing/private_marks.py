"""Finds in files what must not be published: paths of this machine, the user's name in paths, keys and tokens.

A run's files are made so that they have none of it. This is the check before they leave the machine; it reads every
byte, at about the speed of the disk.
"""

import getpass
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

BLOCK_BYTES = 1 << 22
_FEWEST_PARTS = 4  # of a path, its root included: /data/train or /tmp/out are in code that anybody wrote
_HOMES = ("/home", "/Users")
_FEWEST_KEY_CHARS = 16
_KEY_VARIABLE = re.compile(r"(?:_|\b)(?:API_?KEY|TOKEN|SECRET|PASSWORD)$")
_WORD_GOES_ON = re.compile(rb"[\w-]")
_SYSTEM = ("/usr/", "/opt/", "/lib/", "/etc/", "/var/lib/")  # whose paths are the same on many machines
# Accounts of images and examples, whose homes are in code that anybody wrote.
_COMMON_USERS = frozenset(
    {"root", "user", "username", "me", "admin", "dev", "developer", "test", "student", "work", "app", "build", "nobody"}
    | {"runner", "ubuntu", "debian", "ec2-user", "azureuser", "vagrant", "jovyan", "vscode", "codespace", "docker"}
)


class PrivateMark(NamedTuple):
    """A text that must not be published, and what it is; the text of a key is never shown."""

    what: str
    text: str
    shown: str


class PrivateText(NamedTuple):
    """A private text in a file: the file's name, and the line where the text is (from 1)."""

    file: str
    line: int
    mark: PrivateMark


def private_marks(paths: Iterable[str | Path] = (), environment: Mapping[str, str] = os.environ) -> list[PrivateMark]:
    """What must not be published from this machine.

    These are `paths`, the home folder and the present one, the user's name in paths, and keys in the environment.
    """
    marks = [PrivateMark("a path of this machine", text, text) for text in _paths(paths)]
    user = _user()
    if user:
        marks += [
            PrivateMark("the user's name in a path", f"{folder}{user}", f"{folder}{user}")
            for folder in ("/home/", "/Users/", "\\Users\\")
        ]
    marks += [
        PrivateMark("a key", value, f"the value of {name}")
        for name, value in environment.items()
        if _KEY_VARIABLE.search(name.upper()) and len(value) >= _FEWEST_KEY_CHARS
    ]
    return marks


def _paths(paths: Iterable[str | Path]) -> Iterator[str]:
    """Absolute paths that say something about this machine, each once; shorter ones cover those below them."""
    there = [Path.home(), Path.cwd(), *(Path(path).expanduser() for path in paths)]
    absolute = sorted({os.path.abspath(path) for path in there}, key=len)  # noqa: PTH100  # links stay what they are called
    kept: list[str] = []
    for path in absolute:
        place = PurePosixPath(path)
        at_home = str(place.parent) in _HOMES and place.name not in _COMMON_USERS
        telling = at_home or len(place.parts) >= _FEWEST_PARTS
        covered = any(f"{path}/".startswith(f"{shorter}/") for shorter in kept)
        if telling and not covered and not path.startswith(_SYSTEM):
            kept.append(path)
    yield from kept


def _user() -> str | None:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for this user
        return None
    return None if name in _COMMON_USERS else name


def find_private(files: Mapping[str, Path], marks: Iterable[PrivateMark]) -> Iterator[PrivateText]:
    """The first private text of each kind in each file; `files` by the names under which they would be published."""
    forms = [(mark, form) for mark in marks for form in _forms(mark.text)]
    if not forms:
        return
    for name, path in files.items():
        yield from _in_file(name, path, forms)


def _forms(text: str) -> set[bytes]:
    """A text as files may spell it: as it is, and as within JSON, with and without escapes for other characters."""
    spelled = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return {form.encode("utf-8", "surrogateescape") for form in spelled}


def _in_file(name: str, path: Path, forms: list[tuple[PrivateMark, bytes]]) -> Iterator[PrivateText]:
    overlap = max(len(form) for _, form in forms) + 1
    found: set[PrivateMark] = set()
    before, lines = b"", 0
    with path.open("rb") as handle:
        block = handle.read(BLOCK_BYTES)
        while block:
            following = handle.read(BLOCK_BYTES)
            window = before + block
            for mark, form in forms:
                place = -1 if mark in found else _place_of(form, window, at_end=not following)
                if place >= 0:
                    found.add(mark)
                    yield PrivateText(name, lines + window.count(b"\n", 0, place) + 1, mark)
            before = window[-overlap:]
            lines += window.count(b"\n", 0, len(window) - len(before))
            block = following


def _place_of(form: bytes, window: bytes, *, at_end: bool) -> int:
    """Where a window has a text that no longer word begins with; -1 if nowhere. Its end is the file's, or unknown."""
    place = window.find(form)
    while place >= 0:
        after = window[place + len(form) : place + len(form) + 1]
        if _WORD_GOES_ON.match(after) is None and (after or at_end):
            return place
        place = window.find(form, place + 1)
    return -1
