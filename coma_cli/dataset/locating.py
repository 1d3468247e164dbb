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
from coma_cli.dataset.parts import SUFFIX
from coma_cli.dataset.settings import HUB, BuildDataSettings
from coma_cli.errors import MissingInputError
from coma_cli.formats.data_file import BrokenSourceError, Piece, Shard
from coma_cli.formats.files import list_files
from coma_cli.formats.forms import require_whole
from coma_cli.formats.hub import fetch_source, fetched_source
from coma_cli.formats.rejected import Rejected
from coma_cli.formats.tables import MISSING_COLUMN
from coma_cli.hashing import hash_file
from coma_cli.jsonl import sha256_of
from coma_cli.workspace import Workspace

_PROBED_ROWS = 100
_NAMED_FILES = 3
_AT_ONCE = 4
# A file is read once per piece, so there are few pieces; the costly work is done once per row.
PIECE_BYTES = 8 << 20
MOST_PIECES = 16
_SPLIT_ORDER = ("train", "validation", "test", "mixed")


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
    """A source that was found: its files in a fixed order, and where it was looked for."""

    source: Source
    place: str
    units: tuple[WorkUnit, ...]

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
        return self.source.splits or _in_words(unit.shard.split for unit in self.units)


@dataclass(frozen=True)
class FoundFiles:
    """What was found of the requested sources.

    `missing` maps known sources that were not found to the place where they should be, with what it holds instead;
    `broken` those that can't be read to the reason; `other_splits` those without a file of a requested split to what
    they hold instead; `to_fetch` those that would be fetched to where they come from.
    """

    located: tuple[Located, ...]
    missing: Mapping[str, str]
    broken: Mapping[str, str]
    other_splits: Mapping[str, str] = field(default_factory=dict)
    to_fetch: Mapping[str, str] = field(default_factory=dict)


def locate(
    settings: BuildDataSettings, tasks: tuple[str, ...], workspace: Workspace, *, fetch: bool = True
) -> FoundFiles:
    """The sources that feed these tasks, in the order of the catalogue, then repositories, then generated rows.

    With `fetch` off, nothing is fetched, and `to_fetch` names what would be.

    Raises:
        UsageError: unknown source. MissingInputError: a place does not exist or holds none of the sources, the Hugging
            Face Hub can't be reached, or a source is broken and `skip_broken_sources` is not set.
    """
    located: list[Located] = []
    missing: dict[str, str] = {}
    broken: dict[str, str] = {}
    other_splits: dict[str, str] = {}
    to_fetch: dict[str, str] = {}
    generated = generated_sources(settings.with_generated, workspace)
    for source, place in chain(_places(settings, tasks, fetch=fetch), generated):
        if isinstance(place, _Absent):
            (to_fetch if place.to_fetch else missing)[source.name] = str(place)
            continue
        try:
            entry = _located(source, place, settings)
            if isinstance(entry, Located):
                located.append(entry)
            else:
                other_splits[source.name] = entry
        except BrokenSourceError as error:
            if not settings.skip_broken_sources:
                raise BrokenSourceError(
                    error.message, f"{error.hint} Or skip it with --skip-broken-sources."
                ) from error
            broken[source.name] = error.message
    found = FoundFiles(tuple(located), missing, broken, other_splits, to_fetch)
    if not located and not to_fetch:
        raise _nothing_found(settings, tasks, found)
    return found


@dataclass(frozen=True)
class _Absent:
    """The place where a source is not: below `--sources DIR`; or on the Hugging Face Hub, from where to fetch it.

    `holds` names what is in the folder instead, where there is one.
    """

    name: str
    to_fetch: bool = False
    holds: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.holds}" if self.holds else self.name


def _places(
    settings: BuildDataSettings, tasks: tuple[str, ...], *, fetch: bool
) -> Iterator[tuple[Source, Path | _Absent]]:
    """Every requested source that feeds the tasks, and its place."""
    for name in settings.source:
        lookup("source", name, SOURCES)
    sources = HUB if settings.asks_hub else settings.sources
    if sources not in (None, HUB) and not Path(str(sources)).is_dir():
        raise MissingInputError(
            f"There is no folder {sources} (--sources).", "Give a folder, or hub for the Hugging Face Hub."
        )
    known = [source for source in SOURCES.values() if set(source.tasks) & set(tasks)]
    for source in known:
        place = _place(source, settings.source.get(source.name), sources, fetch=fetch)
        if place is not None:
            yield source, place
    dumps = [dump(settings.stackexchange)] if settings.stackexchange is not None else []
    given = chain(dumps, _repositories(settings.from_repo, tasks))
    yield from ((source, place) for source, place in given if set(source.tasks) & set(tasks))


def _place(source: Source, given: str | None, sources: str | None, *, fetch: bool) -> Path | _Absent | None:
    """Where a known source is to be read; None if it is not requested."""
    if given is not None:
        return Path(given)
    if sources == HUB:
        return _from_hub(source, fetch=fetch)
    if sources is None:
        return None
    place, name = Path(sources, source.folder), f"{sources}/{source.folder}"
    if not place.exists():
        return _Absent(name)
    return place if _holds_files(source, place) else _Absent(name, holds=_what_it_holds(place))


def _what_it_holds(place: Path) -> str:
    """Why nothing is read from a place that exists: the names of the first files there, none of which is known."""
    names = [listed.name for listed in islice(list_files(place), _NAMED_FILES + 1)]
    if not names:
        return "is there, but empty"
    more = ", ..." if len(names) > _NAMED_FILES else ""
    return f"is there, but holds none of its publisher's files, only {', '.join(names[:_NAMED_FILES])}{more}"


def _from_hub(source: Source, *, fetch: bool) -> Path | _Absent | None:
    if source.hub is None:
        return None
    if fetch:
        return fetch_source(source.hub)
    return fetched_source(source.hub) or _Absent(f"{source.hub.repository} at {source.hub.revision}", to_fetch=True)


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
        return f"holds only {_in_words(shard.split for shard in there)} splits; --source-splits any reads them"
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


def _in_words(splits: Iterable[str]) -> str:
    """Names of splits in their usual order, `train and test`; a file of several splits is `mixed`."""
    names = sorted({split or "mixed" for split in splits}, key=_SPLIT_ORDER.index)
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


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
