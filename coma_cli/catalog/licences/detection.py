"""Detects the licence of each file of a repository: from its licence files, else from metadata and READMEs.

The nearest licence file above a file counts. Of several in a folder, one in a file of third-party notices is not the
repository's own; files that are named after licences (`LICENSE-MIT`) are a choice only if that is said, or if all of
them are permissive.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from coma_cli.catalog.licences import reuse
from coma_cli.catalog.licences.kinds import allows, joined
from coma_cli.catalog.licences.manifests import manifest_licence, readme_licence
from coma_cli.catalog.licences.names import offers_choice
from coma_cli.catalog.licences.texts import licence_of_text

UNKNOWN = "unknown"
_POINTER = 1500  # characters of a licence file that only says which others apply
NO_FILE = f"{UNKNOWN} (no licence file)"
_SUFFIX = r"(?:\.(?:txt|md|rst|markdown|html?|\d))?"
_WORD = r"(?:mit|bsd|apache|[al]?gpl|lesser|lib|mpl|epl|isc|zlib|cc0|cc-by|psf|boost|unlicense)[\w+.-]*?"
_MAIN = re.compile(rf"(?:licen[cs]e|copying|unlicen[cs]e)(?:[-_](?:code|source|src|software))?{_SUFFIX}", re.IGNORECASE)
_VARIANT = re.compile(
    rf"(?:licen[cs]e|copying)(?:[-_ ][\w+-]+(?:\.\d+)*|\.{_WORD}){_SUFFIX}|{_WORD}[-_.](?:licen[cs]e|copying){_SUFFIX}",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"third|3rd|part(?:y|ies)\b|vendor|notice|bundle|depend|acknowledg|external|libs?\b", re.IGNORECASE
)
_NOT_CODE = re.compile(
    r"docs?\b|documentation|data\b|assets?|art(?:work)?\b|fonts?|media|images?|icons?|content", re.IGNORECASE
)


def folder_licences(top: Path, names: Iterable[str]) -> dict[str, str]:
    """The licence of each file of a repository: that of the nearest parent folder which states one."""
    stated = _Stated(top)
    return {name: stated.of(name) for name in names}


class _Stated:
    """What the folders of a repository state, each looked at once."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._folders: dict[str, str | None] = {}
        self._manifests: dict[str, str | None] = {}
        self._readmes: dict[str, str | None] = {}
        self._annotations: dict[str, list[tuple[re.Pattern[str], str]]] = {}

    def of(self, name: str) -> str:
        """The licence of a file by its name in the repository."""
        return reuse.beside(self._top / name) or self._annotated(name) or self._of_folder(name.rpartition("/")[0])

    def _annotated(self, name: str) -> str | None:
        for folder in _upwards(name.rpartition("/")[0]):
            if folder not in self._annotations:
                self._annotations[folder] = reuse.annotations(self._top / folder)
            inside = name[len(folder) :].lstrip("/")
            found = [licence for pattern, licence in self._annotations[folder] if pattern.fullmatch(inside)]
            if found:
                return found[-1]
        return None

    def _of_folder(self, folder: str) -> str:
        manifests: list[str] = []
        for above in _upwards(folder):
            own = self._look(self._folders, above, _own_licence)
            if own is not None:
                # A package within a repository may be under stricter terms than the repository as a whole.
                stricter = [m for m in manifests if not allows("permissive", m)]
                return joined("AND", [own, *stricter]) if stricter else own
            manifest = self._look(self._manifests, above, manifest_licence)
            manifests += [] if manifest is None else [manifest]
        if manifests:
            return manifests[0]
        readmes = (self._look(self._readmes, above, readme_licence) for above in _upwards(folder))
        return next((licence for licence in readmes if licence is not None), NO_FILE)

    def _look(self, known: dict[str, str | None], folder: str, find: Callable[[Path], str | None]) -> str | None:
        if folder not in known:
            known[folder] = find(self._top / folder)
        return known[folder]


def _upwards(folder: str) -> Iterator[str]:
    """A folder and those above it, up to the top, which is ""."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""


def _own_licence(folder: Path) -> str | None:
    return stated_licence(folder) or reuse.texts_licence(folder)


def stated_licence(folder: Path) -> str | None:
    """The licence of a folder's own licence files, `unknown (NAME)` if it is not recognized, None without any."""
    try:
        files = sorted(p for p in folder.iterdir() if p.is_file() and is_licence_file(p.name))
    except OSError:
        return None
    return licence_of_texts({path.name: path.read_text(encoding="utf-8", errors="replace") for path in files})


def is_licence_file(name: str) -> bool:
    """Whether a file states the licence of the code in its folder, by its name."""
    return _is_main(name) or _is_variant(name)


def _is_main(name: str) -> bool:
    return _MAIN.fullmatch(name) is not None


def _is_variant(name: str) -> bool:
    stem = name[len("licence") :] if name.lower().startswith("licen") else name
    return _VARIANT.fullmatch(name) is not None and not (_OTHERS.search(stem) or _NOT_CODE.search(stem))


def licence_of_texts(texts: Mapping[str, str]) -> str | None:
    """The licence that one folder's licence files (texts by file name) state: an SPDX expression, or `unknown (NAME)`.

    None if none of them is one.
    """
    read = {name: licence_of_text(text) for name, text in texts.items()}
    mains = {name: licence for name, licence in read.items() if _is_main(name)}
    variants = {name: licence for name, licence in read.items() if name not in mains and _is_variant(name)}
    if mains:
        return _with_main(mains, variants, "\n".join(texts[name] for name in mains))
    if not variants:
        return None
    if any(licence is None for licence in variants.values()):
        return f"{UNKNOWN} ({min(variants)})"
    named = [licence for licence in variants.values() if licence is not None]
    return joined("OR" if all(allows("permissive", licence) for licence in named) else "AND", named)


def _with_main(mains: Mapping[str, str | None], variants: Mapping[str, str | None], text: str) -> str:
    """What a main licence file states, together with those that are named after licences."""
    unread = [name for name, licence in {**mains, **variants}.items() if licence is None]
    stated = [licence for licence in mains.values() if licence is not None]
    others = [licence for licence in variants.values() if licence is not None]
    if not stated and others and len(text) <= _POINTER and not any(licence is None for licence in variants.values()):
        return joined("OR" if offers_choice(text) else "AND", others)
    if not stated or unread:
        return f"{UNKNOWN} ({min(unread)})"
    if any(licence.startswith("LGPL") for licence in others) and all(name.startswith("GPL") for name in stated):
        return joined("AND", others)  # the LGPL is the GPL with further permissions
    own = joined("AND", stated)
    extra = [licence for licence in others if licence not in stated and licence not in own.split(" ")]
    if not extra:
        return own
    return joined("OR" if offers_choice(text) and len(text) <= _POINTER else "AND", [own, *extra])
