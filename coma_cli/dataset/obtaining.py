"""Fetches the sources that are not here: of each only the files that the requested splits and the size need."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from coma_cli.catalog.sources.source import Source
from coma_cli.dataset.settings import BuildDataSettings
from coma_cli.errors import CliError
from coma_cli.formats.data_file import BrokenSourceError
from coma_cli.formats.fetching.fetch import Fetched, FetchRequest, Offer, fetch, fetched, offer
from coma_cli.formats.fetching.locations import Choice, Listing, RemoteFile, names_in_words
from coma_cli.formats.fetching.web import UnfetchedError
from coma_cli.words import size_of

ELSEWHERE = "Use --from-repo stdlib (or a folder of code), or --sources DIR with files that are already here."
BYTES_PER_SECOND = 10e6  # assumed for estimates
# Rows to fetch for each row that is wanted: cleaning, duplicates and balance leave one in two to five.
_MARGIN = 5
_SHARD = re.compile(r"(?P<group>.*?)\d+(?:-of-\d+)?(?P<end>\.[\w.]+)")
_SPLIT_ORDER = ("train", "validation", "test", "mixed")


class OtherSplitsError(CliError):
    """A source that has none of the requested splits; the message says what it holds instead."""


def obtain(source: Source, settings: BuildDataSettings, *, ask_only: bool) -> Fetched | Offer:
    """The folder of a source's files, fetched unless they are here; with `ask_only`, what fetching would take.

    Raises:
        UnfetchedError: no location of the source has its files. OtherSplitsError: none of them is of a requested split.
    """
    wanted = request_of(source, settings)
    if ask_only:
        return fetched(wanted) or offer(wanted)
    return fetch(wanted)


def request_of(source: Source, settings: BuildDataSettings) -> FetchRequest:
    """What is to be fetched of a source."""
    rows = rows_needed(source, settings)
    share = 1.0 if rows is None or not source.rows else min(1.0, rows * _MARGIN / source.rows)

    def choose(listing: Listing) -> Choice:
        return _first_shards(_of_splits(source, settings, listing), share)

    return FetchRequest(source.name, source.locations, lambda place: _holds_files(source, place), choose, ELSEWHERE)


def rows_needed(source: Source, settings: BuildDataSettings) -> int | None:
    """How many rows the sub-datasets want that a source feeds; None where there is no limit, 0 where it feeds none."""
    if not settings.table_only:
        return None
    tasks = settings.chosen_tasks()
    fed = [entry for entry in settings.mixture.subsets if source.name in entry.sources and entry.task in tasks]
    if settings.size is None:
        return None if fed else 0
    targets = settings.mixture.targets(settings.size)
    return sum(targets[entry.name] for entry in fed)


def _of_splits(source: Source, settings: BuildDataSettings, listing: Listing) -> tuple[RemoteFile, ...]:
    """The files that the source would read of these, by their names; all of them where archives hide the names."""
    if any(file.path.endswith(".zip") for file in listing.files):
        return listing.files
    with TemporaryDirectory() as folder:
        for file in listing.files:
            place = Path(folder, file.path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        shards = source.find(Path(folder))
        needed = {
            path.relative_to(folder).as_posix()
            for shard in shards
            if settings.reads_split(shard.split)
            for path in (shard.path, *(companion.path for companion in shard.companions))
        }
    if not shards:
        raise UnfetchedError(
            f"{source.name} has files of unknown names: {names_in_words([file.path for file in listing.files])}.",
            ELSEWHERE,
        )
    if not needed:
        held = splits_in_words(shard.split for shard in shards)
        raise OtherSplitsError(f"holds only {held} splits; --source-splits any reads them", "")
    return tuple(file for file in listing.files if file.path in needed)


def _first_shards(files: tuple[RemoteFile, ...], share: float) -> Choice:
    """The first shards of each group of shards, as many as hold that share of it; other files are kept."""
    groups: defaultdict[str, list[RemoteFile]] = defaultdict(list)
    for file in files:
        found = _SHARD.fullmatch(file.path)
        groups[f"{found['group']}*{found['end']}" if found else file.path].append(file)
    kept = {file for group in groups.values() for file in group[: ceil(share * len(group))]}
    held = sum(file.size or 0 for file in kept) / (sum(file.size or 0 for file in files) or 1)
    return Choice(tuple(file for file in files if file in kept), held if len(kept) < len(files) else 1.0)


def _holds_files(source: Source, place: Path) -> bool:
    try:
        return bool(source.find(place))
    except BrokenSourceError:  # no archive, though its name says so: a page of a proxy, say
        return False


def splits_in_words(splits: Iterable[str]) -> str:
    """Names of splits in their usual order, `train and test`; a file of several splits is `mixed`."""
    names = sorted({split or "mixed" for split in splits}, key=_SPLIT_ORDER.index)
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def estimate_of(source: Source, found: Offer) -> Mapping[str, Any]:
    """What a dry run says of a source that would be fetched: bytes, rows, minutes, licence, from where."""
    minutes = None if found.missing is None else round(found.missing / BYTES_PER_SECOND / 60, 1)
    return {
        "bytes": found.size,
        "bytes to fetch": found.missing,
        "rows, about": rows_offered(source, found),
        f"minutes at {size_of(BYTES_PER_SECOND)}/s": minutes,
        "licence": source.licence,
        "from": found.comes_from,
    }


def rows_offered(source: Source, found: Offer) -> int:
    """About how many rows of a source an offer has."""
    return round(source.rows * found.share)


def offer_in_words(found: Offer) -> str:
    """From where a source would be fetched, how large it is, and why it can't be fetched now."""
    size = "unknown size" if found.size is None else size_of(found.size)
    if found.missing is not None and found.size and found.missing < found.size:
        size += f", {size_of(found.missing)} of it missing"
    if not found.reason:
        return f"would be fetched from {found.comes_from} ({size})"
    return f"would be fetched from {found.comes_from} ({size} as known to coma), but {found.reason}"
