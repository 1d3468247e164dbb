"""Finds what build-data reads: the files of the requested sources."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path

from coma_cli.catalog import lookup
from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.catalog.sources import SOURCES
from coma_cli.catalog.sources.repository.repository import repository
from coma_cli.catalog.sources.source import Source
from coma_cli.catalog.sources.stackoverflow.stackexchange import dump
from coma_cli.dataset.generated import generated_sources, require_rows
from coma_cli.dataset.obtaining import ELSEWHERE, OtherSplitsError, obtain, rows_needed, splits_in_words
from coma_cli.dataset.parts import SUFFIX
from coma_cli.dataset.settings import HUB, BuildDataSettings
from coma_cli.errors import CliError, MissingInputError, UsageError
from coma_cli.formats.data_file import BrokenSourceError, Piece, Shard
from coma_cli.formats.fetching.fetch import Fetched, Offer
from coma_cli.formats.fetching.web import UnfetchedError
from coma_cli.formats.files import list_files
from coma_cli.formats.forms import require_whole
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import MISSING_COLUMN
from coma_cli.hashing import hash_file
from coma_cli.jsonl import sha256_of
from coma_cli.words import count_of
from coma_cli.workspace import Workspace

_PROBED_ROWS = 100
_NAMED_FILES = 3
_AT_ONCE = 4
# A file is read once per piece, so there are few pieces; the costly work is done once per row.
PIECE_BYTES = 8 << 20
MOST_PIECES = 16


@dataclass(frozen=True)
class WorkUnit:
    """One file of one source, or a piece of it: what a worker builds rows from.

    `sha256` is `hash_shard` at the time the run was planned.
    """

    source: Source
    shard: Shard
    sha256: str

    @property
    def part_name(self) -> str:
        """The name of the file that holds the rows of this unit."""
        piece = [self.shard.piece.number, self.shard.piece.of]
        return sha256_of([self.source.name, self.shard.name, self.shard.licence, self.sha256, piece])[:24] + SUFFIX


@dataclass(frozen=True)
class Located:
    """A source that was found: its files in a fixed order, and where it was looked for.

    `comes_from` says where it was fetched, with the commit; empty for files that were here.
    """

    source: Source
    place: str
    units: tuple[WorkUnit, ...]
    comes_from: str = ""

    @property
    def content_sha256(self) -> str:
        """Hash over names, licences and contents of its files."""
        files = [unit for unit in self.units if unit.shard.piece.number == 0]
        return sha256_of([[unit.shard.name, unit.shard.licence, unit.sha256] for unit in files])

    @property
    def files(self) -> int:
        """How many files it has."""
        return sum(unit.shard.piece.number == 0 for unit in self.units)

    @property
    def splits(self) -> str:
        """The upstream splits that its files hold, in words."""
        return self.source.splits or splits_in_words(unit.shard.split for unit in self.units)


@dataclass(frozen=True)
class FoundFiles:
    """What was found of the requested sources.

    `missing` maps known sources that were not found to the place where they should be, with what it holds instead;
    `broken` those that can't be read to the reason; `other_splits` those without a file of a requested split to what
    they hold instead; `to_fetch` those that would be fetched to what that takes; `unfetched` those that could not be
    fetched to the error. `left_out` says of sources why they are not fetched, and `blocker` is what stops the run.
    """

    located: tuple[Located, ...]
    missing: Mapping[str, str]
    broken: Mapping[str, str]
    other_splits: Mapping[str, str] = field(default_factory=dict)
    to_fetch: Mapping[str, Offer] = field(default_factory=dict)
    unfetched: Mapping[str, CliError] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    blocker: CliError | None = None


def locate(
    settings: BuildDataSettings, tasks: tuple[str, ...], workspace: Workspace, *, fetch: bool = True
) -> FoundFiles:
    """The sources that feed these tasks, in the order of the catalogue, then repositories, then generated rows.

    A source that can't be fetched is skipped and named. With `fetch` off, nothing is fetched, `to_fetch` names what
    would be, and what would stop the run is the result's `blocker`.

    Raises:
        UsageError: unknown source. MissingInputError: a place does not exist or holds none of the sources, none of them
            can be fetched, a task that was named would have no source, or a source is broken and `skip_broken_sources`
            is not set.
    """
    found = _Findings()
    generated = generated_sources(settings.with_generated, workspace)
    for source, place in chain(_places(settings, tasks, fetch=fetch), generated):
        _add(found, source, place, settings)
    files = found.files()
    blocker = _blocker(settings, tasks, files)
    if blocker is not None and (fetch or not (settings.asks_hub or files.to_fetch)):
        raise blocker
    return replace(files, blocker=blocker)


class _Findings:
    """What was found so far, in the order of the sources."""

    def __init__(self) -> None:
        self.located: list[Located] = []
        self.missing: dict[str, str] = {}
        self.broken: dict[str, str] = {}
        self.other_splits: dict[str, str] = {}
        self.to_fetch: dict[str, Offer] = {}
        self.unfetched: dict[str, CliError] = {}
        self.left_out: dict[str, str] = {}

    def files(self) -> FoundFiles:
        """All of it."""
        return FoundFiles(
            tuple(self.located),
            self.missing,
            self.broken,
            self.other_splits,
            self.to_fetch,
            self.unfetched,
            self.left_out,
        )


def _add(found: _Findings, source: Source, place: "_Place", settings: BuildDataSettings) -> None:
    name = source.name
    match place:
        case Offer():
            found.to_fetch[name] = place
            if place.reason:
                found.unfetched[name] = UnfetchedError(place.reason, ELSEWHERE)
        case OtherSplitsError():
            found.other_splits[name] = place.message
        case CliError():
            found.unfetched[name] = place
        case _Absent():
            (found.left_out if place.on_purpose else found.missing)[name] = str(place)
        case _:
            _add_files(found, source, place, settings)


def _add_files(found: _Findings, source: Source, place: Path | Fetched, settings: BuildDataSettings) -> None:
    """Read the head of what is here; a broken source that was given stops the run, unless it may be skipped."""
    try:
        folder = place if isinstance(place, Path) else place.folder
        entry = _located(source, folder, settings)
    except BrokenSourceError as error:
        if isinstance(place, Fetched):
            found.unfetched[source.name] = error
        elif settings.skip_broken_sources:
            found.broken[source.name] = error.message
        else:
            raise BrokenSourceError(error.message, f"{error.hint} Or skip it with --skip-broken-sources.") from error
        return
    if isinstance(entry, Located):
        found.located.append(entry if isinstance(place, Path) else replace(entry, comes_from=place.comes_from))
    else:
        found.other_splits[source.name] = entry


def _blocker(settings: BuildDataSettings, tasks: tuple[str, ...], found: FoundFiles) -> CliError | None:
    """What stops the run: nothing to read, a named task without a source, or with `--strict` any that is lacking."""
    usable = [SOURCES[name] for name in found.to_fetch if name not in found.unfetched]
    usable += [entry.source for entry in found.located]
    failed = next(iter(found.unfetched.items()), None)
    if not usable:
        return _nothing_found(settings, tasks, found) if failed is None else _without(failed[1], len(found.unfetched))
    if failed is not None and settings.strict:
        return UnfetchedError(
            f"{failed[0]}: {failed[1].message}", "Drop --strict to continue without it, or try again."
        )
    named = () if "all" in settings.tasks else tasks
    for task in named:
        feeding = [name for name in found.unfetched if task in SOURCES[name].tasks]
        if feeding and not any(task in source.tasks for source in usable):
            reason = found.unfetched[feeding[0]].message
            return UnfetchedError(f"No source is left for the task {task}: {reason}", ELSEWHERE)
    return None


def _without(error: CliError, failures: int) -> CliError:
    """The error of a run of which no source could be fetched: the first one, and how many there were."""
    others = f" {count_of(failures - 1, 'other source')} can't be fetched either." if failures > 1 else ""
    return UnfetchedError(f"{error.message}{others}", ELSEWHERE)


@dataclass(frozen=True)
class _Absent:
    """The place below `--sources DIR` where a source is not, or, `on_purpose`, why it is not fetched.

    `holds` names what is in the folder instead, where there is one.
    """

    name: str
    holds: str = ""
    on_purpose: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.holds}" if self.holds else self.name


_Place = Path | Fetched | Offer | _Absent | CliError


def _places(settings: BuildDataSettings, tasks: tuple[str, ...], *, fetch: bool) -> Iterator[tuple[Source, _Place]]:
    """Every requested source that feeds the tasks, and its place."""
    for name in settings.source:
        lookup("source", name, SOURCES)
    sources = HUB if settings.asks_hub else settings.sources
    if sources not in (None, HUB) and not Path(str(sources)).is_dir():
        raise MissingInputError(
            f"There is no folder {sources} (--sources).", "Give a folder, or hub to fetch the sources."
        )
    known = [source for source in SOURCES.values() if set(source.tasks) & set(tasks)]
    for source in known:
        place = _place(source, settings, sources, fetch=fetch)
        if place is not None:
            yield source, place
    dumps = [dump(settings.stackexchange)] if settings.stackexchange is not None else []
    given = chain(dumps, _repositories(settings.from_repo, tasks))
    yield from ((source, place) for source, place in given if set(source.tasks) & set(tasks))


def _place(source: Source, settings: BuildDataSettings, sources: str | None, *, fetch: bool) -> _Place | None:
    """Where a known source is to be read; None if it is not requested."""
    given = settings.source.get(source.name)
    if given not in (None, HUB):
        return Path(str(given))
    if given == HUB or sources == HUB:
        return _to_fetch(source, settings, named=given == HUB, fetch=fetch)
    if sources is None:
        return None
    place, name = Path(sources, source.folder), f"{sources}/{source.folder}"
    if not place.exists():
        return _Absent(name)
    return place if _holds_files(source, place) else _Absent(name, _what_it_holds(place))


def _to_fetch(source: Source, settings: BuildDataSettings, *, named: bool, fetch: bool) -> _Place | None:
    """A source that is fetched, or why it is not."""
    if not source.locations:
        if named:
            raise UsageError(f"{source.name} can't be fetched: it was not published.", f"--source {source.name}=PATH")
        return None
    if source.on_request and not named:
        why = f"{source.on_request}; --source {source.name}=hub fetches it"
        return _Absent(why, on_purpose=True)
    if not named and rows_needed(source, settings) == 0:
        return _Absent(f"no sub-dataset of {settings.mixture.name} takes its rows", on_purpose=True)
    try:
        return obtain(source, settings, ask_only=not fetch)
    except (UnfetchedError, OtherSplitsError) as error:
        return error


def _what_it_holds(place: Path) -> str:
    """Why nothing is read from a place that exists: the names of the first files there, none of which is known."""
    names = [listed.name for listed in islice(list_files(place), _NAMED_FILES + 1)]
    if not names:
        return "is there, but empty"
    more = ", ..." if len(names) > _NAMED_FILES else ""
    return f"is there, but holds none of its publisher's files, only {', '.join(names[:_NAMED_FILES])}{more}"


def _holds_files(source: Source, place: Path) -> bool:
    """Whether a place holds files of a source; a broken archive counts, since reading it will say what is wrong."""
    try:
        return bool(source.find(place))
    except BrokenSourceError:
        return True


def _repositories(folders: Iterable[str], tasks: tuple[str, ...]) -> Iterator[tuple[Source, Path]]:
    """Folders of code as sources; folders of the same name get a number."""
    names: set[str] = set()
    for folder in folders:
        source, place = repository(Path(folder), tasks=tasks)
        number = 2
        while source.name in names:
            source, place = repository(Path(folder), f"repo:{place.resolve().name}-{number}", tasks)
            number += 1
        names.add(source.name)
        yield source, place


def _located(source: Source, place: Path, settings: BuildDataSettings) -> Located | str:
    """The requested files of a source; if there are none, what it holds instead."""
    if not place.exists():
        raise MissingInputError(
            f"There is no {place} for the source {source.name}.", f"Check --source {source.name}=PATH."
        )
    there = source.find(place)
    if not there:
        raise BrokenSourceError(
            f"{place} holds no file of the source {source.name}.", f"See {source.url or 'the folder'}."
        )
    shards = [shard for shard in there if settings.reads_split(shard.split)]
    if not shards:
        return f"holds only {splits_in_words(shard.split for shard in there)} splits; --source-splits any reads them"
    for shard in shards:
        if source.read_rows is not None:
            require_rows(source, shard)
        elif source.name in SOURCES:
            _probe(source, shard)
    if source.name in SOURCES or source.read_rows is not None:
        _require_whole(shards)
    return Located(source, str(place), tuple(unit for shard in shards for unit in _units(source, shard)))


def _units(source: Source, shard: Shard) -> Iterator[WorkUnit]:
    """A file, or the pieces of a large one; their number depends on its size alone, never on the machine."""
    sha256 = hash_shard(shard)
    pieces = 1 if source.reads_whole else min(MOST_PIECES, 1 + shard.file.size // PIECE_BYTES)
    for number in range(pieces):
        yield WorkUnit(source, replace(shard, piece=Piece(number, pieces)), sha256)


def hash_shard(shard: Shard) -> str:
    """Hash over a shard's bytes and those of its companions; a member of an archive counts as all of it."""
    own = hash_file(shard.path)
    return sha256_of([own, *(hash_file(file.path) for file in shard.companions)]) if shard.companions else own


