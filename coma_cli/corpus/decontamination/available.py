"""Finds the benchmarks whose problems are available, for stages to keep their rows clear of."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from coma_cli.catalog.benchmarks import BENCHMARKS, Benchmark, LoadedBenchmark
from coma_cli.errors import MissingInputError

_ANY_PARQUET = "test-*.parquet"


class Available(NamedTuple):
    """The benchmarks that could be read, and the names of those that are not available and should be."""

    loaded: tuple[LoadedBenchmark, ...]
    missing: tuple[str, ...]


NO_BENCHMARKS = Available((), ())


@dataclass(frozen=True)
class BenchmarkPlaces:
    """Where benchmarks are looked for, in this order.

    `given` is a file or folder of problems; `by_folder` says where the folder of a source was moved to; `sources` holds
    such folders. With `from_hub` those that the hub has are fetched from there, unless `fetch` is off.
    """

    given: Path | None = None
    by_folder: Mapping[str, Path] = field(default_factory=dict)
    sources: Path | None = None
    from_hub: bool = False
    fetch: bool = True

    def all(self) -> Iterator[Path]:
        """Every place that was named."""
        yield from (place for place in (self.given, *self.by_folder.values(), self.sources) if place is not None)

    def of(self, benchmark: Benchmark) -> Iterator[Path]:
        """The places at which a benchmark may be."""
        below = None if self.sources is None else self.sources / benchmark.folder
        named = (self.given, self.by_folder.get(benchmark.folder), below)
        yield from (place for place in named if place is not None)


def available_benchmarks(places: BenchmarkPlaces) -> Available:
    """The benchmarks of the catalogue that can be read: from the places, else from where each comes from by itself.

    A benchmark that only tests another one more thoroughly is neither fetched nor missed. With `fetch` off, those that
    would be fetched are neither loaded nor missing.

    Raises:
        MissingInputError: a benchmark that was found is broken or has no problems; a place does not exist; the place
            that was given holds no benchmark.
    """
    for place in places.all():
        if not place.exists():
            raise MissingInputError(f"There is no {place}.", "Check the path.")
    given = _of_given_file(places.given)
    loaded: list[LoadedBenchmark] = []
    missing: list[str] = []
    for benchmark in BENCHMARKS.values():
        found = given.get(benchmark.name) or _found(benchmark, places)
        if found is None and _comes_by_itself(benchmark, places):
            found = benchmark.load()
        if found is not None:
            loaded.append(found)
        elif not benchmark.same_problems_as and not (benchmark.comes_from == "hub" and places.from_hub):
            missing.append(benchmark.name)
    return Available(tuple(loaded), tuple(missing))


def _comes_by_itself(benchmark: Benchmark, places: BenchmarkPlaces) -> bool:
    """Whether a benchmark is to be read from where it comes from."""
    if benchmark.comes_from == "hub":
        return places.from_hub and places.fetch and not benchmark.same_problems_as
    return benchmark.comes_from == "package"


def _found(benchmark: Benchmark, places: BenchmarkPlaces) -> LoadedBenchmark | None:
    """A benchmark from the first place that holds it."""
    for place in places.of(benchmark):
        if not _holds(place, benchmark.files):
            continue
        try:
            return benchmark.load(place)
        except MissingInputError:
            # Every Parquet file of the hub is called so: this one may be another benchmark's.
            if _holds(place, tuple(name for name in benchmark.files if not name.endswith(_ANY_PARQUET))):
                raise
    return None


def _of_given_file(given: Path | None) -> dict[str, LoadedBenchmark]:
    """The benchmarks that a file of another name than the published ones is in the form of.

    One that is installed is never among them: some rows of its form must not take the place of all of it.

    Raises:
        MissingInputError: the place that was given holds no benchmark, by name or by content.
    """
    if given is None or any(_holds(given, benchmark.files) for benchmark in BENCHMARKS.values()):
        return {}
    found = {}
    for benchmark in BENCHMARKS.values() if given.is_file() else ():
        if benchmark.comes_from != "package":
            with suppress(MissingInputError):
                found[benchmark.name] = benchmark.load(given)
    if not found:
        looked = ", ".join(benchmark.files[0] for benchmark in BENCHMARKS.values())
        raise MissingInputError(f"{given} holds no benchmark; looked for {looked}.", "Check --bench-data.")
    return found


def _holds(place: Path, patterns: tuple[str, ...]) -> bool:
    """Whether a folder holds a benchmark's file in its published place, or a file carries its published name."""
    if place.is_dir():
        return any(next(place.glob(pattern), None) is not None for pattern in patterns)
    return any(place.match(pattern) for pattern in patterns)
