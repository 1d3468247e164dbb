"""The licences that CodeSearchNet publishes with its functions: `<language>_licenses.pkl`, by repository.

Source of the format: resources/README.md and function_parser/fetch_licenses.py in github/CodeSearchNet: a dictionary
from `owner/name` to a pair of path and text (according to the first) or to a list of such pairs (according to the
second). Paths begin with `owner/name/`. A function has the licence of the nearest parent folder with a licence file.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from coma_cli.catalog.licences.detection import UNKNOWN, is_licence_file, licence_of_texts
from coma_cli.catalog.licences.texts import without_copyright
from coma_cli.formats.data_file import BrokenSourceError, DataFile
from coma_cli.formats.plain_pickles import as_text, load_plain

PATTERN = r"(?P<language>go|java|javascript|php|python|ruby)_licenses\.pkl(?:\.gz)?"
_TOP = "."
_Folders = Mapping[str, Mapping[str, str]]  # texts of licence files by their names, by folder


class RepositoryLicences:
    """The licence files of each repository by their folders, read when a file of the repository is looked up."""

    def __init__(self, by_repository: Mapping[str, _Folders]) -> None:
        self._by_repository = by_repository
        self._stated: dict[tuple[str, str], str] = {}

    def of(self, repository: str, path: str) -> str | None:
        """The licence of a file, by its path in its repository; None if the repository is unknown."""
        folders = self._by_repository.get(repository, {})
        above = (parent.as_posix() for parent in PurePosixPath(path).parents)
        return next((self._of_folder(repository, folder) for folder in above if folder in folders), None)

    def _of_folder(self, repository: str, folder: str) -> str:
        key = repository, folder
        if key not in self._stated:
            texts = self._by_repository[repository][folder]
            self._stated[key] = licence_of_texts(texts) or f"{UNKNOWN} ({min(texts)})"
        return self._stated[key]


def read_licences(file: DataFile) -> RepositoryLicences:
    """The licences of one language's repositories; the last files read are cached.

    Raises:
        BrokenSourceError: see `load_plain`; or the file does not hold a dictionary.
    """
    status = file.path.stat()
    return _read(file.path, file.member, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=2)
def _read(path: Path, member: str, size: int, mtime_ns: int) -> RepositoryLicences:
    file = DataFile(path, member)
    table = load_plain(file)
    if not isinstance(table, dict):
        raise BrokenSourceError(
            f"{file} holds a {type(table).__name__}, not licences by repository.", "Download it again, or remove it."
        )
    named = ((as_text(key), entry) for key, entry in table.items())
    known: dict[str, str] = {}
    return RepositoryLicences({name: _by_folder(name, entry, known) for name, entry in named if name})


def _by_folder(repository: str, entry: Any, known: dict[str, str]) -> _Folders:
    """The licence files of a repository; texts that are `known` are held once, as most repositories share theirs."""
    folders: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for path, text in _files(entry):
        inner = PurePosixPath(path.removeprefix(f"{repository}/"))
        plain = without_copyright(text)
        folders[inner.parent.as_posix()][inner.name] = known.setdefault(plain, plain)
    # Upstream also collected PATENTS and AUTHORS files: they count only where there is nothing else.
    chosen = {
        folder: {name: text for name, text in texts.items() if is_licence_file(name)}
        for folder, texts in folders.items()
    }
    found = {folder: texts for folder, texts in chosen.items() if texts}
    return found or ({_TOP: dict(folders[_TOP])} if _TOP in folders else {})


def _files(entry: Any) -> Iterator[tuple[str, str]]:
    """The pairs of path and text; anything else is skipped."""
    pairs = entry if isinstance(entry, list) else [entry]
    for pair in pairs:
        if isinstance(pair, (tuple, list)) and len(pair) == 2:
            path, text = (as_text(part) for part in pair)
            if path and text:
                yield path, text
