"""Finds the benchmarks whose problems are available to decontaminate rows against."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from coma_cli.catalog.benchmarks import BENCHMARKS, Benchmark, LoadedBenchmark, NoProblemsError
from coma_cli.corpus.decontamination.shipped import covered
from coma_cli.errors import MissingInputError, MissingPackageError
from coma_cli.formats.fetching.web import UnfetchedError

_ANY_PARQUET = "test-*.parquet"


class Available(NamedTuple):
    """The benchmarks that were loaded, and the names of those that rows can't be checked against.

    The latter have no file here, and their hashes are not part of this package (see `shipped`).
    """

    loaded: tuple[LoadedBenchmark, ...]
    missing: tuple[str, ...]


NO_BENCHMARKS = Available((), ())


@dataclass(frozen=True)
class BenchmarkPlaces:
    """Where to look for benchmarks, in this order.

    `given` is a file or folder of problems; `by_folder` gives the place of single source folders; `sources` contains
    such folders. With `from_hub`, benchmarks on the Hugging Face Hub are fetched from there, unless `fetch` is off; one
    that can't be fetched is missing, or with `required` an error.
    """

    given: Path | None = None
    by_folder: Mapping[str, Path] = field(default_factory=dict)
    sources: Path | None = None
    from_hub: bool = False
    fetch: bool = True
    required: bool = False

    def all(self) -> Iterator[Path]:
        """All places."""
        yield from (place for place in (self.given, *self.by_folder.values(), self.sources) if place is not None)

    def of(self, benchmark: Benchmark) -> Iterator[Path]:
        """The places where a benchmark may be."""
        below = None if self.sources is None else self.sources / benchmark.folder
        named = (self.given, self.by_folder.get(benchmark.folder), below)
        yield from (place for place in named if place is not None)


def available_benchmarks(places: BenchmarkPlaces) -> Available:
    """The benchmarks of the catalogue that can be loaded: from the places, else from a package or the Hugging Face Hub.

    A benchmark with the problems of another one is neither fetched nor reported as missing. With `fetch` off, those
    that would be fetched are neither loaded nor missing. One whose hashes are part of this package is never missing,
    and it need not be fetched.

    Raises:
        MissingInputError: a benchmark that was found is broken; a place does not exist; `given` contains no benchmark
            or no problems of the one in it; one that is `required` can't be fetched.
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
            found = _loaded(benchmark, required=places.required)
        if found is not None:
            loaded.append(found)
        elif not (
            benchmark.name in covered() or (benchmark.comes_from == "hub" and places.from_hub and not places.fetch)
        ):
            missing.append(benchmark.name)
    return Available(tuple(loaded), tuple(missing))


def _loaded(benchmark: Benchmark, *, required: bool) -> LoadedBenchmark | None:
    """A benchmark from its package or from the Hub.

    None where it can't be fetched and isn't `required`, or where it isn't installed and its hashes are here.
    """
    try:
        return benchmark.load()
    except UnfetchedError:
        if required:
            raise
    except MissingPackageError:
        if benchmark.name not in covered():
            raise
    return None


def _comes_by_itself(benchmark: Benchmark, places: BenchmarkPlaces) -> bool:
    """Whether a benchmark is loaded without a file: from a package, or from the Hugging Face Hub."""
    if benchmark.comes_from == "hub":
        return places.from_hub and places.fetch and not benchmark.same_problems_as
    return benchmark.comes_from == "package"


def _found(benchmark: Benchmark, places: BenchmarkPlaces) -> LoadedBenchmark | None:
    """A benchmark from the first place that contains it."""
    for place in places.of(benchmark):
        if not _holds(place, benchmark.files):
            continue
        try:
            return benchmark.load(place)
        except NoProblemsError:
            if place == places.given:
                raise  # a source may hold training rows only, but this place was given for its problems
        except MissingInputError:
            # All Parquet files on the Hub have this name: this one may be another benchmark's.
            if _holds(place, tuple(name for name in benchmark.files if not name.endswith(_ANY_PARQUET))):
                raise
    return None


def _of_given_file(given: Path | None) -> dict[str, LoadedBenchmark]:
    """Benchmarks recognised by the rows of a file that has none of the published names.

    An installed benchmark is never among them: a few rows in its form must not replace all of it.

    Raises:
        MissingInputError: the place contains no benchmark, by name or by content.
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
    """Whether a folder contains a benchmark's file in its published place, or a file has its published name."""
    if place.is_dir():
        return any(next(place.glob(pattern), None) is not None for pattern in patterns)
    return any(place.match(pattern) for pattern in patterns)
