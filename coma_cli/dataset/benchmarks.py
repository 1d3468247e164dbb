"""Finds the benchmarks that build-data decontaminates against."""

from collections.abc import Mapping
from pathlib import Path

from coma_cli.catalog.benchmarks import (
    BENCHMARKS,
    DISTINCT_BENCHMARKS,
    Benchmark,
    LoadedBenchmark,
    evalplus,
    humaneval,
    mbpp,
)
from coma_cli.dataset.settings import HUB, BuildDataSettings
from coma_cli.errors import MissingInputError

# The files by which a folder is recognised as a benchmark; one that is not listed comes from its own place only.
_FILES: Mapping[str, tuple[str, ...]] = {
    humaneval.NAME: humaneval.FILES,
    "mbpp": mbpp.FULL_FILES,
    "mbpp-sanitized": mbpp.SANITIZED_FILES,
    evalplus.HUMANEVAL_PLUS.name: evalplus.HUMANEVAL_FILES,
    evalplus.MBPP_PLUS.name: evalplus.MBPP_FILES,
}
FOLDERS: Mapping[str, str] = {  # below --sources DIR
    humaneval.NAME: "humaneval",
    "mbpp": "mbpp",
    "mbpp-sanitized": "mbpp",
    evalplus.HUMANEVAL_PLUS.name: "evalplus",
    evalplus.MBPP_PLUS.name: "evalplus",
}
_ANY_PARQUET = "test-*.parquet"


def benchmarks_at_hand(
    settings: BuildDataSettings, *, fetch: bool = True
) -> tuple[tuple[LoadedBenchmark, ...], tuple[str, ...]]:
    """The benchmarks whose problems can be read, and the names of those that are not available.

    With `fetch` off, those that would be fetched are in neither.

    Each is looked for in `bench_data`, then among the given sources, then in its own place (a package; the Hugging
    Face Hub only if the sources come from there too). HumanEval+ and MBPP+ are neither fetched nor reported missing.

    Raises:
        MissingInputError: an available benchmark is broken or has no problems; `bench_data` does not exist.
    """
    for place in (settings.bench_data, *settings.source.values(), settings.sources):
        if place not in (None, HUB) and not Path(str(place)).exists():
            raise MissingInputError(f"There is no {place}.", "Check --bench-data, --source and --sources.")
    loaded: list[LoadedBenchmark] = []
    absent: list[str] = []
    for name, benchmark in BENCHMARKS.items():
        here = _given_benchmark(benchmark, settings)
        if here is not None:
            loaded.append(here)
        elif name == humaneval.NAME or (settings.asks_hub and fetch and name in DISTINCT_BENCHMARKS):
            loaded.append(benchmark.load())
        elif name in DISTINCT_BENCHMARKS and not settings.asks_hub:
            absent.append(name)
    if settings.bench_data and not any(_holds(Path(settings.bench_data), files) for files in _FILES.values()):
        looked = ", ".join(files[0] for files in _FILES.values())
        raise MissingInputError(
            f"{settings.bench_data} holds no benchmark; looked for {looked}.", "Check --bench-data."
        )
    return tuple(loaded), tuple(absent)


def _given_benchmark(benchmark: Benchmark, settings: BuildDataSettings) -> LoadedBenchmark | None:
    """A benchmark from the first given place that holds it."""
    files, folder = _FILES[benchmark.name], FOLDERS[benchmark.name]
    within = None if settings.sources in (None, HUB) else Path(str(settings.sources), folder)
    for given in (settings.bench_data, settings.source.get(folder), within):
        place = None if given is None else Path(given)
        if place is None or not _holds(place, files):
            continue
        try:
            return benchmark.load(place)
        except MissingInputError:
            # All Parquet files on the Hugging Face Hub have such names: this one may be another benchmark's.
            if _holds(place, tuple(name for name in files if not name.endswith(_ANY_PARQUET))):
                raise
    return None


def _holds(place: Path, patterns: tuple[str, ...]) -> bool:
    """Whether a folder holds a benchmark's file in its published place, or a file has its published name."""
    if place.is_dir():
        return any(next(place.glob(pattern), None) is not None for pattern in patterns)
    return any(place.match(pattern) for pattern in patterns)
