"""Fetches what a source or a benchmark is read from: from the first of its locations that has it, and only once."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from coma_cli import console
from coma_cli.formats.fetching.github import fetch_github, size_on_github
from coma_cli.formats.fetching.locations import Choice, HubForm, Listing, Location, RemoteFile, all_of, names_in_words
from coma_cli.formats.fetching.store import Store
from coma_cli.formats.fetching.web import HINT, UnfetchedError, is_offline
from coma_cli.formats.hub import cached_listing, fetch_hub, list_hub
from coma_cli.words import size_of

_AT_ONCE = 4
_ROOM_LEFT = 500_000_000  # bytes of the disk that are not used up


@dataclass(frozen=True)
class FetchRequest:
    """What to fetch: the name of the source or benchmark, its locations in order, and which of their files are needed.

    `is_there` says whether a folder holds what is to be read; `hint` says what else the user can do.
    """

    name: str
    locations: tuple[Location, ...]
    is_there: Callable[[Path], bool]
    choose: Callable[[Listing], Choice] = all_of
    hint: str = HINT


@dataclass(frozen=True)
class Fetched:
    """A folder with what was wanted, and where it came from, with the commit or tag."""

    folder: Path
    comes_from: str


@dataclass(frozen=True)
class Offer:
    """What fetching would take: bytes in total and those that are missing here (None: unknown), and the share of rows.

    `reason` says why it can't be fetched now; sizes are then those that the catalogue knows.
    """

    comes_from: str
    size: int | None
    missing: int | None
    share: float = 1.0
    reason: str = ""


def fetched(wanted: FetchRequest) -> Fetched | None:
    """What was wanted, where all of it is here; nothing is asked over the network."""
    for location in wanted.locations:
        store = Store.of(wanted.name, location)
        listing = store.listing() or (_from_client_cache(location) if is_offline() else None)
        if listing is None:
            continue
        choice = wanted.choose(listing)
        paths = [(file, store.path_of(listing.commit, file)) for file in choice.files]
        whole = [(file, path) for file, path in paths if path is not None]
        if whole and len(whole) == len(paths):
            view = store.view(whole)
            if wanted.is_there(view):
                return Fetched(view, location.words(listing.commit))
    return None


def fetch(wanted: FetchRequest) -> Fetched:
    """What was wanted, from the cache or else from the first location that has it.

    Raises:
        UnfetchedError: no location has it, or there is too little room on the disk.
    """
    if (here := fetched(wanted)) is not None:
        return here
    reasons = []
    for location in wanted.locations:
        store = Store.of(wanted.name, location)
        try:
            with store.locked():
                return _fetched_from(store, wanted)
        except UnfetchedError as error:
            reasons.append(error)
            if location != wanted.locations[-1]:
                console.note(f"{wanted.name}: {error.message} Trying {wanted.locations[len(reasons)].words()}.")
    raise _all_failed(wanted, reasons)


def offer(wanted: FetchRequest) -> Offer:
    """What fetching would take: asks for names and sizes, and fetches nothing."""
    reasons = []
    for location in wanted.locations:
        store = Store.of(wanted.name, location)
        try:
            listing = store.listing() or _asked(location)
            choice = wanted.choose(_require_files(listing, location))
            sizes = [_size_of(location, file) for file in choice.files]
        except UnfetchedError as error:
            reasons.append(error)
            continue
        there = [store.path_of(listing.commit, file) is not None for file in choice.files]
        known = [size for size in sizes if size is not None]
        total = sum(known) if len(known) == len(sizes) else location.known_size
        missing: int | None = sum(size or 0 for size, is_here in zip(sizes, there, strict=True) if not is_here)
        if len(known) < len(sizes) and not all(there):
            missing = location.known_size
        return Offer(location.words(listing.commit), total, missing, choice.share)
    first = wanted.locations[0]
    return Offer(first.words(), first.known_size, first.known_size, reason=_all_failed(wanted, reasons).message)


def _fetched_from(store: Store, wanted: FetchRequest) -> Fetched:
    location = store.location
    listing = store.listing() or _require_files(_asked(location), location)
    store.keep(listing)
    choice = wanted.choose(listing)
    missing = [file for file in choice.files if store.path_of(listing.commit, file) is None]
    _require_room(store, missing)
    _fetch_files(wanted.name, store, listing.commit, missing)
    paths = [(file, store.path_of(listing.commit, file)) for file in choice.files]
    view = store.view([(file, path) for file, path in paths if path is not None])
    if not wanted.is_there(view):
        names = sorted(file.path for file in choice.files)
        store.discard(choice.files)
        raise UnfetchedError(
            f"{location.words(listing.commit)} was fetched, but holds none of the files of {wanted.name} that coma "
            f"knows: expected {location.expected}; there: {names_in_words(names)}.",
            wanted.hint,
        )
    return Fetched(view, location.words(listing.commit))


def _asked(location: Location) -> Listing:
    """What a location has; the files of GitHub are known without asking."""
    if isinstance(location, HubForm):
        return list_hub(location)
    return Listing(location.revision, location.all_files)


def _from_client_cache(location: Location) -> Listing | None:
    listing = cached_listing(location) if isinstance(location, HubForm) else None
    return listing if listing is not None and listing.files else None


def _require_files(listing: Listing, location: Location) -> Listing:
    if not listing.files:
        raise UnfetchedError(
            f"{location.words(listing.commit)} has none of the expected files: expected {location.expected}; "
            f"there: {names_in_words(listing.rest)}.",
            HINT,
        )
    return listing


def _size_of(location: Location, file: RemoteFile) -> int | None:
    """The size of a file; GitHub is asked whether it is there."""
    if isinstance(location, HubForm):
        return file.size
    asked = size_on_github(location, file)
    return file.size if asked is None else asked


def _require_room(store: Store, missing: list[RemoteFile]) -> None:
    """Raise where the files would fill the disk; what is there of them already counts."""
    needed = sum(max(0, (file.size or 0) - store.partial_size(file)) for file in missing)
    needed = needed or (store.location.known_size or 0 if missing else 0)
    free = shutil.disk_usage(store.folder).free
    if needed and needed > free - _ROOM_LEFT:
        raise UnfetchedError(
            f"{store.location.words()} needs {size_of(needed)}, and {store.folder} has {size_of(free)} free.",
            "Free some space, or set COMA_CACHE to a folder on a larger disk.",
        )


def _fetch_files(name: str, store: Store, commit: str, missing: list[RemoteFile]) -> None:
    """Fetch files, several at a time; the first error ends it, and what was fetched until then is kept."""
    if not missing:
        return
    console.note(f"Fetching {name} from {store.location.words(commit)}")
    done = sum(store.partial_size(file) for file in missing)
    total = sum(file.size or 0 for file in missing) or store.location.known_size or 0
    with console.progress(name, total, done, sizes=True) as ticker:
        counter = _Counter(ticker)

        def fetch_one(file: RemoteFile) -> None:
            if isinstance(store.location, HubForm):
                fetch_hub(store.location, commit, file, store.target(file), counter.advance)
            else:
                fetch_github(store.location, file, store.target(file), counter.advance)

        pool = ThreadPoolExecutor(_AT_ONCE)
        try:
            for fetching in as_completed([pool.submit(fetch_one, file) for file in missing]):
                fetching.result()
        finally:
            counter.stop()
            pool.shutdown(cancel_futures=True)


class _Counter:
    """Counts the bytes of several threads, and ends them at their next one after `stop`."""

    def __init__(self, ticker: console.Ticker) -> None:
        self._ticker = ticker
        self._lock = Lock()
        self._stopped = False

    def advance(self, count: int) -> None:
        if self._stopped:
            raise UnfetchedError("Another file could not be fetched.", HINT)
        with self._lock:
            self._ticker.advance(count)

    def stop(self) -> None:
        self._stopped = True


def _all_failed(wanted: FetchRequest, reasons: list[UnfetchedError]) -> UnfetchedError:
    said = " ".join(error.message for error in reasons) or f"{wanted.name} has no known location."
    hint = reasons[0].hint if len(reasons) == 1 else HINT
    return UnfetchedError(said, wanted.hint if wanted.hint != HINT else hint)
