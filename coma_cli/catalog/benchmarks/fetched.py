"""The published file of a benchmark, fetched where none is given."""

from pathlib import Path

from coma_cli.formats.fetching.fetch import FetchRequest, fetch
from coma_cli.formats.fetching.locations import Location
from coma_cli.formats.files import list_files


def fetched_file(name: str, location: Location, file: str, url: str) -> tuple[Path, str]:
    """The benchmark's one file, from the cache or its location, and where it came from.

    `file` is its published name, and `url` where a person finds it.

    Raises:
        UnfetchedError: it can't be fetched; the hint says how to give the file instead.
    """
    hint = f"Get {file} from {url} and give it with --bench-data {file}"
    found = fetch(FetchRequest(f"bench-{name}", (location,), _has_one_file, hint=hint))
    return next(listed.file.path for listed in list_files(found.folder)), found.comes_from


def _has_one_file(folder: Path) -> bool:
    return len(list(list_files(folder))) == 1
