"""What the data is decontaminated and deduplicated against: benchmarks, files of problems, rows of other data sets."""

from collections.abc import Iterator, Sequence, Set
from pathlib import Path

from coma_cli.catalog.benchmarks import BENCHMARKS, LoadedBenchmark
from coma_cli.corpus.decontamination.available import NO_BENCHMARKS, Available, BenchmarkPlaces, available_benchmarks
from coma_cli.corpus.decontamination.reference_files import file_problems, reference_rows
from coma_cli.corpus.dedup.minhash import NearRules
from coma_cli.dataset.building import add_rows
from coma_cli.dataset.parts import PartWriter
from coma_cli.dataset.settings import HUB, BuildDataSettings
from coma_cli.errors import MissingInputError
from coma_cli.hashing import hash_file


def known_benchmarks(settings: BuildDataSettings, *, fetch: bool = True) -> Available:
    """The benchmarks of the catalogue, from the places in the settings; from the Hub if the sources are too.

    Without decontamination none is loaded, and none is missing.

    Raises:
        MissingInputError: see `available_benchmarks`.
    """
    if not settings.decontaminate:
        return NO_BENCHMARKS
    places = BenchmarkPlaces(
        given=None if settings.bench_data is None else Path(settings.bench_data),
        by_folder={name: Path(place) for name, place in settings.source.items() if place != HUB},
        sources=None if settings.sources in (None, HUB) else Path(str(settings.sources)),
        from_hub=settings.asks_hub or HUB in settings.source.values(),
        fetch=fetch,
        required=settings.strict,
    )
    return available_benchmarks(places)


def overlap_warnings(sources: Set[str], checked: Set[str]) -> Iterator[str]:
    """Warnings of benchmarks that share problems with one of the sources and that rows are not checked against."""
    for benchmark in BENCHMARKS.values():
        if benchmark.overlap is not None and benchmark.overlap.source in sources and benchmark.name not in checked:
            yield (
                f"{benchmark.overlap.words}, which are in the data: to score on it, give its file with "
                "--bench-data FOLDER."
            )


def named_problems(path: Path) -> LoadedBenchmark:
    """The problems in a file of `--decontaminate-against`, as a benchmark of the file's name.

    Raises:
        MissingInputError: the file is missing, broken or without rows.
    """
    return LoadedBenchmark(path.name, tuple(file_problems(path)), str(path), hash_named(path))


def hash_named(path: Path) -> str:
    """SHA-256 (hex) of a file that the user named.

    Raises:
        MissingInputError: there is no such file.
    """
    if not path.is_file():
        raise MissingInputError(f"There is no file {path}.", "Check the path.")
    return hash_file(path)


def reference_parts(files: Sequence[str], folder: Path, near: NearRules) -> tuple[Path, ...]:
    """Parts that hold the rows of the files of `--dedup-against`, written to `folder`.

    Raises:
        MissingInputError: a file is missing, broken or without rows.
    """
    paths = tuple(folder / f"reference-{number}" for number in range(len(files)))
    for file, path in zip(files, paths, strict=True):
        with PartWriter(path) as part:
            add_rows(part, reference_rows(Path(file)), near, 0)
    return paths
