"""The licences of a repository that follows REUSE (reuse.software/spec-3.3): texts in `LICENSES/`, tags for each file.

A file's tag is in its own head (see `headers`), in `FILE.license` beside it, or in `REUSE.toml`. A file without any has
all licences whose texts are there, since nobody said which.
"""

import re
import tomllib
from pathlib import Path

from coma_cli.catalog.licences.kinds import joined, kind_of
from coma_cli.catalog.licences.texts import licence_of_text, tag_in

FOLDER = "LICENSES"
_SETTINGS = "REUSE.toml"
_SIDECAR = ".license"


def texts_licence(folder: Path) -> str | None:
    """What the texts in a folder's `LICENSES/` say together; their names are SPDX identifiers."""
    try:
        paths = sorted(path for path in (folder / FOLDER).iterdir() if path.is_file() and path.name[0] != ".")
    except OSError:
        return None
    named = [
        path.stem if kind_of(path.stem) != "unknown" else licence_of_text(_read(path)) or f"unknown ({path.name})"
        for path in paths
    ]
    return joined("AND", named) if named else None


def beside(path: Path) -> str | None:
    """The tag in the file `NAME.license` beside a file."""
    sidecar = path.with_name(path.name + _SIDECAR)
    return tag_in(_read(sidecar)) if sidecar.is_file() else None


def annotations(folder: Path) -> list[tuple[re.Pattern[str], str]]:
    """The licences that a folder's `REUSE.toml` gives to paths below it; the last that matches counts."""
    try:
        content = tomllib.loads(_read(folder / _SETTINGS))
    except tomllib.TOMLDecodeError:
        return []
    found = []
    for entry in content.get("annotations") or []:
        licences = entry.get("SPDX-License-Identifier")
        stated = [licences] if isinstance(licences, str) else list(licences or [])
        paths = entry.get("path")
        for path in [paths] if isinstance(paths, str) else list(paths or []):
            if stated:
                found.append((re.compile(_pattern(path)), joined("AND", stated)))
    return found


def _pattern(path: str) -> str:
    pieces = re.split(r"(\*\*|\*)", path)
    return "".join({"**": ".*", "*": "[^/]*"}.get(piece, re.escape(piece)) for piece in pieces)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
