"""The licence that a folder states where it has no licence file: in package metadata, or in a section of its README.

Sources of the fields: PEP 639 and the core metadata of Python packages, npm's package.json, Cargo's manifest format,
Composer's schema, RubyGems' specification, Maven's POM reference.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from coma_cli.catalog.licences.kinds import PROPRIETARY, joined
from coma_cli.catalog.licences.names import of_value
from coma_cli.catalog.licences.texts import licence_of_text

_MOST_BYTES = 1_000_000
_README = re.compile(r"readme(?:\.(?:md|rst|txt|markdown|adoc|rdoc))?", re.IGNORECASE)
_HEADING = re.compile(
    r"^(?:[ \t]*(?:#{1,6}|={1,6})[ \t]*(?P<marked>[^\n#=]+?)[ \t]*[#=]*"
    r"|(?P<underlined>[^\n]+)\n[=\-~^\"'*+]{3,})[ \t]*$",
    re.MULTILINE,
)
_ABOUT_LICENCE = re.compile(
    r"(?:copyright\s*(?:and|&)\s*)?licen[cs](?:e|es|ing)(?:\s+(?:and|&)\s+copyright)?", re.IGNORECASE
)
_LONGEST_SECTION = 4000
_WITHHOLDS = re.compile(r"UNLICENSED|SEE LICEN[CS]E IN.*|proprietary|private|commercial", re.IGNORECASE | re.DOTALL)


def manifest_licence(folder: Path) -> str | None:
    """The licence in the package metadata of a folder; those of several files apply all."""
    found = []
    for path, read in _present(folder, MANIFESTS):
        values = list(read(path))
        found += [licence for value in values if (licence := _of_value(value)) is not None]
    return joined("AND", found) if found else None


def readme_licence(folder: Path) -> str | None:
    """The licence that the section on it in a folder's README names, and nothing else is said there."""
    try:
        paths = sorted(path for path in folder.iterdir() if _README.fullmatch(path.name) and path.is_file())
    except OSError:
        return None
    for path in paths:
        section = _section(_text(path))
        if section:
            return licence_of_text(section) if len(section) <= _LONGEST_SECTION else None
    return None


def _of_value(value: str) -> str | None:
    return PROPRIETARY if _WITHHOLDS.fullmatch(value.strip()) else of_value(value)


def _present(
    folder: Path, readers: Mapping[str, Callable[[str], Iterator[str]]]
) -> Iterator[tuple[str, Callable[[str], Iterator[str]]]]:
    """The texts of a folder's manifests, each with its reader."""
    for pattern, read in readers.items():
        paths = sorted(folder.glob(pattern)) if "*" in pattern else [folder / pattern]
        yield from ((_text(path), read) for path in paths if path.is_file())


def _text(path: Path) -> str:
    try:
        with path.open("rb") as handle:
            return handle.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _section(text: str) -> str:
    """What is under the heading on the licence, up to the next heading."""
    headings = list(_HEADING.finditer(text))
    for number, heading in enumerate(headings):
        title = (heading["marked"] or heading["underlined"] or "").strip(" :*_")
        if _ABOUT_LICENCE.fullmatch(title):
            end = headings[number + 1].start() if number + 1 < len(headings) else len(text)
            return text[heading.end() : end].strip()
    return ""


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _strings(value: object) -> Iterator[str]:
    """The licence in a field that may be a string, a table or a list of these."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (item for key in ("text", "type", "name") if isinstance(item := value.get(key), str))
    elif isinstance(value, list):
        parts = [part for item in value for part in _strings(item)]
        yield " OR ".join(parts) if len(parts) > 1 else "".join(parts)


def _of_pyproject(text: str) -> Iterator[str]:
    content = _toml(text)
    project, poetry = _table(content.get("project")), _table(_table(content.get("tool")).get("poetry"))
    for table in (project, poetry):
        stated = list(_strings(table.get("license")))
        classifiers = [c for c in table.get("classifiers") or [] if isinstance(c, str)]
        yield from stated or _of_classifiers(classifiers)


def _of_classifiers(classifiers: list[str]) -> Iterator[str]:
    for classifier in classifiers:
        kind, _, name = classifier.rpartition(" :: ")
        if kind.startswith("License"):
            yield name


def _of_cargo(text: str) -> Iterator[str]:
    yield from _strings(_table(_toml(text).get("package")).get("license"))


def _of_json(text: str) -> Iterator[str]:
    """Npm's and Composer's files; a list means a choice."""
    try:
        content = _table(json.loads(text))
    except ValueError:
        return
    yield from (value for key in ("license", "licenses") for value in _strings(content.get(key)))


def _of_setup_cfg(text: str) -> Iterator[str]:
    match = re.search(r"^license\s*=\s*(.+)$", text, re.MULTILINE)
    if match:
        yield match[1]
    else:
        yield from _of_classifiers(re.findall(r"^\s*(License :: .+?)\s*$", text, re.MULTILINE))


def _of_setup_py(text: str) -> Iterator[str]:
    match = re.search(r"\blicense\s*=\s*([\"'])(.+?)\1", text)
    if match:
        yield match[2]
    else:
        yield from _of_classifiers(re.findall(r"[\"'](License :: .+?)[\"']", text))


def _of_gemspec(text: str) -> Iterator[str]:
    match = re.search(r"\.licenses?\s*=\s*(.+)$", text, re.MULTILINE)
    if match:
        yield from _strings(re.findall(r"[\"'](.+?)[\"']", match[1]))


def _of_pom(text: str) -> Iterator[str]:
    within = re.search(r"<licenses>(.*?)</licenses>", text, re.DOTALL)
    if within:
        yield from _strings(re.findall(r"<name>\s*(.*?)\s*</name>", within[1], re.DOTALL))


MANIFESTS: Mapping[str, Callable[[str], Iterator[str]]] = {
    "pyproject.toml": _of_pyproject,
    "setup.cfg": _of_setup_cfg,
    "setup.py": _of_setup_py,
    "package.json": _of_json,
    "composer.json": _of_json,
    "Cargo.toml": _of_cargo,
    "*.gemspec": _of_gemspec,
    "pom.xml": _of_pom,
}
