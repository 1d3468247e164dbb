"""Training data by its name on the Hugging Face Hub: `OWNER/NAME`, `OWNER/NAME@REVISION`, `OWNER/NAME:FILES`.

Data files only; a data set's own code is never run. The files of the training split are taken where their names say
which they are.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from coma_cli.formats.fetching.fetch import FetchRequest, fetch
from coma_cli.formats.fetching.locations import Choice, HubForm, Listing

_NAME = re.compile(r"(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)(?:@(?P<revision>[\w./-]+))?(?::(?P<files>.+))?", re.ASCII)
_PATTERNS = tuple(f"*.{form}{packing}" for form in ("jsonl", "json", "parquet", "csv") for packing in ("", ".gz"))
_NO_ROWS = ("dataset_infos.json", "dataset_info.json", "state.json", "config.json")
_OTHER_SPLITS = re.compile(r"(?:^|[/_.-])(?:test|valid|validation|dev|eval)(?:[/_.-]|$)")
_TRAINING = re.compile(r"(?:^|[/_.-])train(?:ing)?(?:[/_.-]|$)")


@dataclass(frozen=True)
class HubData:
    """A data set on the Hub, and which of its files: those that match a pattern, or those of its training split."""

    repository: str
    revision: str = "main"
    files: str = ""

    @property
    def name(self) -> str:
        """The data set's name without its owner, which counts as the source of its rows."""
        return self.repository.rpartition("/")[2]

    def fetched(self) -> list[Path]:
        """Its files, in the cache or fetched into it, by name.

        Raises:
            UnfetchedError: the Hub can't be reached, or has no such data set, revision or files.
        """
        location = HubForm(self.repository, self.revision, (self.files,) if self.files else _PATTERNS)
        wanted = FetchRequest(self.name, (location,), lambda folder: any(_files(folder)), self._chosen)
        return _files(fetch(wanted).folder)

    def _chosen(self, listing: Listing) -> Choice:
        named = [file for file in listing.files if file.path.rpartition("/")[2] not in _NO_ROWS]
        if self.files:
            return Choice(tuple(file for file in named if fnmatchcase(file.path, self.files)))
        training = [file for file in named if _TRAINING.search(file.path)]
        return Choice(tuple(training or (file for file in named if not _OTHER_SPLITS.search(file.path))))


def hub_data(text: str) -> HubData | None:
    """What a name on the Hub names; None if the text does not have the form of one."""
    found = _NAME.fullmatch(text)
    if found is None or any(fnmatchcase(found["name"], pattern) for pattern in _PATTERNS):
        return None
    return HubData(f"{found['owner']}/{found['name']}", found["revision"] or "main", found["files"] or "")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