def _require_whole(shards: Iterable[Shard]) -> None:
    """Read packed files to their ends, several at a time (unpacking leaves the interpreter to other threads)."""
    files = dict.fromkeys(file for shard in shards for file in (shard.file, *shard.companions))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(require_whole, files))


def _probe(source: Source, shard: Shard) -> None:
    """Read the first rows of a file, so that a source in a wrong form stops the command before anything is built."""
    first = list(islice(source.read(shard), _PROBED_ROWS))
    wrong = [entry for entry in first if isinstance(entry, Rejected) and entry.reason == MISSING_COLUMN]
    if wrong and len(wrong) == len(first):
        raise BrokenSourceError(f"{shard.file}: {wrong[0].detail}.", "Give the file in its publisher's form.")


def _nothing_found(settings: BuildDataSettings, tasks: tuple[str, ...], found: FoundFiles) -> MissingInputError:
    if found.broken:
        return MissingInputError("All sources are broken: " + " ".join(found.broken.values()), "Fetch them again.")
    if found.other_splits:
        held = "; ".join(f"{name} {why.partition(';')[0]}" for name, why in found.other_splits.items())
        wanted = ", ".join(settings.source_splits)
        return MissingInputError(f"No source has rows of the {wanted} split: {held}.", "Add --source-splits any.")
    if found.missing:
        looked = ", ".join(f"{name} ({place})" for name, place in found.missing.items())
        return MissingInputError(
            f"No file of the known sources is in {settings.sources}; looked for {looked}.",
            "Check --sources: it takes one folder per source, with the files as their publishers name them.",
        )
    return MissingInputError(
        f"No source given feeds {', '.join(tasks)}.", "Add --from-repo DIR (or stdlib), or choose other --tasks."
    )


def unread_folders(settings: BuildDataSettings) -> list[str]:
    """Folders below `--sources DIR` that belong to no source and no benchmark of the catalogue."""
    if settings.sources in (None, HUB):
        return []
    known = {source.folder for source in SOURCES.values()} | {entry.folder for entry in BENCHMARKS.values()}
    return sorted(
        p.name for p in Path(str(settings.sources)).iterdir() if p.is_dir() and p.name not in known and p.name[0] != "."
    )
